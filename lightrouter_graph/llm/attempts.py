"""Attempts at one model call: permit, budget reservation, timeout, request, failure record, retry."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from langchain_core.messages import AnyMessage, BaseMessage
from langgraph.errors import GraphBubbleUp

from lightrouter_graph.budget.reservations import Reservation
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.call_parameters import config_for, cut_at_stop, model_for, prompt_for, shaped
from lightrouter_graph.llm.call_times import may_be_stopped, times_of
from lightrouter_graph.llm.completion import Completion, not_sent
from lightrouter_graph.llm.continuation import ContinuedChat
from lightrouter_graph.llm.error_bodies import exception_text
from lightrouter_graph.llm.failures import failure_of, is_unreadable, may_have_cost
from lightrouter_graph.llm.forms import EFFORT_KEPT, STOP_LEFT_OUT, STREAM_LEFT_OUT
from lightrouter_graph.llm.learning import RefusalLearner, learn_from_reply, repeats_prefix
from lightrouter_graph.llm.reply_cache import ObservedCache
from lightrouter_graph.llm.reply_reader import SentCall
from lightrouter_graph.llm.send import call_model
from lightrouter_graph.llm.stream_accumulator import StreamAccumulator, as_ai_message
from lightrouter_graph.llm.timeouts import is_endpoint_failure
from lightrouter_graph.llm.wire import WireRequest, as_wire_request
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.learned import NO_CONTINUATION
from lightrouter_graph.providers.model_facts import is_openai_like
from lightrouter_graph.rate_limits import EndpointClosedError, backoff_s, endpoints, retry_after_s, worth_retrying
from lightrouter_graph.records import CallCost, Cause, Failure
from lightrouter_graph.redaction.printable import log_line
from lightrouter_graph.runtime.event_loops import now
from lightrouter_graph.telemetry.tracing import counted_by_chat_model, ended_when_cancelled, traced_as_step

logger = logging.getLogger(__name__)

_PROGRAMMING_ERRORS = (AssertionError, ImportError, NameError, MemoryError, RecursionError)


class CallAttempts:
    """All attempts at one model call. Keeps what has arrived, so that a cancelled call has a record as well."""

    def __init__(self, candidate: Candidate, messages: Sequence[AnyMessage], call: Call) -> None:
        self._candidate, self._messages = candidate, messages
        self._call = self._sent = call  # as requested, and as sent: with the cap that was reserved
        self._prompt: Sequence[AnyMessage] = messages
        self._reservation: Reservation | None = None
        self._earlier: list[CallCost] = []
        self._last_failed: Completion | None = None
        self._accumulator = self._new_accumulator()
        self._started_at: float | None = None  # of the first attempt, after it got its permit
        self._attempt_started_at = 0.0
        self._error: Exception | None = None
        self._unstreamable = False  # the attempt would stream if the endpoint did not refuse it
        self._known = candidate.learned  # replaced by a copy when a request is built
        self._learner, self._wire, self._refusals = RefusalLearner(candidate), WireRequest(), 0

    async def run(self) -> Completion:
        """Repeat the call until it succeeds, or may not be repeated; return the completion of the last attempt sent."""
        while True:
            self._accumulator, self._error = self._new_accumulator(), None
            reply = replace(await self._attempt(), earlier=tuple(self._earlier))
            if reply.failure is None:
                self._learner.confirm()
                learn_from_reply(self._candidate, self._sent, reply, truncated=self._accumulator.truncated)
                return reply
            cause = reply.failure["cause"]
            if cause == "budget" and self._last_failed is not None:
                self._learner.withdraw()
                return self._last_failed  # the budget cannot pay for a retry: the first failure is the result
            error = None if self._sent.stream_to_user and self._accumulator.tokens else self._error
            learns = error is not None and self._learner.learn(self._sent, self._known, error, cause, self._wire)
            self._refusals += learns
            pause_s = 0.0 if learns else self._pause_s(reply.failure)
            if pause_s is None:
                if cause != "timeout":  # else the endpoint had accepted the request
                    self._learner.withdraw()
                return reply
            self._earlier.append(reply.call_cost)
            self._last_failed, self._accumulator = reply, self._new_accumulator()
            await asyncio.sleep(pause_s)

    def cancelled(self, failure: Failure) -> Completion:
        """Return the completion of a call that was cancelled: a partial response, or the failed attempt before a retry.

        Args:
            failure: Why it was cancelled.
        """
        if self._accumulator.started:
            return replace(self._settled(self._read_partial(failure)), earlier=tuple(self._earlier))
        return self._last_failed or not_sent(self._candidate, self._sent, failure)

    async def _attempt(self) -> Completion:
        candidate, call = self._candidate, self._call
        if self._left_s() <= 0:
            return not_sent(candidate, call, {"cause": "timeout", "message": "no time is left for the call"})
        endpoint = endpoints.of(candidate.model, limit=candidate.max_concurrency)
        # The timeout of the call excludes the wait for a permit, but includes a pause that the provider asked for.
        permit = endpoint.permit(
            candidate.model_name,
            acquire_timeout_s=self._run_left_s(),
            max_cooldown_s=self._left_s(),
            probe=call.probe,
        )
        try:
            async with permit as held:
                reply = self._settled(await self._send())
                cause = reply.failure and reply.failure["cause"]
                if cause != "timeout" or self._is_endpoint_failure():
                    held.record(cause, self._retry_after_s())
                self._learn_times(cause, reply.call_cost["seconds"])
        except EndpointClosedError as closed:
            return not_sent(candidate, call, closed.failure)
        return reply

    async def _send(self) -> Completion:
        candidate = self._candidate
        refused = self._reserve()
        if refused is not None:
            return not_sent(candidate, self._call, refused)
        call, prompt, self._known = self._sent, self._prompt, replace(candidate.learned)
        self._wire = WireRequest(self._known.forms)
        self._attempt_started_at = now()
        self._started_at = self._started_at or self._attempt_started_at
        try:
            async with asyncio.timeout(self._left_s()):
                with ended_when_cancelled() as run_id, as_wire_request(self._wire):
                    config, model = config_for(candidate, call, run_id), model_for(candidate, call)
                    self._accumulator.started = True
                    send = partial(call_model, candidate, call, model, prompt, accumulator=self._accumulator)
                    traced = counted_by_chat_model()
                    message: BaseMessage = await (traced_as_step(send, prompt, config) if traced else send(config))
        except GraphBubbleUp:
            raise
        except Exception as exc:  # a chat model may raise anything: the cause becomes the record
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from exc  # some clients turn a cancellation into an error of their own
            deep_json = isinstance(exc, RecursionError) and "JSON" in str(exc)  # a response that Python cannot parse
            if isinstance(exc, _PROGRAMMING_ERRORS) and not deep_json:
                raise
            self._error = exc if exception_text(exc) else None  # without a text there is nothing to learn from
            return self._failed(exc)
        if STOP_LEFT_OUT in self._known.forms:
            message = cut_at_stop(as_ai_message(message), call.request.stop)
        cache = model.cache if isinstance(model.cache, ObservedCache) else None
        reply = self._read(lambda sent: _read(sent, message, cache))
        restarted = isinstance(model, ContinuedChat) and model.restarted
        restarted = restarted and not repeats_prefix(call, reply, streamed=bool(self._accumulator.chunks))
        return replace(reply, restarted=restarted or call.prefix != self._call.prefix)

    def _reserve(self) -> Failure | None:
        """Reserve the budget for one attempt; return a failure if it is too small."""
        candidate, call = self._candidate, shaped(self._call, self._candidate)
        prompt = self._prompt = prompt_for(candidate, self._messages, call)
        reservation = call.reservations.reserve(candidate, prompt, call.max_tokens, extras=call.extras)
        self._reservation = reservation
        if reservation is None:
            return {"cause": "budget", "message": call.reservations.refusal(candidate, prompt, call.extras)}
        must_truncate = candidate.learned.ignores_cap or call.reservations.limits_length
        listens = call.keeps_partial and may_be_stopped(
            candidate, call.stage, self._left_s(), has_deadline=call.deadline is not None
        )
        wanted = call.stream_internally or listens or (reservation.cap is not None and must_truncate)
        stream = wanted and STREAM_LEFT_OUT not in candidate.learned.forms
        self._unstreamable = (wanted or self._call.stream_to_user) and STREAM_LEFT_OUT in candidate.learned.forms
        self._sent = replace(call, max_tokens=reservation.cap, stream_internally=stream)
        return None

    def _settled(self, reply: Completion) -> Completion:
        """Release what the attempt did not use; record the worst case if its usage is unknown."""
        if self._reservation is None:
            return reply
        cost, reservations = reply.call_cost, self._call.reservations
        if cost["outcome"] in {"lost", "truncated"} or cost["usage"]["estimated"]:
            worst = reservations.worst_case(self._candidate, self._prompt, cost["cap"], self._call.extras)
            cost = cast("CallCost", {**cost, **worst})
        if adaptations := self._adaptations():
            cost = {**cost, "adaptations": adaptations}
        reservations.settle(self._reservation, cost)
        return replace(reply, call_cost=cost)

    def _adaptations(self) -> list[str]:
        """Return the forms in which the last request was sent, other than the call asked for."""
        call, sent, learned = self._call, self._sent, self._known
        shaped = [NO_CONTINUATION] * (call.prefix != sent.prefix)
        shaped += [STREAM_LEFT_OUT] * self._unstreamable
        shaped += [EFFORT_KEPT] * (call.reduce_reasoning and EFFORT_KEPT in learned.forms)
        shaped += [f"output limit of {learned.max_limit}"] * (sent.max_tokens == learned.max_limit is not None)
        renamed = f"the output limit sent as {learned.limit}" if learned.limit else "the output limit left out"
        shaped += [renamed] * (learned.limit is not None and sent.max_tokens is not None)
        return [*shaped, *self._wire.used]

    def _sent_call(self) -> SentCall:
        seconds = now() - self._attempt_started_at
        return SentCall(self._candidate, self._sent, self._prompt, self._accumulator, seconds)

    def _failed(self, exc: Exception) -> Completion:
        sent = self._sent_call()
        if isinstance(exc, TimeoutError) and not exception_text(exc):
            failure: Failure = {"cause": "timeout", "message": f"no reply within {sent.seconds:.3g} s"}
        else:
            failure = failure_of(exc, self._candidate.model)
        generated = is_openai_like(self._candidate.model) and is_unreadable(exc)
        if (wait_s := self._retry_after_s()) is not None:
            failure["retry_after_s"] = wait_s
        if self._accumulator.chunks or generated or may_have_cost(exc, failure["cause"]):
            return self._read_partial(failure)
        return sent.read_nothing(failure)

    def _read_partial(self, failure: Failure) -> Completion:
        return self._read(lambda sent: sent.read_partial(failure), failure)

    def _read(self, read: Callable[[SentCall], Completion], failure: Failure | None = None) -> Completion:
        """Read a response; whatever a client or a server put into it, an error of reading fails this call alone."""
        sent = self._sent_call()
        try:
            return read(sent)
        except Exception as exc:  # noqa: BLE001 - the cause becomes the record
            unreadable = failure_of(exc, self._candidate.model)
            unreadable = {"cause": "bad_response", "message": f"the reply cannot be read: {unreadable['message']}"}
            logger.warning("%s: %s", log_line(self._candidate.name), log_line(unreadable["message"]))
            return sent.read_unreadable(failure or unreadable)

    def _new_accumulator(self) -> StreamAccumulator:
        return StreamAccumulator(reports_totals=is_openai_like(self._candidate.model))

    def _learn_times(self, cause: Cause | None, seconds: float) -> None:
        times, stage = times_of(self._candidate), self._call.stage
        if cause is None:
            times.completed(stage, seconds)
        elif cause == "timeout" and self._accumulator.started:
            times.timed_out = True

    def _left_s(self) -> float:
        """Return the seconds left of the call's timeout, and of the run."""
        used = 0.0 if self._started_at is None else now() - self._started_at
        return min(self._sent.timeout_s - used, self._run_left_s())

    def _run_left_s(self) -> float:
        deadline = self._sent.deadline
        return float("inf") if deadline is None else deadline - now()

    def _is_endpoint_failure(self) -> bool:
        """Return True unless the run timed out, the model was streaming, or the caller's time limit was too short."""
        timed_out = self._run_left_s() > 0 and not self._accumulator.chunks
        own_limit = self._candidate.timeout_s is not None  # only the owner of the pool can set it
        return timed_out and (own_limit or is_endpoint_failure(self._call.stage, self._call.timeout_s))

    def _pause_s(self, failure: Failure) -> float | None:
        """Return the seconds before the next attempt; None if there is to be none."""
        tried, retries = len(self._earlier) - self._refusals + 1, self._call.retries
        if tried > self._candidate.max_retries:
            return None
        if not self._accumulator.started or not worth_retrying(failure["cause"], self._error):
            return None
        accepted = self._accumulator.tokens or getattr(self._error, "status_code", None) is None
        if self._sent.stream_to_user and accepted:
            return None  # the user may have received tokens, which cannot be withdrawn
        pause_s = backoff_s(tried, self._retry_after_s())
        if pause_s >= self._left_s() or retries is None or not retries.take():
            return None
        return pause_s

    def _retry_after_s(self) -> float | None:
        return None if self._error is None else retry_after_s(self._error)


def _read(sent: SentCall, message: BaseMessage, cache: ObservedCache | None) -> Completion:
    reply = as_ai_message(message)
    completion = sent.read_cached(reply) if cache is not None and cache.hit else sent.read(reply)
    if cache is None or completion.message_id is None:
        return completion
    # A cached reply has the id of the message that was stored, so that it is known as the same reply.
    return replace(completion, metadata={**completion.metadata, "id": completion.message_id})
