"""Capabilities of a candidate learned from failed requests, so that each unsupported field is sent only once."""

from dataclasses import dataclass, fields

LIMIT_NAMES = ("max_completion_tokens", "max_tokens", "num_predict")
"""Request fields for the output limit that are tried in turn. OpenAI-like endpoints support only some of them."""

LIMITS = frozenset({*LIMIT_NAMES, "max_output_tokens", "max_new_tokens"})
"""All request fields for the output limit."""

ONE_ROLE_JOINED = "messages of one role joined"
"""Name of the form in which consecutive messages of one role are one message."""

NO_CONTINUATION = "boots not continued"
"""Name of the form without a final assistant message to continue."""


@dataclass(slots=True)
class LearnedCapabilities:
    """Learned capabilities of one candidate, kept in memory for the lifetime of the candidate.

    Attributes:
        limit: The request field for the output limit, if not the candidate's `limit_parameter`; "" if none is accepted.
        refused_limits: The request fields that were rejected.
        max_limit: The greatest output limit that the endpoint accepts, if it named one.
        ignores_cap: True if responses exceed the output limit; they are then streamed and truncated here.
        forms: Names of the forms of `llm.forms` in which requests are sent, because the endpoint refused others.
        refuted: Forms that did not avoid a refusal, each with the signature of the refusal.
        reasons: True if a boot was all reasoning; boots then get more tokens and a lower reasoning effort.
    """

    limit: str | None = None
    refused_limits: tuple[str, ...] = ()
    max_limit: int | None = None
    ignores_cap: bool = False
    forms: tuple[str, ...] = ()
    refuted: frozenset[tuple[tuple[str, ...], str]] = frozenset()
    reasons: bool = False

    @property
    def restarts(self) -> bool:
        """True if the endpoint refuses to continue a final assistant message, or starts again instead."""
        return NO_CONTINUATION in self.forms

    def add_forms(self, *names: str) -> tuple[str, ...]:
        """Add forms, and return those that are new."""
        new = tuple(name for name in names if name not in self.forms)
        self.forms += new
        return new

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
