"""Estimates of token counts, corrected by the counts that the same endpoint reported earlier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately

from lightrouter_graph.budget.token_bounds import split_media
from lightrouter_graph.pool import Candidate
from lightrouter_graph.records import Usage

_MEDIA_TOKENS = 1000
"""Estimate for an image, a sound or a file: a picture of 1024 x 1024 pixels, a page, half a minute of speech."""

_MIN_SLOPE, _MAX_SLOPE = 0.25, 4.0
"""Reported tokens per estimated token, between dense English and scripts with several tokens per character."""


@dataclass(slots=True)
class _Fit:
    """Line through pairs of estimated and reported counts: the overhead of a chat template and its tokens per text."""

    number: int = 0
    estimated: float = 0.0
    reported: float = 0.0
    squares: float = 0.0
    products: float = 0.0

    def add(self, estimated: int, reported: int) -> None:
        self.number += 1
        self.estimated += estimated
        self.reported += reported
        self.squares += estimated * estimated
        self.products += estimated * reported

    def corrected(self, estimated: int) -> int:
        if not self.number:
            return estimated
        mean, reported = self.estimated / self.number, self.reported / self.number
        variance = self.squares / self.number - mean * mean
        slope = (self.products / self.number - mean * reported) / variance if variance > 1 else 1.0
        slope = min(max(slope, _MIN_SLOPE), _MAX_SLOPE)
        return max(1, round(reported + slope * (estimated - mean)))


@dataclass(slots=True)
class _Counts:
    prompt: _Fit = field(default_factory=_Fit)
    output: _Fit = field(default_factory=_Fit)


_counts: WeakKeyDictionary[Candidate, _Counts] = WeakKeyDictionary()


def estimate_prompt_tokens(
    candidate: Candidate, prompt: Sequence[BaseMessage], extras: Sequence[Mapping[str, Any]] = ()
) -> int:
    """Estimate the input tokens of a prompt.

    Args:
        candidate: The candidate that gets the prompt.
        prompt: All messages that are sent.
        extras: Tools and JSON schemas sent with them.
    """
    return _of(candidate).prompt.corrected(_prompt_tokens(prompt, extras))


def estimate_output_tokens(candidate: Candidate, message: AIMessage) -> int:
    """Estimate the output tokens of a response, without hidden reasoning."""
    return _of(candidate).output.corrected(count_tokens_approximately([message]))


def learn_counts(
    candidate: Candidate,
    prompt: Sequence[BaseMessage],
    extras: Sequence[Mapping[str, Any]],
    message: AIMessage,
    usage: Usage,
) -> None:
    """Keep the reported counts of one response for later estimates.

    Args:
        candidate: The candidate that reported them.
        prompt: All messages that were sent.
        extras: Tools and JSON schemas sent with them.
        message: The response.
        usage: The reported counts.
    """
    counts = _of(candidate)
    counts.prompt.add(_prompt_tokens(prompt, extras), usage["input_tokens"])
    counts.output.add(count_tokens_approximately([message]), usage["output_tokens"] - usage["reasoning_tokens"])


def _of(candidate: Candidate) -> _Counts:
    return _counts.setdefault(candidate, _Counts())


def _prompt_tokens(prompt: Sequence[BaseMessage], extras: Sequence[Mapping[str, Any]]) -> int:
    messages, media = [], 0
    for message in prompt:
        if isinstance(message.content, str):
            messages.append(message)
            continue
        content, found = split_media(message.content)
        media += found
        messages.append(message.model_copy(update={"content": content}))
    return count_tokens_approximately(messages, tools=[dict(extra) for extra in extras]) + media * _MEDIA_TOKENS
