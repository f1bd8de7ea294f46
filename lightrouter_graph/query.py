"""`Query`: what selectors, aggregators, priors, stop rules and equivalences know of a run; `ask` calls models."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, Protocol, cast, runtime_checkable

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage
from langchain_core.prompt_values import PromptValue
from langgraph.store.base import BaseStore

from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.budget.reservations import BudgetReservations
from lightrouter_graph.context import Context
from lightrouter_graph.errors import QueryError, checked_choices
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete, record_completion
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.llm.output_schema import OutputSchema, schema_of
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.records import Allowance, Stage
from lightrouter_graph.runtime.node_runnable import NodeRun


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A model call that a part will make, announced so that the budget sets its worst case aside.

    Attributes:
        candidate: The model; None for the candidate that is ranked first.
        messages: The whole prompt.
        max_tokens: Cap on the output tokens; None for the model's own.
        extras: Schemas and tools that are sent beside the messages and count as input.
    """

    candidate: Candidate | None
    messages: Sequence[AnyMessage]
    max_tokens: int | None
    extras: Sequence[Mapping[str, Any]] = ()


@runtime_checkable
class _Planning(Protocol):
    def planned(self, query: "Query", texts: Sequence[str]) -> Sequence[PlannedCall]: ...


def planned_calls(part: object, query: "Query", texts: Sequence[str]) -> Sequence[PlannedCall]:
    """Return the calls that a selector or an aggregator announces; none if it has no method `planned`.

    Args:
        part: The selector or aggregator.
        query: The query.
        texts: Texts of the boots or answers, or texts of their greatest length.
    """
    return part.planned(query, texts) if isinstance(part, _Planning) else ()


