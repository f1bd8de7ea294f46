"""`Call`: settings and limits of one model call."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from lightrouter_graph.budget.reservations import BudgetReservations
from lightrouter_graph.llm.output_schema import OutputSchema
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.records import Stage

_current: ContextVar["Call | None"] = ContextVar("current_call", default=None)


@dataclass(frozen=True, slots=True)
class Call:
    """Settings and limits of one model call.

    Attributes:
        stage: Step of the method that makes the call.
        layer: Layer of the run, 1-based.
        timeout_s: Seconds until the call fails, all attempts included; waiting for a permit does not count.
        max_tokens: Cap on the output tokens; None uses the cap of the model itself.
        prefix: Text of an earlier response that the model continues; only for candidates that support continuation.
        prefix_tokens: Number of output tokens of the prefix.
        schema: Schema of the response, sent to models with a JSON mode; the prompt must describe it as well.
        request: Tools, output schema, stop texts and sampling parameters of the run.
        stream_internally: Stream the response in any case, so that partial text is available if the call is cancelled.
        keeps_partial: A partial text has a use: stream the response if its time may run out.
        probe: The call may probe an open circuit breaker, because no other candidate is left.
        reduce_reasoning: Ask a reasoning model for less reasoning effort.
        deadline: End of the run in seconds since the epoch; None for no deadline.
        retries: Retry budget of the run; None allows no retry.
    """

    stage: Stage
    layer: int
    timeout_s: float
    max_tokens: int | None = None
    prefix: str | None = None
    prefix_tokens: int = 0
    schema: OutputSchema | None = None
    request: Request = PLAIN
    stream_to_user: bool = False
    stream_internally: bool = False
    keeps_partial: bool = False
    probe: bool = False
    reduce_reasoning: bool = False
    deadline: float | None = None
    retries: RetryBudget | None = None
    reservations: BudgetReservations = field(default_factory=BudgetReservations)

    @property
    def extras(self) -> list[Mapping[str, Any]]:
        """Tools and schemas, which are sent beside the messages and count as prompt tokens."""
        extras = self.request.extras
        return extras if self.schema is None else [*extras, self.schema.schema]


def current_call() -> Call | None:
    """Return the call that runs in this context; None outside of a call.

    For models that record their calls: the tags of the config do not reach `_astream`.
    """
    return _current.get()


@contextmanager
def as_current(call: Call) -> Iterator[None]:
    """Make a call the current one of this context."""
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)
