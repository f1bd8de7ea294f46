"""Formats statistics, identically in the terminal, in Markdown and on the page."""

from lightrouter_graph.evaluation.records import Interval, MethodStats

NOTHING = "-"
DAGGER = "†"


def percent(interval: Interval | None, *, signed: bool = False) -> str:
    """Return a share in percent with its interval, as `71.2 [67.9, 74.4]`; "-" for None.

    Args:
        interval: Share, 0 to 1, or a difference of shares.
        signed: True to show plus signs.
    """
    if interval is None:
        return NOTHING
    sign = "+" if signed else ""
    value, low, high = (_without_minus_zero(100 * interval[end]) for end in ("value", "low", "high"))
    return f"{value:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"


def points(interval: Interval | None) -> str:
    """Return a difference of two shares in percentage points with its interval and signs."""
    return percent(interval, signed=True)


def number(interval: Interval | None, *, ends: bool = False) -> str:
    """Return a mean with three digits, with its interval if `ends`; "-" for None."""
    if interval is None:
        return NOTHING
    value = short(interval["value"])
    return f"{value} [{short(interval['low'])}, {short(interval['high'])}]" if ends else value


def short(value: float) -> str:
    """Return a number with three digits below 1,000, else as an integer: `1,234`, `12.3`, `1.23`, `0.0123`."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:#.3g}" if size else "0"


def seconds(value: Interval | None) -> str:
    """Return seconds with one decimal, two below ten; "-" for None."""
    if value is None:
        return NOTHING
    return f"{value['value']:.1f}" if value["value"] >= 10 else f"{value['value']:.2f}"


def two_percentiles(p50: Interval | None, p95: Interval | None) -> str:
    """Return a median and a 95th percentile as `2.31 / 9.80`."""
    return NOTHING if p50 is None and p95 is None else f"{seconds(p50)} / {seconds(p95)}"


def label(row: MethodStats) -> str:
    """Return the label of a method, with a dagger if a replay approximates a part of it."""
    return f"{row['label']} {DAGGER}" if row["stand_in"] else row["label"]


def _without_minus_zero(value: float) -> float:
    return 0.0 if abs(value) < 0.05 else value
