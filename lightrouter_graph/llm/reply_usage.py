"""Token usage of a response: what the provider reported, and an estimate of what it did not report."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.token_estimates import estimate_output_tokens, estimate_prompt_tokens, learn_counts
from lightrouter_graph.pool import Candidate
from lightrouter_graph.records import NO_USAGE, RARE_USAGE, Usage

_MAX_TOKENS = 10_000_000
"""No model reads or writes more tokens in one call: a larger number in a usage is an error of the provider."""

_MAX_DIGITS = 12

# Names of one count in the usage of LangChain, and in that of OpenAI-compatible servers, DeepSeek and Anthropic.
_INPUT, _OUTPUT, _TOTAL = ("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"), ("total_tokens",)
_CACHE_READS = ("cache_read", "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")
_CACHE_WRITES = ("cache_creation", "cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens")
_SHORT_WRITES, _LONG_WRITES = ("ephemeral_5m_input_tokens",), ("ephemeral_1h_input_tokens",)
_REASONING = ("reasoning", "reasoning_tokens")
_AUDIO = ("audio", "audio_tokens")
_TIERS = ("", "priority_", "flex_")
"""Prefixes of details in `langchain_openai` for a service tier."""


def read_usage(message: AIMessage, candidate: Candidate, prompt: Sequence[BaseMessage], call: Call) -> Usage:
    """Return the usage of a response; a part that the provider did not report, or implausibly, is estimated.

    A total above the sum of its parts contains hidden reasoning, which is billed as output. Cached tokens that are no
    part of the reported input are added to it.

    Args:
        message: The response.
        candidate: The candidate that wrote it. Its earlier counts correct an estimate.
        prompt: All messages that were sent.
        call: Settings of the sent call.
    """
    usage = _reported(message)
    has_output = bool(message.text or message.tool_calls)
    read, written, total = usage["input_tokens"], usage["output_tokens"], _largest(_sources(message), _TOTAL)
    if read and (written or (not has_output and list(_counts(_sources(message), _OUTPUT)))):
        learn_counts(candidate, prompt, call.extras, message, usage)
        return usage
    if not read:
        read = estimate_prompt_tokens(candidate, prompt, call.extras)
        read = total - written if total > written > 0 else min(read, total or read)
    if not written:
        counted = _estimated_output(message, candidate, call) if has_output else 0
        written = total - read if total > read else counted
    return {**usage, "input_tokens": read, "output_tokens": written, "estimated": True}


def read_partial_usage(
    message: AIMessage | None, candidate: Candidate, prompt: Sequence[BaseMessage], call: Call, chunks: int
) -> Usage:
    """Return the usage of a response that broke off: what was reported until then, else an estimate.

    Args:
        message: The part that arrived; None if nothing did.
        candidate: The candidate that wrote it.
        prompt: All messages that were sent.
        call: Settings of the sent call.
        chunks: Number of chunks with content, a lower bound on the output tokens.
    """
    usage = {**NO_USAGE} if message is None else _reported(message)
    read = usage["input_tokens"] or estimate_prompt_tokens(candidate, prompt, call.extras)
    return {**usage, "input_tokens": read, "output_tokens": max(usage["output_tokens"], chunks), "estimated": True}


def _estimated_output(message: AIMessage, candidate: Candidate, call: Call) -> int:
    counted = estimate_output_tokens(candidate, message)
    return min(counted, call.max_tokens or counted)


def _reported(message: AIMessage) -> Usage:
    """Return the reported counts, 0 where there is none."""
    sent, raw = sources = _sources(message)
    read, written, total = (_largest(sources, names) for names in (_INPUT, _OUTPUT, _TOTAL))
    inputs = [sent.get("input_token_details"), raw, raw.get("prompt_tokens_details"), raw.get("cache_creation")]
    outputs = [sent.get("output_token_details"), raw.get("completion_tokens_details")]
    cached, long_writes = _largest(inputs, _CACHE_READS), _largest(inputs, _LONG_WRITES)
    writes = max(_largest(inputs, _CACHE_WRITES), _largest(inputs, _SHORT_WRITES) + long_writes)
    reasoning = _largest(outputs, _REASONING)
    hidden = max(0, total - read - written) if read and written else 0
    if cached + writes and (cached + writes > read or cached + writes == hidden):
        read, hidden = read + cached + writes, max(0, hidden - cached - writes)
    elif reasoning > written and not hidden:
        hidden, reasoning = reasoning, 0
    rare = (writes, long_writes, _largest(inputs[:1], _AUDIO), _largest(outputs[:1], _AUDIO))
    usage = {
        "input_tokens": read,
        "output_tokens": written + hidden,
        "cached_tokens": cached,
        "reasoning_tokens": max(reasoning, hidden),
        "estimated": False,
        **{name: count for name, count in zip(RARE_USAGE, rare, strict=True) if count},
    }
    return cast("Usage", usage)


def _sources(message: AIMessage) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return LangChain's usage, and that in the provider's fields, which clients keep for a whole body; {} for none."""
    sent, metadata = message.usage_metadata, message.response_metadata
    raw: Mapping[str, Any]
    raw = next((metadata[name] for name in ("token_usage", "usage") if isinstance(metadata.get(name), Mapping)), {})
    return sent if isinstance(sent, Mapping) else {}, raw


def _largest(groups: Sequence[Any], names: Sequence[str]) -> int:
    return max(_counts(groups, names), default=0)


def _counts(groups: Sequence[Any], names: Sequence[str]) -> Iterator[int]:
    for group in groups:
        if isinstance(group, Mapping):
            found = (_count(group.get(f"{tier}{name}")) for tier in _TIERS for name in names)
            yield from (count for count in found if count is not None)


def _count(value: Any) -> int | None:
    """Return a plausible number of tokens, also if a server sends it as text or float; None for anything else."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:_MAX_DIGITS])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    plausible = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TOKENS
    return value if plausible else None
