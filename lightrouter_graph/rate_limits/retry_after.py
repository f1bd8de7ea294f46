"""Parses the time a provider asks to wait from the response of a failed request."""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

MAX_RETRY_AFTER_S = 3600.0
"""Upper bound of the parsed time: one request per hour detects a wrong header."""

_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_NUMBER = r"(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})"
_UNIT = r"milliseconds?|millis|msecs?|minutes?|mins?|seconds?|secs?|hours?|hrs?|days?|[munµ]?s|[dhm]"
_PART = re.compile(rf"({_NUMBER}) ?({_UNIT})(?![a-z])")
_SPAN = rf"(?:{_PART.pattern}(?:,? ?(?:and )?)){{1,5}}"
_DURATION = re.compile(_SPAN)

_WORDS = (
    r"(?:again|retry|retrying|wait|waiting|reset|resets)(?: (?:will|be|in|after|for|at|until|least|about|up to)){0,4}"
)
_FIELD = r"(?:retry|reset)[ _-]?(?:after|delay|in|at|until)?(?:[ _-]?(?P<unit>ms|millis|s|secs|seconds))?"
_TIME = r"20\d\d-\d\d-\d\d[t ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:z|[+-]\d\d:\d\d)?"
_ASKED = re.compile(
    rf"\b(?:{_WORDS}|{_FIELD}['\"]? ?[:={{] ?(?:seconds ?: ?)?['\"]?) ?"
    rf"(?P<time>{_TIME}|{_SPAN}|{_NUMBER}(?![\w%]| [a-z]))"
)
"""A wait in the text of an error: "try again in 1m2.5s", "wait 20 seconds", "'retryDelay': '34s'", "retry_after: 7"."""

_MAX_SCANNED = 20_000
"""Characters of an error that are scanned."""

_EPOCH_S, _EPOCH_MS = 1e9, 1e11
"""Numbers from here on are Unix timestamps, in seconds or, as from OpenRouter, in milliseconds."""


def retry_after_s(exc: BaseException, *, now: Callable[[], float] = time.time) -> float | None:
    """Return the seconds a provider asks to wait before the next request, 0 to `MAX_RETRY_AFTER_S`; None for none.

    First `retry-after-ms` and `retry-after`, in seconds or as a date, as in the openai client
    (`openai/_base_client.py`, `_parse_retry_after_header`) and RFC 9110, section 10.2.3. Else a time in the text of an
    error of status 429 or 5xx, such as "try again in 1m2.5s" or Gemini's `retryDelay`
    (https://cloud.google.com/apis/design/errors, RetryInfo). Else the time at which a rate limit is reset:
    `x-ratelimit-reset-requests` and `-tokens` ("1s", "6m0s",
    https://platform.openai.com/docs/guides/rate-limits), `anthropic-ratelimit-*-reset` (RFC 3339,
    https://docs.anthropic.com/en/api/rate-limits), `ratelimit-reset` (seconds, IETF draft), `x-ratelimit-reset` (Unix
    timestamp; OpenRouter sends it in the body). Every response has resets; they give the time of a full reset, not of
    the next permitted request. So a reset counts only if nothing of its limit remains, or, for status 429, if the
    remainder is unknown. If all limits of a 429 have a remainder, the earliest reset is returned.

    Args:
        exc: The exception of the request; its `response` (httpx or botocore) is read, or that of its cause.
        now: Returns Unix time in seconds; the `date` header of the response replaces it.
    """
    if forbids_retries(exc):
        return None
    status, headers = _response_of(exc)
    date = _timestamp(headers.get("date", ""))
    sent = now() if date is None else date
    millis = (_number(headers.get(name, "")) for name in ("retry-after-ms", "x-ms-retry-after-ms"))
    asked = (_seconds(headers.get(name, ""), sent) for name in ("retry-after", "x-retry-after"))
    found = (*(None if number is None else number / 1000 for number in millis), *asked)
    seconds = next((number for number in found if number is not None), None)
    if seconds is None and (status is None or status == 429 or status >= 500):
        seconds = _seconds_in_text(exc, sent)
    if seconds is None:
        seconds = _until_reset(headers, sent, limited=status == 429)
    return None if seconds is None else min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def forbids_retries(exc: BaseException) -> bool:
    """Return True for `x-should-retry: false`, which the openai client supports as well.

    Args:
        exc: Exception of a failed request; its response headers are read if it has any.
    """
    return _response_of(exc)[1].get("x-should-retry", "").lower() == "false"


def _response_of(exc: BaseException) -> tuple[int | None, dict[str, str]]:
    """Return status and headers (lower-case names) of an exception or its causes; a body may contain headers too."""
    for link in _causes(exc):
        status, headers = _head_of(getattr(link, "response", None))
        found = {**_headers_in_body(getattr(link, "body", None)), **headers}
        if status is not None or found:
            return status, {str(name).lower(): str(text) for name, text in found.items()}
    return None, {}


def _until_reset(headers: Mapping[str, str], sent: float, *, limited: bool) -> float | None:
    """Return the latest reset of the used-up limits; for a 429 without one, of the unknown or the earliest."""
    used_up: list[float] = []
    unknown: list[float] = []
    others: list[float] = []
    for name, text in headers.items():
        if (
            "ratelimit" not in name.replace("rate-limit", "ratelimit")
            or "reset" not in name
            or (wait := _seconds(text, sent)) is None
        ):
            continue
        remaining = _number(headers.get(name.replace("reset", "remaining"), ""))
        group = unknown if remaining is None or remaining < 0 else others if remaining else used_up
        group.append(wait)
    if used_up or not limited:
        return max(used_up, default=None)
    return max(unknown) if unknown else min(others, default=None)


def _seconds(text: str, sent: float) -> float | None:
    if (number := _number(text)) is not None:
        timestamp = number / 1000 if number >= _EPOCH_MS else number
        return number if number < _EPOCH_S or number == math.inf else timestamp - sent
    if _DURATION.fullmatch(span := text.strip().lower()):
        return sum(float(count) * _unit_s(unit) for count, unit in _PART.findall(span))
    return None if (date := _timestamp(text)) is None else date - sent


def _unit_s(unit: str) -> float:
    return _UNITS_S.get(unit) or _UNITS_S["ms" if unit.startswith(("mil", "mse")) else unit[0]]


def _seconds_in_text(exc: BaseException, sent: float) -> float | None:
    """Return the first wait in the text of an exception or of its causes, or in the body of their response."""
    for link in _causes(exc):
        try:
            text = f"{str(link)[:_MAX_SCANNED]} {str(getattr(link, 'body', None) or '')[:_MAX_SCANNED]}"
        except Exception:  # noqa: BLE001, S112 - `__str__` of a third-party exception may raise anything
            continue
        if found := _ASKED.search(" ".join(text.lower().split())):
            seconds = _seconds(found["time"].rstrip(" ,").removesuffix(" and").upper(), sent)
            return seconds / 1000 if seconds is not None and (found["unit"] or "")[:1] == "m" else seconds
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _timestamp(text: str) -> float | None:
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


def _headers_in_body(body: Any) -> Mapping[Any, Any]:
    for name in ("error", "metadata", "headers"):
        if isinstance(body, Mapping):
            body = body.get(name, body if name == "error" else None)  # the openai client has already unwrapped `error`
    return body if isinstance(body, Mapping) else {}


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    # Not the context: that may be the exception of another request.
    seen: set[int] = set()  # a chain of causes can be circular
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = exc.__cause__
