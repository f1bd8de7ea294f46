"""Learns capabilities of a candidate from a refused request or a response, so that later calls avoid the refusal."""

import logging
import re
from collections.abc import Iterator

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.call_parameters import model_cap
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.llm.forms import EFFORT_KEPT, STREAM_LEFT_OUT, asks_for_no_continuation, is_of_messages
from lightrouter_graph.llm.refusals import Refusal, refusal_of
from lightrouter_graph.llm.wire import WireRequest
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.learned import NO_CONTINUATION, LearnedCapabilities
from lightrouter_graph.providers.model_facts import lesser_effort, limit_on_the_wire
from lightrouter_graph.records import Cause
from lightrouter_graph.redaction.printable import log_line

logger = logging.getLogger(__name__)

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
        self._tries += 1
        refusal = refusal_of(exc, cause)
        if refusal is None or self._tries > _MAX_TRIES:
            return False  # neither proves a form nor disproves it
        self._end_trial(refusal)
        return self._learn_limit(call, known, refusal) or self._learn_form(call, refusal, sent)

    def confirm(self) -> None:
        """Keep the form that the accepted request was sent in."""
        self._end_trial(None)

    def withdraw(self) -> None:
        """Give up a form that was tried last and that no reply has confirmed; another call may try it again."""
        if self._trial is not None:
            names, self._trial = self._trial[0], None
            learned = self._candidate.learned
            learned.forms = tuple(name for name in learned.forms if name not in names)

    def _learn_limit(self, call: Call, known: LearnedCapabilities, refusal: Refusal) -> bool:
        """Rename the output limit, or lower it."""
        candidate, learned = self._candidate, self._candidate.learned
        cap = call.max_tokens if call.max_tokens is not None else model_cap(candidate)
        if cap is None:
            return False
        if refusal.names_limit:
            field = limit_on_the_wire(candidate.model, candidate.limit_parameter)
            return learned.limit != known.limit or learned.refuse_limit(field, refusal.text)
        if (ceiling := refusal.ceiling(cap)) is not None:
            learned.max_limit = ceiling
            logger.warning("%s accepts no output limit above %d tokens", log_line(candidate.name), ceiling)
        return ceiling is not None

    def _learn_form(self, call: Call, refusal: Refusal, sent: WireRequest) -> bool:
        learned, forms = self._candidate.learned, list(self._forms(call, refusal, sent))
        # Some refusals have the same words for several parts of the messages: at last, all are rewritten together.
        together = tuple(name for name in forms if is_of_messages(name))
        for names in [*((name,) for name in forms), *([together] if len(together) > 1 else [])]:
            if (names, refusal.signature) not in learned.refuted:
                if new := learned.add_forms(*names):  # else learned concurrently
                    self._trial = (new, refusal.signature)
                return True
        return False

    def _forms(self, call: Call, refusal: Refusal, sent: WireRequest) -> Iterator[str]:
        if refusal.empty_stream:
            yield from [STREAM_LEFT_OUT] * (STREAM_LEFT_OUT not in sent.forms)
            return
        if call.prefix is not None and asks_for_no_continuation(refusal):
            yield NO_CONTINUATION
        lesser = lesser_effort(self._candidate.model) if call.reduce_reasoning else {}
        if EFFORT_KEPT not in sent.forms and any(name in refusal.text for name in lesser):
            yield EFFORT_KEPT
        yield from sent.matching_forms(refusal, self._candidate.learned.forms)

    def _end_trial(self, refusal: Refusal | None) -> None:
        trial = self._trial
        if trial is not None and refusal is not None and refusal.signature == trial[1]:
            self.withdraw()
            learned = self._candidate.learned
            learned.refuted |= {trial} if len(learned.refuted) < _MAX_REFUTED else frozenset()
        elif trial is not None:
            self._trial = None
            forms = log_line(", ".join(trial[0]))
            logger.warning("%s refused a request: %s from now on", log_line(self._candidate.name), forms)


def learn_from_reply(candidate: Candidate, call: Call, reply: Completion, *, truncated: bool) -> None:
    """Learn whether the model continues prefixes and keeps to its cap.

    Args:
        candidate: The candidate that was queried; its `learned` capabilities are updated.
        call: Settings of the sent call.
        reply: The response.
        truncated: True if we stopped reading the stream because it exceeded the cap.
    """
    cap, learned, usage = call.max_tokens, candidate.learned, reply.usage
    if reply.restarted:
        learned.add_forms(NO_CONTINUATION)
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
