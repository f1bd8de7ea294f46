"""`Provider`: what this package knows about the chat endpoint of one provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lightrouter_graph.errors import PoolError, checked_choices

Continuation = Literal["continue_final_message", "prefix_flag", "prefill"]
"""How an endpoint continues a final assistant message instead of answering it.

`continue_final_message`: two fields in the request body (vLLM, SGLang). `prefix_flag`: `"prefix": true` on the message
(DeepSeek, Mistral). `prefill`: without any field.
"""

JsonMode = Literal["json_schema", "json_object"]
"""What `response_format` supports; `json_object` asks for JSON without a schema."""

LimitParameter = Literal["max_completion_tokens", "max_tokens"]
"""The request field that limits the output tokens."""


@checked_choices(PoolError)
@dataclass(frozen=True, slots=True)
class Provider:
    """One provider with an OpenAI-compatible chat endpoint; `register_provider` describes the other attributes.

    Attributes:
        other_api_key_env: Another environment variable with the API key, read if the first is not set.
        key_required: Whether a missing key is an error; else a placeholder is sent.
        base_url: Default URL of the endpoint; None = the model spec or the environment must give it.
        base_url_env: Environment variable with another URL.
        default_path: Path appended to a URL without a path.
        default_port: Port appended to a host name without scheme and port.
        default_models: Models for `Pool.from_env` with their `reasoning_effort`, so that boots are not all reasoning.
    """

    api_key_env: str | None = None
    other_api_key_env: str | None = None
    key_required: bool = True
    base_url: str | None = None
    base_url_env: str | None = None
    default_path: str = ""
    default_port: int | None = None
    limit_parameter: LimitParameter = "max_tokens"
    continuation: Continuation | None = None
    json_mode: JsonMode | None = None
    no_reasoning: Mapping[str, Any] | None = None
    price_id: str | None = None
    default_models: Mapping[str, str | None] = field(default_factory=dict)

    def key_variable(self, env: Mapping[str, str]) -> str | None:
        """Return the environment variable that holds the API key: the first that is set, else the usual one."""
        names = [name for name in (self.api_key_env, self.other_api_key_env) if name]
        return next((name for name in names if env.get(name, "").strip()), self.api_key_env)
