"""`Query`: what a prior, a selector or an aggregator may know of the run it works for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage

from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.budget import BudgetReservations
from lightrouter_graph.context import Context
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.runtime.run_registry import RunRegistry
from lightrouter_graph.state import State, settings_of
from lightrouter_graph.state_queries import end_of, is_inner, seconds_left


@dataclass(frozen=True, slots=True)
class Query:
    """One query in one layer, as the seams see it.

    Attributes:
        messages: The whole conversation; the last human message is the question.
        pool: Every candidate, in the user's order.
        weights: The prior's score of each candidate, 0 to 1.
        order: The candidates in prior order, best first.
        key: How two answers are compared.
        settings: The resolved settings of the run.
        seed: What every random order of this run starts from.
        layer: 1-based.
        final: False in an inner layer, whose merged text is a draft nobody sees.
        seconds: How long one model call may still take.
        request: The tools and the form of answer that were asked for.
        deadline: When the run ends, in seconds since the epoch; None for never.
        retries: What the run has left for further attempts at calls; None for none.
        purse: What the step may spend on calls.
    """

    messages: Sequence[AnyMessage]
    pool: Pool
    weights: Mapping[str, float]
    order: Sequence[str]
    key: AnswerKey
    settings: Context
    seed: int
    layer: int
    final: bool
    seconds: float
    request: Request = PLAIN
    deadline: float | None = None
    retries: RetryBudget | None = None
    purse: BudgetReservations = field(default_factory=BudgetReservations)

    @property
    def text(self) -> str:
        """The question in words: the text of the last human message."""
        return question_text(self.messages)

    @property
    def first(self) -> Candidate:
        """The candidate the prior puts first."""
        return self.pool[self.order[0]]


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A model call that a selector or an aggregator plans, so that its worst-case cost is set aside for it.

    Attributes:
        candidate: The candidate that it calls; None for the candidate ranked first.
        messages: All messages of the prompt.
        max_tokens: Cap on the reply in tokens; None for the cap of a full answer.
        extras: Tools and JSON schemas sent with the messages.
    """

    candidate: Candidate | None
    messages: Sequence[AnyMessage]
    max_tokens: int | None
    extras: Sequence[Mapping[str, Any]] = ()


def planned_calls(part: object, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
    """Return the calls that a selector or an aggregator plans for some texts: what its `planned(query, texts)` returns.

    Args:
        part: The selector or aggregator; one without a method `planned` plans no calls.
        query: The query.
        texts: The boots or answers, or texts of the greatest length that they may have.
    """
    planned = getattr(part, "planned", None)
    return () if planned is None else planned(query, texts)


def query_of(state: State, pool: Pool, key: AnswerKey, request: Request, runs: RunRegistry) -> Query:
    """Say what the seams may know of the present layer of a run."""
    settings = settings_of(state)
    return Query(
        messages=state["messages"],
        pool=pool,
        weights=state["weights"],
        order=state["order"],
        key=key,
        settings=settings,
        seed=state["seed"],
        layer=state["layer"],
        final=not is_inner(state),
        seconds=seconds_left(state["started"], settings.deadline_s, settings.timeout_s),
        request=request,
        deadline=end_of(state),
        retries=runs.retries(state["run"], settings.max_retries),
    )


def question_text(messages: Sequence[BaseMessage]) -> str:
    """Return the text of the last human message, or of the last message when no human spoke."""
    human = (message for message in reversed(messages) if isinstance(message, HumanMessage))
    return str(next(human, messages[-1]).text)