@checked_choices(QueryError)
@dataclass(frozen=True, slots=True)
class Query:
    """One query in one layer, as the seams see it.

    Attributes:
        messages: The whole conversation; the last human message is the question.
        pool: Every candidate, in the user's order.
        prior_scores: Prior score of each candidate, 0 to 1; empty for the prior itself.
        prior_order: Candidates in prior order, best first; pool order for the prior itself.
        key: Returns the comparable short answer of a text.
        settings: Resolved settings of the run.
        seed: Seed of every random order of the run, >= 0.
        layer: 1-based.
        final: False in an inner layer, whose merged text is a draft.
        seconds: Time limit of one model call, in seconds.
        stage: Step of the method that the query is used in; `ask` bills its calls to it.
        request: Tools and answer format of the run.
        deadline: End of the run, in seconds since the epoch; None for none.
        store: LangGraph store of the graph, or of the graph around it; None if there is none.
        thread_id: Thread of the run; None without one.
        user_id: `user_id` or `langgraph_auth_user_id` of the configuration; None without one.
        retries: Budget of retries of the run.
        reservations: Budget of the step.
        stream_internally: True to stream every reply, which measures the time to its first token.
        run: Execution of the node; None outside of a graph.
        streamed: Replies of this step that streamed to the user.
    """

    messages: Sequence[AnyMessage]
    pool: Pool
    prior_scores: Mapping[str, float]
    prior_order: Sequence[str]
    key: AnswerKey
    settings: Context
    seed: int
    layer: int
    final: bool
    seconds: float
    stage: Stage = "select"
    request: Request = PLAIN
    deadline: float | None = None
    store: BaseStore | None = None
    thread_id: str | None = None
    user_id: str | None = None
    retries: RetryBudget | None = None
    reservations: BudgetReservations = field(default_factory=BudgetReservations)
    stream_internally: bool = False
    run: NodeRun | None = field(default=None, repr=False)
    streamed: list[Completion] = field(default_factory=list, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The question: the text of the last human message."""
        return question_text(self.messages)

    @property
    def first(self) -> Candidate:
        """The first candidate in prior order."""
        return self.pool[self.prior_order[0]]

    @property
    def allowance(self) -> Allowance:
        """The part of the budget that calls of this step may still use; None for a limit that is not set."""
        return self.reservations.remaining

    async def ask(
        self,
        model: Candidate | BaseChatModel | str,
        messages: LanguageModelInput,
        *,
        max_tokens: int | None = None,
        stream: bool = False,
        schema: type | Mapping[str, Any] | OutputSchema | None = None,
        request: Request = PLAIN,
    ) -> Completion:
        """Call a model on behalf of a part: billed, retried, and within budget and deadline.

        A call that the remaining budget cannot pay for is not sent. After a crash a resumed node gets the saved reply
        of a call that had completed, except for one that streams.

        Args:
            model: A candidate or its name, a chat model, or a spec string such as "openai:gpt-5.4-mini".
            messages: The whole prompt, in any form that LangChain takes: messages, tuples, or a string.
            max_tokens: Cap on the output tokens, >= 1; None for the model's own.
            stream: True if the reply is the final answer and streams to the user. Return its text unchanged then.
                Ignored in an inner layer.
            schema: JSON schema or pydantic class of the reply, for models with a JSON mode; ask for it in the prompt
                as well.
            request: Tools to offer and checks on the reply; none by default.

        Returns:
            The completion. Its `failure` is not None if there is no usable reply; no exception is raised for that.

        Raises:
            PoolError: If `model` names no candidate and is no spec string.
        """
        candidate, prompt = self._candidate(model), _messages(messages)
        call = Call(
            stage=self.stage,
            layer=self.layer,
            timeout_s=candidate.timeout_s or self.seconds,
            max_tokens=max_tokens,
            schema=schema if isinstance(schema, OutputSchema | None) else schema_of(schema),
            request=request,
            stream_to_user=stream and self.final,
            stream_internally=self.stream_internally,
            deadline=self.deadline,
            retries=self.retries,
            reservations=self.reservations,
        )
        if self.run is None or call.stream_to_user:
            completion = await complete(candidate, prompt, call)
            self.streamed.extend([completion] * call.stream_to_user)
            return completion
        sent = False

        async def work() -> dict[str, Any]:
            nonlocal sent
            sent = True
            return asdict(await complete(candidate, prompt, call))

        name = f"{self.stage} {candidate.name} {_digest(candidate, prompt, call)}"
        restored = Completion.restore(await self.run.checkpointed(name, work))
        if not sent:
            record_completion(restored)
        return restored

    def _candidate(self, model: Candidate | BaseChatModel | str) -> Candidate:
        if isinstance(model, Candidate):
            return model
        if isinstance(model, str) and model in self.pool.names:
            return self.pool[model]
        return _candidate_of(model)


def question_text(messages: Sequence[BaseMessage]) -> str:
    """Return the text of the last human message, or of the last message if there is no human one.

    Args:
        messages: The conversation, at least one message.
    """
    human = (message for message in reversed(messages) if isinstance(message, HumanMessage))
    return str(next(human, messages[-1]).text)


def _messages(prompt: LanguageModelInput) -> Sequence[AnyMessage]:
    from langchain_core.messages import convert_to_messages  # noqa: PLC0415

    if isinstance(prompt, str):
        return [HumanMessage(prompt)]
    messages = prompt.to_messages() if isinstance(prompt, PromptValue) else convert_to_messages(prompt)
    return cast("Sequence[AnyMessage]", messages)


_candidates: dict[int | str, Candidate] = {}
"""Candidates made of chat models and specs that parts passed to `Query.ask`: their learned capabilities are kept."""

_MAX_CANDIDATES = 64


def _candidate_of(model: BaseChatModel | str) -> Candidate:
    identity = model if isinstance(model, str) else id(model)  # the candidate keeps its model, so an id stays unique
    if identity not in _candidates:
        while len(_candidates) >= _MAX_CANDIDATES:
            _candidates.pop(next(iter(_candidates)), None)
        _candidates[identity] = next(iter(Pool([model])))
    return _candidates[identity]


def _digest(candidate: Candidate, messages: Sequence[BaseMessage], call: Call) -> str:
    """Return what identifies a call among those of its node: model, prompt, cap and schemas."""
    prompt = [(message.type, message.content, getattr(message, "tool_calls", None)) for message in messages]
    text = repr([candidate.name, candidate.spec, candidate.model_name, prompt, call.max_tokens, call.extras])
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
