"""What came of playing a scenario, and what a check of it is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage
from resilience.scenarios.wire import Request, Tokens


@dataclass(slots=True)
class Outcome:
    """What came of playing a scenario.

    Attributes:
        messages: The answer of each turn.
        error: The exception that ended the last turn; None if there was none.
        seconds: The longest turn.
        cpu_s: CPU time of all turns.
        requests: Every request, in order; `turns_at` has the number of requests after each turn.
        told: Tokens that the endpoints reported in complete replies.
        sent: Bytes of bodies that the endpoints wrote.
        grown: Bytes by which the process's resident memory grew at its peak; 0 where that is not measured.
        logged: The formatted log records of the package.
        elsewhere: Requests that arrived at an address that no candidate has.
        left: Tasks and requests that were still there afterwards.
    """

    messages: list[AIMessage] = field(default_factory=list)
    error: BaseException | None = None
    seconds: float = 0.0
    cpu_s: float = 0.0
    requests: list[Request] = field(default_factory=list)
    turns_at: list[int] = field(default_factory=list)
    told: Tokens = (0, 0)
    sent: int = 0
    grown: int = 0
    logged: list[str] = field(default_factory=list)
    elsewhere: list[Request] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def answer(self) -> AIMessage | None:
        return self.messages[-1] if self.error is None and self.messages else None

    @property
    def record(self) -> Mapping[str, Any]:
        """The decision record of the last answer; empty without one."""
        return {} if self.answer is None else self.answer.response_metadata.get("lightrouter", {})

    @property
    def bill(self) -> Mapping[str, Any]:
        """The bill of the last turn, whether it has an answer or an error."""
        return self.record.get("bill", {}) if self.error is None else getattr(self.error, "bill", {})

    @property
    def failures(self) -> Mapping[str, str]:
        """Why candidates failed, by name."""
        if self.error is not None:
            return getattr(self.error, "failures", {})
        return {c["candidate"]: c["why"] for c in self.record.get("candidates", ()) if c["outcome"] == "failed"}

    def requests_of(self, name: str) -> list[Request]:
        return [request for request in self.requests if request.model == name]

    def said(self) -> str:
        """Describe the end of the last turn."""
        if self.error is not None:
            return f"{type(self.error).__name__}: {self.error}"[:300]
        return "no answer" if self.answer is None else f"answered {str(self.answer.text)[:120]!r}"


Check = Callable[[Outcome], Iterable[str]]
"""Says what is wrong with an outcome; nothing if all is right."""
