"""Learns capabilities of a candidate from a refused request or a response, so that later calls avoid the refusal."""

import logging
import re
from collections.abc import Iterator

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.call_parameters import model_cap
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.llm.forms import NO_CONTINUATION, asks_for_no_continuation, is_of_messages
from lightrouter_graph.llm.refusals import Refusal, refusal_of
from lightrouter_graph.llm.wire import WireRequest
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.learned import LearnedCapabilities, limit_ceiling, refuses_field, refuses_limit
from lightrouter_graph.providers.model_facts import lesser_effort, limit_on_the_wire
from lightrouter_graph.records import Cause
from lightrouter_graph.redaction.printable import log_line

logger = logging.getLogger(__name__)

_EMPTY_STREAMS = frozenset({"No generation chunks were returned", "No generations found in stream."})
"""Errors of `langchain_core` for a stream without a chunk."""

_MAX_OVERRUN = 1.5
"""Output tokens per token of the cap from which a provider ignores the cap, rather than counts in another way."""

_MIN_CHARACTERS_PER_TOKEN = 2
"""A token count above the cap is used only if the text has at least so many characters per token of the cap."""


_MAX_TRIES = 12
"""Refusals of one call that are answered with another form."""

_MAX_REFUTED = 100


class RefusalLearner:
    """Learns from the refusals of one call. A form that does not change the refusal is given up."""

    def __init__(self, candidate: Candidate) -> None:
        self._candidate, self._tries = candidate, 0
        self._trial: tuple[tuple[str, ...], str] | None = None  # new forms, and the refusal that they are to avoid

    def learn(self, call: Call, known: LearnedCapabilities, exc: Exception, cause: Cause, sent: WireRequest) -> bool:
        """Return True if the endpoint refused the form of a request, and another form of it can be sent.

        Args:
            call: Settings of the sent call.
            known: Copy of the capabilities that the request was built with; concurrent calls may have learned more.
            exc: The exception of the call.
            cause: Its cause.
            sent: The request.
        """
        learned, self._tries = self._candidate.learned, self._tries + 1
        capped = call.max_tokens is not None or model_cap(self._candidate) is not None
        if self._tries > _MAX_TRIES:
            return False
        if capped and refuses_limit(exc):
            if learned.limit != known.limit:
                return True  # a concurrent call has learned it
            return learned.refuse_limit(
                limit_on_the_wire(self._candidate.model, self._candidate.limit_parameter), str(exc)
            )
        if (
            call.reduce_reasoning
            and not known.keeps_effort
            and refuses_field(exc, lesser_effort(self._candidate.model))
        ):
            learned.keeps_effort = True
            return True
        refusal = refusal_of(exc, cause)
        self._end_trial(refusal)
        return refusal is not None and (self._learn_ceiling(call, refusal) or self._learn_form(call, refusal, sent))

    def confirm(self) -> None:
        """Keep the form that the accepted request was sent in."""
        self._end_trial(None)

    def _learn_ceiling(self, call: Call, refusal: Refusal) -> bool:
        cap = call.max_tokens if call.max_tokens is not None else model_cap(self._candidate)
        ceiling = None if cap is None else limit_ceiling(refusal.text, cap)
        if ceiling is not None:
            self._candidate.learned.max_limit = ceiling
            logger.warning("%s accepts no output limit above %d tokens", log_line(self._candidate.name), ceiling)
        return ceiling is not None

    def _learn_form(self, call: Call, refusal: Refusal, sent: WireRequest) -> bool:
        learned, forms = self._candidate.learned, list(self._forms(call, refusal, sent))
        # Some refusals have the same words for several parts of the messages: at last, all are rewritten together.
        together = tuple(name for name in forms if is_of_messages(name))
        for names in [*((name,) for name in forms), *([together] if len(together) > 1 else [])]:
            if (names, refusal.signature) not in learned.refuted:
                if new := tuple(name for name in names if name not in learned.forms):  # else learned concurrently
                    learned.forms += new
                    learned.restarts = learned.restarts or NO_CONTINUATION in new
                    self._trial = (new, refusal.signature)
                return True
        return False

    def _forms(self, call: Call, refusal: Refusal, sent: WireRequest) -> Iterator[str]:
        if call.prefix is not None and asks_for_no_continuation(refusal):
            yield NO_CONTINUATION
        yield from sent.matching_forms(refusal, self._candidate.learned.forms)

    def _end_trial(self, refusal: Refusal | None) -> None:
        learned, trial = self._candidate.learned, self._trial
        self._trial = None
        if trial is None:
            return
        if refusal is None or refusal.signature != trial[1]:
            forms = log_line(", ".join(trial[0]))
            logger.warning("%s refused a request: %s from now on", log_line(self._candidate.name), forms)
            return
        learned.forms = tuple(name for name in learned.forms if name not in trial[0])
        learned.restarts = learned.restarts and NO_CONTINUATION not in trial[0]
        if len(learned.refuted) < _MAX_REFUTED:
            learned.refuted |= {trial}


