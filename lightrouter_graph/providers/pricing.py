"""Prices of models, explicit or from public lists, and the cost of a call."""

import math
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from lightrouter_graph.errors import PoolError
from lightrouter_graph.records import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """Prices of one model in USD per 1 million tokens, each >= 0.

    Attributes:
        input: Price of prompt tokens.
        output: Price of generated tokens, including reasoning tokens.
        cached_input: Price of prompt tokens read from the provider's cache; None = the same as `input`.

    Raises:
        PoolError: If a price is negative or not a finite number.
    """

    input: float
    output: float
    cached_input: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number and 0 <= value < math.inf) and (value is not None or field.name != "cached_input"):
                raise PoolError(f"price {field.name!r} must be a number of USD per 1M tokens >= 0, got {value!r}")


def usd_of(usage: Usage, price: Price) -> float:
    """Compute the cost in USD of one call, or of several from their summed usage.

    Args:
        usage: Token counts; `cached_tokens` are part of `input_tokens`.
        price: USD per 1M tokens.
    """
    cached_price = price.input if price.cached_input is None else price.cached_input
    cached = min(usage["cached_tokens"], usage["input_tokens"])
    uncached = usage["input_tokens"] - cached
    return (uncached * price.input + cached * cached_price + usage["output_tokens"] * price.output) / 1_000_000


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
    return Price(base, output, _base_tier(listed.cache_read_mtok))


def _base_tier(listed: Any) -> float | None:
    return None if listed is None else float(getattr(listed, "base", listed))
