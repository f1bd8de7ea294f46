"""Capabilities of a candidate learned from failed requests, so that each unsupported field is sent only once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

LIMIT_NAMES = ("max_completion_tokens", "max_tokens", "num_predict")
"""Request fields for the output limit. OpenAI-like endpoints support only some of them."""

ONE_ROLE_JOINED = "messages of one role joined"
"""Name of the form in which consecutive messages of one role are one message."""

_REFUSAL = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|\bextra\b|instead|deprecated"
    r"|does(?: not|n't) (?:take|accept|have|exist)|not (?:accepted|available|recogni[sz]ed|implemented|valid)"
    r"|no such|cannot find"
)
_CEILING = re.compile(
    r"(?:at most|less than or equal to|<=|≤|up to|no more than|exceed|maximum(?: \w{1,20}){0,4}:?"
    r"|between \d{1,9} and|\[\d{1,9},|>)[\s`'\"]{0,3}(\d[\d,]{0,12})"
)
"""Words before the greatest value of a field."""

_BAD_REQUEST = frozenset({400, 404, 422})
"""Status codes of a rejected request; it cost nothing."""


@dataclass(slots=True)
class LearnedCapabilities:
    """Learned capabilities of one candidate, kept in memory for the lifetime of the candidate.

    Attributes:
        limit: The request field for the output limit, if not the candidate's `limit_parameter`; "" if none is accepted.
        refused_limits: The request fields that were rejected.
        max_limit: The greatest output limit that the endpoint accepts, if it named one.
        ignores_cap: True if responses exceed the output limit; they are then streamed and truncated here.
        ignores_stream: True if the endpoint answers a request for a stream with one JSON body.
        restarts: True if the endpoint starts again instead of continuing a final assistant message.
        forms: Names of the forms of `llm.forms` in which requests are sent, because the endpoint refused others.
        refuted: Forms that did not avoid a refusal, each with the signature of the refusal.
        reasons: True if a boot was all reasoning; boots then get more tokens and a lower reasoning effort.
        keeps_effort: True if the endpoint rejects a lower reasoning effort.
    """

    limit: str | None = None
    refused_limits: tuple[str, ...] = ()
    max_limit: int | None = None
    ignores_cap: bool = False
    ignores_stream: bool = False
    restarts: bool = False
    forms: tuple[str, ...] = ()
    refuted: frozenset[tuple[tuple[str, ...], str]] = frozenset()
    reasons: bool = False
    keeps_effort: bool = False

    def forget(self) -> None:
        """Reset all fields to their defaults."""
        for field in fields(self):
            setattr(self, field.name, field.default)

    def refuse_limit(self, known: str, hint: str) -> bool:
        """Record that the request field of the output limit was rejected, and select the next; False if none is left.

        Args:
            known: The candidate's `limit_parameter`.
            hint: The error message; an untried field named in it is selected first.
        """
        if self.limit == "":
            return False
        self.refused_limits = (*self.refused_limits, self.limit or known)
        rest = [name for name in LIMIT_NAMES if name not in self.refused_limits]
        self.limit = next((name for name in rest if name in hint), rest[0] if rest else "")
        self.ignores_cap = self.ignores_cap or not self.limit
        return True


def refuses_limit(exc: Exception) -> bool:
    """Return True if a request was rejected for the name of its output limit, not for the value."""
    return refuses_field(exc, (*LIMIT_NAMES, "max_output_tokens")) and bool(_REFUSAL.search(str(exc).lower()))


def limit_ceiling(text: str, cap: int) -> int | None:
    """Return the greatest output limit that an error names; None if it names none below the cap.

    Args:
        text: Words of the error, in lower case.
        cap: The output limit that was refused.
    """
    if not any(name in text for name in (*LIMIT_NAMES, "max_output_tokens", "max_new_tokens")):
        return None
    named = (int(found.replace(",", "")) for found in _CEILING.findall(text))
    return next((number for number in named if 0 < number < cap), None)


def refuses_field(exc: Exception, names: Iterable[str]) -> bool:
    """Return True if a request was rejected for one of some fields of its body.

    Args:
        exc: The exception of the call.
        names: The optional fields that were sent.
    """
    bad_request = isinstance(exc, TypeError) or getattr(exc, "status_code", None) in _BAD_REQUEST
    return bad_request and any(name in str(exc).lower() for name in names)
