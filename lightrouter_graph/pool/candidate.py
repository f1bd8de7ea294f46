"""`Candidate`: one chat model of the pool with its name, price and request parameters."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.errors import PoolError, checked_choices
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.providers.learned import LearnedCapabilities
from lightrouter_graph.providers.model_facts import facts_of, retries_of
from lightrouter_graph.providers.options import checked_options
from lightrouter_graph.providers.pricing import Price, find_price
from lightrouter_graph.providers.spec import parse_spec, with_base_url
from lightrouter_graph.providers.table import Continuation, JsonMode
from lightrouter_graph.redaction import redact


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False, weakref_slot=True)
class Candidate:
    """A named chat model of the pool. Immutable except for `learned`; compared by identity.

    Attributes:
        spec: The model spec it was built from; None for a chat model object.
        provider: Name of the provider; None if unknown.
        model_name: Name of the model at the provider.
        limit_is_field: True if `limit_parameter` is a field of the model class (`model_copy(update={name: n})`) and not
            an argument of a call, as in `ChatOllama`.
        max_retries: Retries of one call, >= 0.
        timeout_s: Time limit of one call in seconds, instead of those of `Context.calls`; None for theirs.
        samples: How many opinions of this model count.
        context: Size of the context window in tokens, as in `max_input_tokens` of the model's profile; None if unknown.
        learned: Capabilities learned from failed requests.

    Example:
        ```python
        Candidate("mini", "openai:gpt-5.4-mini", tags=("fast",))
        Candidate("mine", "vllm:Qwen/Qwen3-8B@http://localhost:8000/v1", price=(0.02, 0.02))
        Candidate("claude", ChatAnthropic(model="claude-haiku-4-5"))
        ```
    """

    name: str
    model: BaseChatModel
    spec: str | None
    provider: str | None
    model_name: str
    price: Price | None
    tags: tuple[str, ...]
    limit_parameter: str
    limit_is_field: bool
    continuation: Continuation | None
    json_mode: JsonMode | None
    max_concurrency: int | None
    max_retries: int
    timeout_s: float | None
    samples: int
    context: int | None
    learned: LearnedCapabilities

    @checked_choices(PoolError)
    def __init__(
        self,
        name: str,
        model: BaseChatModel | str,
        *,
        price: Price | tuple[float, float] | None = None,
        tags: Sequence[str] = (),
        limit_parameter: str | None = None,
        continuation: Continuation | None = None,
        json_mode: JsonMode | None = None,
        max_concurrency: int | None = None,
        samples: int = 1,
        context: int | None = None,
        timeout_s: float | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        reasoning_effort: str | None = None,
        base_url: str | None = None,
        api_key_env: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        """Create a candidate. Arguments left out are read from the model and the provider table.

        Args:
            name: Name in rankings, events and bills: a non-empty string without control characters.
            model: A chat model, or a spec such as `openai:gpt-5.4-mini`.
            price: USD per 1M tokens, as a `Price` or as (input, output); None if unknown.
            tags: Labels for priors and selectors.
            limit_parameter: The parameter of a call that limits the output tokens.
            continuation: How the endpoint continues a final assistant message; None if it does not.
            json_mode: What `response_format` supports; None if nothing.
            max_concurrency: Limit of concurrent calls to the endpoint, >= 1; None for the default. Candidates with the
                same URL and API key share one limit, the smallest. 1 for a server with one GPU.
            timeout_s: Time limit of each call in seconds, > 0; None for those of `Context.calls`. The client of a
                chat model object keeps its own limit beside it.
            samples: How many opinions of this model count, >= 1. The answers of one model under several names agree
                with each other as one opinion; n samples are n opinions on purpose, and a `Pool` repeats the candidate,
                as `name#2` and so on, until the model has n candidates. Use it with a temperature above 0.
            context: Size of the context window in tokens, >= 1; None for that of the model's profile.
            temperature: Sampling temperature, 0 to 2. This and the following options are only for a spec; a chat model
                has its own. Their values are not shown in errors.
            top_p: Nucleus sampling, above 0 to 1.
            reasoning_effort: Reasoning effort of a reasoning model; "none" switches reasoning off where possible.
            base_url: Address of the endpoint, instead of `@http://...` in the spec.
            api_key_env: Environment variable with the API key.
            headers: Headers of each request.
            extra_body: Fields that are added to the body of each request.

        Raises:
            PoolError: If an argument is invalid, or `model` is not a chat model.
        """
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise PoolError(f"a candidate's name must be printable and not empty, got {name!r}")
        options = {
            "temperature": temperature,
            "top_p": top_p,
            "reasoning_effort": reasoning_effort,
            "base_url": base_url,
            "api_key_env": api_key_env,
            "headers": headers,
            "extra_body": extra_body,
        }
        built = _with_context(_built(name, model, options), name, context)
        facts = facts_of(built)
        values = {
            "name": name,
            "model": built,
            "spec": facts.spec,
            "provider": facts.provider,
            "model_name": facts.model_name,
            "price": _as_price(price) or find_price(facts.price_id, facts.model_name),
            "tags": _checked_tags(name, tags),
            "limit_parameter": limit_parameter or facts.limit_parameter,
            "limit_is_field": facts.limit_is_field and limit_parameter is None,
            "continuation": continuation or facts.continuation,
            "json_mode": json_mode or facts.json_mode,
            "max_concurrency": None
            if max_concurrency is None
            else _checked_count(name, "max_concurrency", max_concurrency),
            "max_retries": retries_of(built),
            "timeout_s": _checked_timeout(name, timeout_s),
            "context": (built.profile or {}).get("max_input_tokens"),
            "samples": _checked_count(name, "samples", samples),
            "learned": LearnedCapabilities(),
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)

    def __deepcopy__(self, _memo: object) -> "Candidate":
        """Return the candidate itself: its model has connections and locks, which cannot be copied."""
        return self

    def copied(self, **changes: Any) -> "Candidate":
        """Return a copy with the same model and learned capabilities.

        Args:
            **changes: Attributes that differ; their values are not checked.
        """
        copy = object.__new__(Candidate)
        for field in fields(self):
            object.__setattr__(copy, field.name, changes.get(field.name, getattr(self, field.name)))
        return copy

    def __repr__(self) -> str:
        """Name and spec or class only: the repr of a chat model may contain secrets."""
        return f"Candidate({self.name!r}, {self.spec or type(self.model).__name__})"


def _built(name: str, model: BaseChatModel | str, options: Mapping[str, Any]) -> BaseChatModel:
    if isinstance(model, str):
        checked = checked_options(f"candidate {name!r}", dict(options))
        return build_model(with_base_url(parse_spec(model), checked.base_url), **checked.given())
    if given := [option for option, value in options.items() if value is not None]:
        raise PoolError(f"candidate {name!r} has a chat model: set {', '.join(given)} on that, or write a spec instead")
    return _checked_model(name, model)


def _with_context(model: BaseChatModel, name: str, context: int | None) -> BaseChatModel:
    """Return the model, or a copy whose profile has the size of the context window."""
    if context is None:
        return model
    limit = _checked_count(name, "context", context)
    return model.model_copy(update={"profile": {**(model.profile or {}), "max_input_tokens": limit}})


def _checked_model(name: str, model: object) -> BaseChatModel:
    if isinstance(model, BaseChatModel):
        return model
    raise PoolError(
        f"candidate {name!r} needs a chat model or a spec such as 'openai:gpt-5.4-mini', "
        f"got {type(model).__name__} (for a bound or wrapped model, pass the chat model itself)"
    )


def _as_price(price: Price | tuple[float, float] | None) -> Price | None:
    if price is None or isinstance(price, Price):
        return price
    if not isinstance(price, tuple | list) or len(price) != 2:
        raise PoolError(f"a price is a Price or (input, output) in USD per 1M tokens, got {redact(repr(price))}")
    return Price(*price)


def _checked_count(name: str, option: str, count: int) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise PoolError(f"{option} of candidate {name!r} must be a whole number >= 1, got {count!r}")
    return count


def _checked_timeout(name: str, seconds: float | None) -> float | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise PoolError(f"timeout_s of candidate {name!r} must be a number of seconds > 0 or None, got {seconds!r}")
    return float(seconds)


def _checked_tags(name: str, tags: Sequence[str]) -> tuple[str, ...]:
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise PoolError(f"the tags of candidate {name!r} must be a list of strings, got {tags!r}")
    return tuple(tags)
