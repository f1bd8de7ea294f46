"""Recognizes one model under different names, such as `openai/gpt-4o`, `GPT-4o:latest` and `gpt-4o-2024-08-06`.

Precise rather than complete: two different models never have one identity, while two names of one model may have two.
"""

import re
from typing import NamedTuple

_PLACEHOLDERS = """
any auto chat custom default llama-cpp llm local local-llm local-model model none placeholder scripted tgi unknown
"""
"""Names, in the form of `ModelIdentity.base`, that servers with one model accept or report; they identify no model."""

_PUBLISHERS = """
@cf @hf accounts ai21 ai21labs alibaba allenai amazon anthropic aws azure bartowski bedrock bytedance cerebras cohere
coherelabs cohereforai databricks deepinfra deepseek deepseek-ai fireworks fireworks_ai gemini ggml-org github google
groq hf.co huggingface huggingface.co ibm ibm-granite inception liquid lmstudio-community meta meta-llama microsoft
minimax minimaxai mistral mistralai mlx-community models moonshotai neuralmagic nim nousresearch nvidia ollama openai
openai-community openrouter perplexity publishers qwen redhatai sambanova stepfun-ai thebloke tiiuae together
together_ai togethercomputer unsloth vertex_ai vllm workers-ai x-ai xai xiaomi z-ai zai-org
"""
"""Publishers, converters and hosts that stand before `/` in a model name."""

_BEDROCK = re.compile(
    r"(?:(?:us|us-gov|eu|apac|global|jp|au)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|nvidia|openai|qwen)\.(?=[a-z])"
)
_ROUTE = re.compile(r":(?:exacto|floor|free|nitro)$|-v[1-9]:0$")
"""Variants of a route, not of a model: https://openrouter.ai/docs/features/provider-routing; versions of Bedrock."""

_FORMAT = re.compile(
    r"[-_.:](?:gguf|awq|gptq|mlx|exl2|hf|bf16|fp16|f16|fp[48]|fp8[-_]dynamic|nvfp4|mxfp4|int[48]|w\da\d{1,2}|nf4|"
    r"bnb|[3468][-_]?bit|ud|i?q\d(?:_[0-9a-z]{1,2}){0,2})$|(?<=-instruct)-(?:turbo|lite)$"
)
"""File formats and quantizations of the same weights; Together names its own `-Turbo` and `-Lite`."""

_VERSION = re.compile(r"@([\w.-]{1,30})$|[-:](latest)$|-(20\d\d-?[01]\d-?[0-3]\d)$|-(\d{4})$")
_MAX_CHARS = 200


class ModelIdentity(NamedTuple):
    """A model name without publisher, format and version; `version` is "" or "latest" for the current one."""

    base: str
    version: str

    def is_same(self, other: "ModelIdentity") -> bool:
        """Return True if both name one model: equal versions, or the current one and a dated one.

        A version of four digits may be another model (`deepseek-r1-0528`): it is the same only as itself and `latest`.
        A name without a publisher is that of any publisher.
        """
        owners = {base.rpartition("/")[0] for base in (self.base, other.base)} - {""}
        has_one_base = len({base.rpartition("/")[2] for base in (self.base, other.base)}) == 1 and len(owners) < 2
        if not has_one_base or self.version == other.version:
            return has_one_base
        versions = {self.version, other.version}
        one_is_current = not versions.isdisjoint(("", "latest"))
        return one_is_current and ("latest" in versions or all(len(version) != 4 for version in versions))


def identity_of_name(name: str) -> ModelIdentity | None:
    """Return the identity of a model name; None if it names no model, as `default` does.

    >>> identity_of_name("meta-llama/Llama-3.1-8B-Instruct-FP8") == identity_of_name("llama3.1-8b-instruct")
    True
    >>> identity_of_name("llama3.1:8b") == identity_of_name("llama3.1:70b")
    False
    """
    name = name[:_MAX_CHARS].strip().lower().replace("\\", "/")
    if name.endswith(".gguf"):
        name = name.rpartition("/")[2]
    while "/" in name and name.partition("/")[0] in _PUBLISHERS.split():
        name = name.partition("/")[2]
    name = _without(_FORMAT, _without(_ROUTE, _BEDROCK.sub("", name, count=1) if _BEDROCK.match(name) else name))
    version = ""
    if found := _VERSION.search(name):
        version = next(filter(None, found.groups())).replace("-", "").removesuffix("default")
        name = name[: found.start()]
    base = re.sub(r"[\s._]+", "-", re.sub(r"(\d)p(\d)", r"\1-\2", name)).removeprefix("meta-")
    base = re.sub(r"([a-z]{3,})(\d)", r"\1-\2", base.replace("llama-v", "llama-"))
    return None if base in _PLACEHOLDERS.split() or not base else ModelIdentity(base, version)


def _without(suffixes: re.Pattern[str], name: str) -> str:
    while found := suffixes.search(name):
        name = name[: found.start()]
    return name
