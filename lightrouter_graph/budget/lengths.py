"""How many tokens a prompt has at most, whoever counts them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from lightrouter_graph.pool import Candidate

CALL_TOKENS = 256
"""What a chat template may put before the conversation: the system prompt of some (gpt-oss, Qwen, Llama), the date."""

MESSAGE_TOKENS = 16
"""What a chat template puts around one message: marks of begin and end, the role, line breaks."""

TOOLS_TOKENS = 600
"""What providers tell a model of how to call tools, beside the tools themselves (Anthropic: up to 530)."""

MEDIA_TOKENS = 5000
"""What an image, a sound or a file counts with, unless it holds more bytes than that.

No bound: a page of a file behind an address may take more, and so does an image for gpt-4o-mini. Once a model has said
how long the prompt is, its own count is used.
"""

_TEXT = frozenset({"text", "reasoning", "thinking", "tool_use", "tool_call", "function_call", "tool_result"})
_SEEN = frozenset({"image", "image_url", "input_image"})


def most_tokens(messages: Sequence[BaseMessage], extras: Sequence[Mapping[str, Any]] = ()) -> int:
    """Return how many tokens a prompt has at most.

    A byte-pair tokenizer never makes more tokens than a text has bytes in UTF-8; what templates add is allowed for.

    Args:
        messages: All that is sent.
        extras: Tools and schemas that are sent beside them.
    """
    return CALL_TOKENS + _beside(extras) + sum(_in_message(message) for message in messages)


@dataclass(frozen=True)  # without slots, for what is worked out once
class Ruler:
    """Measures prompts that go on from one conversation, the more exactly the more is known of it.

    Attributes:
        conversation: The messages every prompt begins with.
        extras: Tools and schemas that go with them.
        observed: What candidates said of the length of the conversation with these extras, in their own tokens.
    """

    conversation: Sequence[BaseMessage] = ()
    extras: Sequence[Mapping[str, Any]] = ()
    observed: Mapping[Candidate, int] = field(default_factory=dict)

    def bound(
        self, candidate: Candidate, messages: Sequence[BaseMessage], extras: Sequence[Mapping[str, Any]] = ()
    ) -> int:
        """Return how many tokens a prompt has at most for a candidate."""
        if not self._begins(messages):
            return most_tokens(messages, extras)
        added = sum(_in_message(message) for message in messages[len(self.conversation) :])
        same = list(extras) == list(self.extras)
        most = self._most + added + (self._beside if same else _beside(extras))
        said = self.observed.get(candidate, most)
        return min(most, said + added + (0 if same else _beside(extras)))

    @cached_property
    def _most(self) -> int:
        return most_tokens(self.conversation)

    @cached_property
    def _beside(self) -> int:
        return _beside(self.extras)

    def _begins(self, messages: Sequence[BaseMessage]) -> bool:
        pairs = list(zip(self.conversation, messages, strict=False))
        return len(pairs) == len(self.conversation) and all(one is two or one == two for one, two in pairs)


def _beside(extras: Sequence[Mapping[str, Any]]) -> int:
    return TOOLS_TOKENS + sum(_json_bytes(extra) + MESSAGE_TOKENS for extra in extras) if extras else 0


def _in_message(message: BaseMessage) -> int:
    parts = [message.content] if isinstance(message.content, str) else message.content
    inside = sum(_bytes(part) if isinstance(part, str) else _in_block(part) for part in parts)
    beside = [message.name or "", message.tool_call_id if isinstance(message, ToolMessage) else ""]
    if message.additional_kwargs:
        beside.append(_json(message.additional_kwargs))
    if isinstance(message, AIMessage):
        beside += [_json(dict(call)) for call in [*message.tool_calls, *message.invalid_tool_calls]]
    return MESSAGE_TOKENS + inside + sum(_bytes(text) + MESSAGE_TOKENS for text in beside if text)


def _in_block(block: Mapping[str, Any]) -> int:
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        return _bytes(block["text"]) + MESSAGE_TOKENS
    if kind in _SEEN:  # their bytes say nothing: models look at the pixels
        return MEDIA_TOKENS
    return max(0 if kind in _TEXT else MEDIA_TOKENS, _json_bytes(block))


def _json_bytes(value: Any) -> int:
    return _bytes(_json(value))


def _json(value: Any) -> str:
    """Write JSON as long as a chat template may write it: indented, and with every foreign letter escaped."""
    return json.dumps(value, indent=4, default=str)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
