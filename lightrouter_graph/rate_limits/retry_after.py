"""How long a provider asks to be left alone, read from the response that came with an error."""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_S = 3600.0
"""More is cut to this: one call an hour is little enough, and finds out whether it was meant."""

_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(d|h|ms|m|s|us|µs|ns)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")

_EPOCH_S, _EPOCH_MS = 1e9, 1e11
"""From here on a number is no duration but a moment since 1970, in seconds, or in milliseconds as from OpenRouter."""


def retry_after_s(exc: BaseException, *, now: Callable[[], float] = time.time) -> float | None:
    """Return how many seconds from now a provider wants no call, or None when it does not say.

    `retry-after-ms` and `retry-after` come first, in seconds or as a date, as in the openai client
    (`openai/_base_client.py`, `_parse_retry_after_header`) and RFC 9110, section 10.2.3. Else the moment at which a
    rate limit is reset: `x-ratelimit-reset-requests` and `-tokens` ("1s", "6m0s",
    https://platform.openai.com/docs/guides/rate-limits), `anthropic-ratelimit-*-reset` (RFC 3339,
    https://docs.anthropic.com/en/api/rate-limits), `ratelimit-reset` (seconds, the IETF draft's),
    `x-ratelimit-reset` (since 1970; OpenRouter sends it inside the body). Resets come with every response and
    say when a limit is as good as new, not when the next call may come: so only a limit with nothing remaining is
    listened to, and of a 429 one that does not say what remains; when all say that something does, the soonest.

    Args:
        exc: What a call raised; its `response` (httpx's, or botocore's mapping) is read, or that of its cause.
        now: Seconds since 1970; moments are compared with the response's own `date` where it has one.

    Returns:
        0 to `LONGEST_S`; None without a word on it, or with `x-should-retry: false`: waiting does not help then.
    """
    status, headers = told_by(exc)
    if forbids_retries(headers):
        return None
    date = _moment(headers.get("date", ""))
    sent = now() if date is None else date
    asked = _asked(headers, sent)
    seconds = _until_reset(headers, sent, limited=status == 429) if asked is None else asked
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_S)


def forbids_retries(headers: Mapping[str, str]) -> bool:
    """Whether the provider says that the same call will fail again, in the way the openai client understands."""
    return headers.get("x-should-retry", "").lower() == "false"


def told_by(exc: BaseException) -> tuple[int | None, dict[str, str]]:
    """Return the status and all headers, those named in the body as well, by their names in small letters."""
    for link in _causes(exc):
        status, headers = _head_of(getattr(link, "response", None))
        found = [*_headers_in_body(getattr(link, "body", None)), headers]
        if status is not None or any(found):
            return status, {str(name).lower(): str(text) for source in found for name, text in source.items()}
    return None, {}


def _asked(headers: Mapping[str, str], sent: float) -> float | None:
    millis = _number(headers.get("retry-after-ms", ""))
    return _seconds(headers.get("retry-after", ""), sent) if millis is None else millis / 1000


def _until_reset(headers: Mapping[str, str], sent: float, *, limited: bool) -> float | None:
    """Wait for the last limit that is used up; of a 429 that names none, for the first one reset."""
    spent: list[float] = []
    unknown: list[float] = []
    others: list[float] = []
    for name, text in headers.items():
        if "ratelimit" not in name or "reset" not in name or (wait := _seconds(text, sent)) is None:
            continue
        remaining = _number(headers.get(name.replace("reset", "remaining"), ""))
        group = unknown if remaining is None or remaining < 0 else others if remaining else spent
        group.append(wait)
    if spent or not limited:
        return max(spent, default=None)
    return max(unknown) if unknown else min(others, default=None)


def _seconds(text: str, sent: float) -> float | None:
    number = _number(text)
    if number is not None:
        return _from_number(number, sent)
    if _DURATION.fullmatch(text.strip()):
        return sum(float(count) * _UNITS_S[unit] for count, unit in _PART.findall(text))
    moment = _moment(text)
    return None if moment is None else moment - sent


def _from_number(number: float, sent: float) -> float:
    if number < _EPOCH_S or number == math.inf:
        return number
    return (number / 1000 if number >= _EPOCH_MS else number) - sent


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _moment(text: str) -> float | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            read = parse(text.strip())
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def _head_of(response: Any) -> tuple[int | None, Mapping[Any, Any]]:
    if isinstance(response, Mapping):  # botocore's
        response = response.get("ResponseMetadata") or {}
        status, headers = response.get("HTTPStatusCode"), response.get("HTTPHeaders")
    else:
        status, headers = getattr(response, "status_code", None), getattr(response, "headers", None)
    return status, headers if isinstance(headers, Mapping) else {}


def _headers_in_body(body: Any) -> Iterator[Mapping[Any, Any]]:
    for name in ("error", "metadata", "headers"):
        if isinstance(body, Mapping):
            body = body.get(name, body if name == "error" else None)  # openai's client has taken it out already
    if isinstance(body, Mapping):
        yield body


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    # Not the context: that may be an earlier failure, of which this one says nothing.
    seen: set[int] = set()  # what was raised from each other makes a circle
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = exc.__cause__
