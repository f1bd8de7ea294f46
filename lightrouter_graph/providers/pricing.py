"""Prices of models, explicit or from public lists, and the cost of a call."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from lightrouter_graph.errors import PoolError
from lightrouter_graph.records import Usage

# https://platform.claude.com/docs/en/build-with-claude/prompt-caching: 1.25 times the input price for 5 minutes, twice
# for an hour.
_CACHE_WRITE = 1.25
_LONG_CACHE_WRITE = 1.6


@dataclass(frozen=True, slots=True)
class Price:
    """Prices of one model in USD per 1 million tokens, each >= 0.

    Attributes:
        input: Price of prompt tokens.
        output: Price of generated tokens, including reasoning tokens.
        cached_input: Price of prompt tokens read from the provider's cache; None = the same as `input`.
        cache_write: Price of prompt tokens that the provider reports as written to its cache; None = 1.25 times
            `input`, as at Anthropic. Tokens that are kept for an hour cost 1.6 times as much.
        input_audio: Price of prompt tokens that are sound; None = the same as `input`.
        output_audio: Price of generated tokens that are sound; None = the same as `output`.

    Raises:
        PoolError: If a price is negative or not a finite number.
    """

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None
    input_audio: float | None = None
    output_audio: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number and 0 <= value < math.inf) and (value is not None or field.name in {"input", "output"}):
                raise PoolError(f"price {field.name!r} must be a number of USD per 1M tokens >= 0, got {value!r}")


def usd_of(usage: Usage, price: Price) -> float:
    """Compute the cost in USD of one call, or of several from their summed usage.

    Args:
        usage: Token counts; those of caches and of sound are parts of `input_tokens` and `output_tokens`.
        price: USD per 1M tokens.
    """
    write_price = _CACHE_WRITE * price.input if price.cache_write is None else price.cache_write
    long_writes, writes = usage.get("cache_write_1h_tokens", 0), usage.get("cache_write_tokens", 0)
    inputs = [
        (usage["cached_tokens"], price.cached_input),
        (min(long_writes, writes), _LONG_CACHE_WRITE * write_price),
        (max(0, writes - long_writes), write_price),
        (usage.get("audio_input_tokens", 0), price.input_audio),
    ]
    outputs = [(usage.get("audio_output_tokens", 0), price.output_audio)]
    cost = _cost_of(usage["input_tokens"], price.input, inputs) + _cost_of(
        usage["output_tokens"], price.output, outputs
    )
    return cost / 1_000_000


def _cost_of(tokens: int, price: float, parts: Sequence[tuple[int, float | None]]) -> float:
    """Return the cost of tokens, of which some parts have prices of their own; None is the price of the others."""
    cost, rest = 0.0, tokens
    for part, part_price in parts:
        counted = min(part, rest)
        rest -= counted
        cost += counted * (price if part_price is None else part_price)
    return cost + rest * price


def find_price(provider_id: str | None, model: str) -> Price | None:
    """Look up a price in the lists of the `genai-prices` package; None, not 0, if it is unknown. No request is sent.

    Two simplifications give one price per model: the base tier if the price depends on the length of the prompt, and
    the highest price of the day if it depends on the hour.

    Args:
        provider_id: Provider id of `genai-prices` (`openai`, `groq`, ...); None returns None.
        model: Name of the model at the provider; the package matches dated and suffixed names.
    """
    if provider_id is None:
        return None
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    hours = [_listed(provider_id, model, midnight + timedelta(hours=hour)) for hour in range(24)]
    known = [price for price in hours if price is not None]
    return max(known, key=lambda price: (price.output, price.input), default=None)


def _listed(provider_id: str, model: str, when: datetime) -> Price | None:
    from genai_prices import Usage as Tokens  # noqa: PLC0415 - takes a third of a second
    from genai_prices import calc_price  # noqa: PLC0415

    none = Tokens(input_tokens=0, output_tokens=0)
    try:
        found = calc_price(none, model, provider_id=provider_id, genai_request_timestamp=when)
    except LookupError:
        return None
    listed = found.model_price
    base, output = _base_tier(listed.input_mtok), _base_tier(listed.output_mtok)
    if base is None or output is None:
        return None
    return Price(
        base,
        output,
        cached_input=_base_tier(listed.cache_read_mtok),
        cache_write=_base_tier(listed.cache_write_mtok),
        input_audio=_base_tier(listed.input_audio_mtok),
        output_audio=_base_tier(listed.output_audio_mtok),
    )


def _base_tier(listed: Any) -> float | None:
    return None if listed is None else float(getattr(listed, "base", listed))
