"""Learns capabilities of a candidate from a refused request or a response, so that later calls avoid the refusal."""

import logging

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.call_parameters import model_cap
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.pool import Candidate
from lightrouter_graph.printable import log_line
from lightrouter_graph.providers.learned import LearnedCapabilities, refuses_field, refuses_limit, refuses_roles
from lightrouter_graph.providers.model_facts import lesser_effort, limit_on_the_wire

logger = logging.getLogger(__name__)

_EMPTY_STREAMS = frozenset({"No generation chunks were returned", "No generations found in stream."})
"""Errors of `langchain_core` for a stream without a chunk."""

_MAX_OVERRUN = 1.5
"""Output tokens per token of the cap from which a provider ignores the cap, rather than counts in another way."""

_MIN_CHARACTERS_PER_TOKEN = 2
"""A token count above the cap is used only if the text has at least so many characters per token of the cap."""


def learn_from_refusal(candidate: Candidate, call: Call, known: LearnedCapabilities, exc: Exception) -> bool:
    """Return True if the endpoint refused the form of a request, and another form of it can be sent.

    Args:
        candidate: The candidate that was queried; its `learned` capabilities are updated.
        call: Settings of the sent call.
        known: Copy of the capabilities that the request was built with; concurrent calls may have learned more since.
        exc: The exception of the call.
    """
    learned = candidate.learned
    capped = call.max_tokens is not None or model_cap(candidate) is not None
    if capped and refuses_limit(exc):
        if learned.limit != known.limit:
            return True  # a concurrent call has learned it
        return learned.refuse_limit(limit_on_the_wire(candidate.model, candidate.limit_parameter), str(exc))
    if call.reduce_reasoning and not known.keeps_effort and refuses_field(exc, lesser_effort(candidate.model)):
        learned.keeps_effort = True
        return True
    if refuses_roles(exc) and not known.alternates:
        learned.alternates = True
        return True
    return False


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


def repeats_prefix(call: Call, reply: Completion) -> bool:
    """Return True if a response contains the whole prefix and continues it, without having generated the prefix.

    llama.cpp returns so if it does not stream. The token count tells it from a model that started again and wrote the
    same text: it is nearer to that of the continuation alone than to that of the whole text.

    Args:
        call: Settings of the sent call.
        reply: The response.
    """
    prefix, usage = (call.prefix or "").strip(), reply.call_cost["usage"]
    text = reply.text.lstrip()
    if not prefix or not call.prefix_tokens or usage["estimated"] or not text.startswith(prefix):
        return False
    whole = call.prefix_tokens * len(text) / len(prefix)
    return usage["output_tokens"] < whole - call.prefix_tokens / 2
