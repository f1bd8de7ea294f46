"""How a response ended: one table from the words of the providers to four kinds of ends."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from lightrouter_graph.records import Cause

EndKind = Literal["complete", "cap", "filtered", "failed", "interrupted"]
"""Kind of an end. complete: the model ended the response. cap: a token limit cut it. filtered: a content filter or a
refusal ended it. failed: an error of the provider ended it. interrupted: an unknown word, so it may be incomplete.
"""

REASON_FIELDS = ("finish_reason", "stop_reason", "done_reason", "finishReason", "stopReason")
"""Metadata fields in which the clients of LangChain return the finish reason."""

# Words in lower case, without separators. Sources: the API references of OpenAI (chat completions and responses),
# Anthropic, Gemini, Bedrock, Cohere, Mistral, DeepSeek, Z.ai, OpenRouter, Ollama, vLLM, TGI, SGLang.
_WORDS: Mapping[EndKind, str] = {
    "complete": """
        stop stopped stopsequence stopsequences stopstr stopstring stoptoken stopword endturn endofturn endoftext eot
        eos eostoken end ended complete completed completion done finish finished success succeeded normal natural
        toolcall toolcalls tooluse functioncall functioncalls""",
    "cap": """
        length lengthlimit maxlength maxtokens maxoutputtokens maxcompletiontokens maxnewtokens maxtokensreached
        modellength tokenlimit tokenlimitreached limit truncated contextlength contextlengthexceeded contextwindow
        contextwindowexceeded modelcontextwindowexceeded maxcontextlength""",
    "filtered": """
        contentfilter contentfiltered contentpolicy contentpolicyviolation contentblocked filtered filter blocked
        blocklist safety safetyfilter moderation guardrail guardrailintervened guardrails refusal refused sensitive
        spii recitation prohibitedcontent imagesafety imageprohibitedcontent imagerecitation errortoxic toxic flagged
        modelarmor""",
    "failed": """
        error errors failed failure networkerror insufficientsystemresource insufficientsystemresources servererror
        internalerror internalservererror engineerror modelerror apierror overloaded unavailable timeout
        abort aborted cancel canceled cancelled disconnect disconnected""",
}
_KINDS: Mapping[str, EndKind] = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_LONGEST = max(map(len, _KINDS))
_CUT_OFF = frozenset({"networkerror", "disconnect", "disconnected", "timeout", "abort", "aborted"})
_CANCELLED = frozenset({"cancel", "canceled", "cancelled"})

_ABSENT = frozenset({"", "null", "none", "unspecified", "undefined"})
"""Words that stand for no reason, as in the chunks before the last one."""

_WORST_FIRST: tuple[EndKind, ...] = ("failed", "filtered", "cap", "interrupted", "complete")
_PREFIX = re.compile(r"(?:finish|stop|done)reason")
_MAX_CHARS = 200


def end_kind(reason: str | None) -> EndKind:
    """Return how a response ended.

    Letter case, separators, and prefixes such as `FINISH_REASON_` do not matter. Words that a merge of chunks has
    joined, as in "stopstop" or "lengthstop", count separately, and the worst kind wins. A word that is not in the
    table is `interrupted`, never `complete`.

    Args:
        reason: The finish reason in the words of any provider. None and "" are `complete`: the reader of responses
            decides about a response without a reason before.
    """
    return _worst(_kinds_in(reason or "")) if reason else "complete"


def worst_reason(reasons: Iterable[str]) -> str | None:
    """Return the reason with the worst kind, the last one among equals; None if there is none.

    Args:
        reasons: The finish reasons of the chunks of one response.
    """
    given = list(reasons)
    kinds = [end_kind(reason) for reason in given]
    return given[len(kinds) - 1 - kinds[::-1].index(_worst(kinds))] if given else None


def failed_cause(reason: str) -> Cause:
    """Return the cause of failure for a reason of the kind `failed`."""
    words = _segments(_compact(reason))
    return "disconnected" if words & (_CUT_OFF | _CANCELLED) else "unavailable"


def reason_in(metadata: Mapping[str, Any]) -> str | None:
    """Return the finish reason in the metadata of a response or a chunk; None if it has none.

    Args:
        metadata: `response_metadata`. OpenAI's Responses API has `status` and `incomplete_details` instead of a reason.
    """
    given = (str(metadata[name])[:_MAX_CHARS].strip() for name in REASON_FIELDS if metadata.get(name))
    found = next((reason for reason in given if reason and _compact(reason) not in _ABSENT), None)
    if found is None and metadata.get("object") == "response":
        details = metadata.get("incomplete_details")
        status = (details.get("reason") if isinstance(details, Mapping) else None) or metadata.get("status")
        return str(status)[:_MAX_CHARS] if status else None
    return found


def _worst(kinds: Iterable[EndKind]) -> EndKind:
    return min(kinds, key=_WORST_FIRST.index)


def _compact(reason: str) -> str:
    letters = "".join(character for character in reason[:_MAX_CHARS].lower() if character.isalnum())
    return _PREFIX.sub("", letters)


def _kinds_in(reason: str) -> list[EndKind]:
    return [_KINDS.get(word, "interrupted") for word in _segments(_compact(reason)) or {""}]


def _segments(joined: str) -> set[str]:
    """Split joined words, the longest known word first; the rest after the last known word is one unknown word."""
    found: set[str] = set()
    at = 0
    while at < len(joined):
        ends = range(min(len(joined), at + _LONGEST), at, -1)
        end = next((end for end in ends if joined[at:end] in _KINDS), len(joined))
        found.add(joined[at:end])
        at = end
    return found
