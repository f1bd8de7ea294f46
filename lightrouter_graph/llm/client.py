"""The only place that calls a chat model: as often as it takes, and no oftener than it may."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import cast

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.errors import GraphBubbleUp

from lightrouter_graph.budget import Reservation
from lightrouter_graph.llm.call import Call, call_model, config_for, model_for, own_cap, prompt_for
from lightrouter_graph.llm.completion import Completion, call_cost_of, partial_reply, read_reply, unsent
from lightrouter_graph.llm.continuation import ContinuedChat
from lightrouter_graph.llm.failures import exception_text, failure_of, is_unreadable, may_have_cost
from lightrouter_graph.llm.stream_accumulator import StreamAccumulator
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.learned import refuses_field, refuses_limit, refuses_roles
from lightrouter_graph.providers.model_facts import is_openai_like, lesser_effort, limit_on_the_wire
from lightrouter_graph.rate_limits import EndpointClosedError, backoff_s, endpoints, retry_after_s, worth_retrying
from lightrouter_graph.records import NO_USAGE, CallCost, Failure
from lightrouter_graph.runtime.early_stop import EarlyStop
from lightrouter_graph.runtime.event_loops import now
from lightrouter_graph.telemetry.tracing import counted_by_chat_model, ended_when_cancelled, traced_as_step

logger = logging.getLogger(__name__)

_recorded: ContextVar[list[CallCost] | None] = ContextVar("recorded", default=None)

_MISTAKES = (AssertionError, ImportError, NameError, MemoryError, RecursionError)
_CAP_SLACK = 1.5
"""A reply so many times as long as its cap was not counted differently: the cap was ignored."""

_SHORTEST_TOKENS = 2
"""Characters a token has at least, on average: a count above the cap is believed only where the text is as long."""


async def complete(candidate: Candidate, messages: Sequence[AnyMessage], call: Call) -> Completion:
    """Call one candidate. Whatever the provider does becomes a record; only our own mistakes are raised.

    A call that was refused or lost on the way is tried again, after the time the provider asks for or a growing,
    jittered one, as long as the run has retries left. A cap or a prompt that was refused for its form is put into
    another form at once, and the candidate remembered for it. A reply without text is a failure (`empty`), with its
    usage, since it was billed.

    Args:
        candidate: Whom to ask.
        messages: The whole prompt.
        call: What the call is for and what it may take.

    Returns:
        The completion; `failure` says what went wrong in the last attempt, `call_costs` what all of them cost.
    """
    attempts = _Attempts(candidate, messages, call)
    token = _recorded.set(None)  # a candidate may be a router itself, which records its own calls
    completion = None
    try:
        completion = await attempts.complete()
    except asyncio.CancelledError:
        completion = attempts.stopped({"cause": "cancelled", "message": "stopped from outside"})
        raise
    finally:
        _recorded.reset(token)
        if completion is not None:
            record_completion(completion)
    return completion


@contextmanager
def record_calls() -> Iterator[list[CallCost]]:
    """Record the cost of every model call made inside, in this task and in the tasks it starts.

    Yields:
        The list that `complete` appends to: attempts that failed and calls that were cancelled included.
    """
    recorded: list[CallCost] = []
    token = _recorded.set(recorded)
    try:
        yield recorded
    finally:
        _recorded.reset(token)


def record_completion(completion: Completion) -> None:
    """Append the call costs of a completion to the list of the enclosing `record_calls`; without one, do nothing.

    `complete` does so by itself. Call it for a completion that was saved and is replayed instead.

    Args:
        completion: The completion; the costs of all its attempts are recorded.
    """
    recorded = _recorded.get()
    if recorded is not None:
        recorded += completion.call_costs


async def complete_unless_stopped(
    race: EarlyStop | None, candidate: Candidate, messages: Sequence[AnyMessage], call: Call
) -> Completion:
    """Call one candidate, unless the race it takes part in is decided before its reply is there.

    Args:
        race: The race; None for a call that nothing can stop.
        candidate: Whom to ask.
        messages: The whole prompt.
        call: What the call is for and what it may take.

    Returns:
        The completion; its failure is the race's verdict when that ended it, or kept it from being sent. What was heard
        by then is its text.
    """
    if race is None:
        return await complete(candidate, messages, call)
    if race.verdict is not None:
        return unsent(candidate, call, race.verdict)
    attempts = _Attempts(candidate, messages, call)
    completion = await race.run(attempts.complete())
    if completion is not None:
        return completion
    return attempts.stopped(race.verdict or {"cause": "cancelled", "message": "no longer needed"})


class _Attempts:
    """The attempts at one call, and what is known of them when they are stopped from outside."""

    def __init__(self, candidate: Candidate, messages: Sequence[AnyMessage], call: Call) -> None:
        self._candidate, self._messages = candidate, messages
        self._asked: Sequence[AnyMessage] = messages
        self._wanted = self._call = call
        self._leave: Reservation | None = None
        self._spent: list[CallCost] = []
        self._last: Completion | None = None
        self._heard = StreamAccumulator()
        self._began: float | None = None  # waiting for a place does not count
        self._attempt_began = 0.0
        self._error: Exception | None = None
        self._form: tuple[str | None, bool, bool] = None, False, False  # as the quirks were when the attempt began

    async def complete(self) -> Completion:
        while True:
            self._heard, self._error = StreamAccumulator(), None
            reply = replace(await self._attempt(), earlier=tuple(self._spent))
            if reply.failure is None:
                self._learn_from(reply)
                return reply
            if reply.failure["cause"] == "budget" and self._last is not None:
                return self._last  # there is no money for another attempt: the first failure is what happened
            pause = 0.0 if self._learns_from(self._error) else self._pause_after(reply.failure)
            if pause is None:
                return reply
            self._spent.append(reply.call_cost)
            self._last, self._heard = reply, StreamAccumulator()
            await asyncio.sleep(pause)

    def stopped(self, failure: Failure) -> Completion:
        """Say what there is when the attempts were stopped."""
        if self._heard.started:
            return replace(self._settled(self._partial(failure)), earlier=tuple(self._spent))
        if self._last is not None:  # between two attempts: what happened is that the first failed
            return self._last
        return unsent(self._candidate, self._call, failure)

    def _settled(self, reply: Completion) -> Completion:
        """Give back what the attempt did not take; where nobody says what it took, note what that is at most."""
        if self._leave is None:
            return reply
        spent, purse = reply.call_cost, self._wanted.purse
        if spent["outcome"] in {"lost", "truncated"} or spent["usage"]["estimated"]:
            most = purse.worst_case(self._candidate, self._asked, spent["cap"], self._wanted.extras)
            spent = cast("CallCost", {**spent, **most})
        purse.settle(self._leave, spent)
        return replace(reply, call_cost=spent)

    def _partial(self, failure: Failure) -> Completion:
        seconds = now() - self._attempt_began
        return partial_reply(
            self._heard, failure, self._asked, candidate=self._candidate, call=self._call, seconds=seconds
        )

    async def _attempt(self) -> Completion:
        candidate, call = self._candidate, self._wanted
        if self._left() <= 0:
            return unsent(candidate, call, {"cause": "timeout", "message": "no time was left"})
        endpoint = endpoints.of(candidate.model, limit=candidate.max_concurrency)
        try:
            # Waiting for a place is not the provider's time: it is bound by the run's end alone. A pause is: it asked.
            acquire_timeout_s, longest_pause_s = self._patience(), self._left()
            async with endpoint.permit(
                candidate.model_name, acquire_timeout_s=acquire_timeout_s, longest_pause_s=longest_pause_s
            ) as permit:
                reply = self._settled(await self._ask())
                cause = reply.failure and reply.failure["cause"]
                # A time-out says nothing where the run's time was up, or the model was writing: slow is not down.
                if cause != "timeout" or (self._patience() > 0 and not self._heard.has_chunks):
                    permit.note(cause, self._retry_after())
        except EndpointClosedError as closed:
            return unsent(candidate, call, closed.failure)
        return reply

    async def _ask(self) -> Completion:
        candidate = self._candidate
        asked = self._asked = prompt_for(candidate, self._messages, self._wanted)
        purse, extras = self._wanted.purse, self._wanted.extras
        self._leave = purse.reserve(candidate, asked, self._wanted.max_tokens, extras=extras)
        if self._leave is None:
            problem: Failure = {"cause": "budget", "message": purse.refusal(candidate, asked, extras)}
            return unsent(candidate, self._wanted, problem)
        keeps_cap = not candidate.learned.ignores_cap and not purse.limits_length
        stream_internally = self._wanted.stream_internally or (self._leave.cap is not None and not keeps_cap)
        call = self._call = replace(self._wanted, max_tokens=self._leave.cap, stream_internally=stream_internally)
        learned = candidate.learned
        self._form = learned.limit, learned.alternates, learned.keeps_effort
        self._attempt_began = now()
        self._began = self._began or self._attempt_began
        try:
            async with asyncio.timeout(self._left()):
                with ended_when_cancelled() as run_id:
                    config = config_for(candidate, call, run_id)
                    model = model_for(candidate, call)
                    self._heard.started = True
                    utter = partial(call_model, candidate, call, model, asked, heard=self._heard)
                    message: AIMessage = await (
                        traced_as_step(utter, asked, config) if counted_by_chat_model() else utter(config)
                    )
        except GraphBubbleUp:
            raise
        except Exception as exc:  # a chat model may raise anything: the cause becomes the record
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from exc  # some clients turn a cancellation into an error of their own
            if isinstance(exc, _MISTAKES) and not _is_deep_json(exc):
                raise
            self._error = exc if exception_text(exc) else None  # one that says nothing teaches nothing
            return self._failed(exc)
        seconds = now() - self._attempt_began
        reply = read_reply(message, self._heard, asked, candidate=candidate, call=call, seconds=seconds)
        return replace(reply, restarted=isinstance(model, ContinuedChat) and model.restarted)

    def _failed(self, exc: Exception) -> Completion:
        failure = self._failure(exc)
        written = is_openai_like(self._candidate.model) and is_unreadable(exc)
        if self._heard.has_chunks or written or may_have_cost(exc, failure["cause"]):
            return self._partial(failure)
        seconds = now() - self._attempt_began
        return Completion("", None, call_cost_of(self._candidate, self._call, {**NO_USAGE}, seconds), failure)

    def _failure(self, exc: Exception) -> Failure:
        if isinstance(exc, TimeoutError) and not exception_text(exc):
            seconds = now() - self._attempt_began
            return {"cause": "timeout", "message": f"no reply within {seconds:.3g} s"}
        return failure_of(exc, self._candidate.model)

    def _left(self) -> float:
        """Return the seconds that the call may still take: of its own time, and of the run's."""
        used = 0.0 if self._began is None else now() - self._began
        return min(self._call.timeout_s - used, self._patience())

    def _patience(self) -> float:
        deadline = self._call.deadline
        return float("inf") if deadline is None else deadline - now()

    def _pause_after(self, failure: Failure) -> float | None:
        """Return the seconds to wait for the next attempt; None where there is to be none."""
        tried, retries = len(self._spent) + 1, self._wanted.retries
        if tried > self._candidate.max_retries:
            return None
        if not self._heard.started or not worth_retrying(failure["cause"], self._error):
            return None
        if self._call.stream_to_user and getattr(self._error, "status_code", None) is None:
            return None  # it was not turned away: some of it may have been shown, which cannot be taken back
        pause = backoff_s(tried, self._retry_after())
        if pause >= self._left() or retries is None or not retries.take():
            return None
        return pause

    def _retry_after(self) -> float | None:
        return None if self._error is None else retry_after_s(self._error)

    def _learns_from(self, exc: Exception | None) -> bool:
        """Whether a refusal was one of form, which another form avoids from now on."""
        learned = self._candidate.learned
        if exc is None:
            return False
        limit, alternated, kept = self._form
        capped = self._call.max_tokens is not None or own_cap(self._candidate) is not None
        if capped and refuses_limit(exc):
            if learned.limit != limit:
                return True  # a call beside this one has learnt it already
            known = limit_on_the_wire(self._candidate.model, self._candidate.limit_parameter)
            return learned.refuse_limit(known, str(exc))
        if self._call.reduce_reasoning and not kept and refuses_field(exc, lesser_effort(self._candidate.model)):
            learned.keeps_effort = True
            return True
        if refuses_roles(exc) and not alternated:
            learned.alternates = True
            return True
        return False

    def _learn_from(self, reply: Completion) -> None:
        cap, learned = self._call.max_tokens, self._candidate.learned
        learned.restarts = learned.restarts or reply.restarted
        written = 0 if reply.usage["estimated"] else reply.usage["output_tokens"] - reply.usage["reasoning_tokens"]
        longer = cap is not None and written > cap * _CAP_SLACK and len(reply.text) > cap * _SHORTEST_TOKENS
        if cap is not None and (self._heard.truncated or longer) and not learned.ignores_cap:
            learned.ignores_cap = True
            logger.warning(
                "%s ignores its cap of %d tokens; its replies are streamed and cut from now on",
                self._candidate.name,
                cap,
            )


def _is_deep_json(exc: Exception) -> bool:
    """Whether a reply was nested so deep that Python gave up reading it: the provider's doing, not a mistake."""
    return isinstance(exc, RecursionError) and "JSON" in str(exc)