def learn_from_stream(candidate: Candidate, known: LearnedCapabilities, exc: Exception) -> bool:
    """Return True if a stream had no event, and the request can be repeated without streaming.

    Some endpoints answer with one JSON body, in which a client finds no event.

    Args:
        candidate: The candidate that was queried; its `learned` capabilities are updated.
        known: Copy of the capabilities that the request was built with.
        exc: The exception of the call.
    """
    if known.ignores_stream or str(exc) not in _EMPTY_STREAMS:
        return False
    candidate.learned.ignores_stream = True
    name = log_line(candidate.name)
    logger.warning("%s returned no stream: it is queried without streaming from now on", name)
    return True


def learn_from_reply(candidate: Candidate, call: Call, reply: Completion, *, truncated: bool) -> None:
    """Learn whether the model continues prefixes and keeps to its cap.

    Args:
        candidate: The candidate that was queried; its `learned` capabilities are updated.
        call: Settings of the sent call.
        reply: The response.
        truncated: True if we stopped reading the stream because it exceeded the cap.
    """
    cap, learned, usage = call.max_tokens, candidate.learned, reply.usage
    learned.restarts = learned.restarts or reply.restarted
    if cap is None or learned.ignores_cap:
        return
    written = 0 if usage["estimated"] else usage["output_tokens"] - usage["reasoning_tokens"]
    longer = written > cap * _MAX_OVERRUN and len(reply.text) > cap * _MIN_CHARACTERS_PER_TOKEN
    if truncated or longer:
        learned.ignores_cap = True
        name = log_line(candidate.name)
        logger.warning("%s ignores its cap of %d tokens: later replies are streamed and truncated", name, cap)


_PIECE = re.compile(r"\w{1,12}|[^\w\s]")
"""About a token: in proportion to these the tokens of a text are estimated from those of its prefix."""


_MIN_SHARE = 0.2
"""Share of a text that its prefix has at least if their token counts are compared."""


def repeats_prefix(call: Call, reply: Completion, *, streamed: bool) -> bool:
    """Return True if a response contains the whole prefix and continues it, without having generated the prefix.

    llama.cpp returns so if it does not stream. The token count tells it from a model that started again and wrote the
    same text: it is nearer to that of the continuation alone than to that of the whole text. A prefix that is short
    beside the text is within the error of that estimate.

    Args:
        call: Settings of the sent call.
        reply: The response.
        streamed: Whether the response was streamed; a server that echoes the prefix does so in whole responses.
    """
    prefix, usage = (call.prefix or "").strip(), reply.call_cost["usage"]
    text = reply.text.lstrip()
    if not prefix or not call.prefix_tokens or usage["estimated"] or not text.startswith(prefix):
        return False
    share = len(_PIECE.findall(prefix)) / max(len(_PIECE.findall(text)), 1)
    if streamed and share < _MIN_SHARE:
        return False
    whole = call.prefix_tokens / share
    return usage["output_tokens"] < whole - call.prefix_tokens / 2
