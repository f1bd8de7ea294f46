"""Upper bounds on the number of tokens of a prompt, valid for every tokenizer."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from lightrouter_graph.pool import Candidate

CALL_TOKENS = 256
"""Tokens that a chat template may add before the conversation, e.g. a default system prompt (gpt-oss, Qwen, Llama)."""

MESSAGE_TOKENS = 16
"""Tokens that a chat template adds around one message: begin and end marks, the role, line breaks."""

TOOLS_TOKENS = 600
"""Tokens of the instructions on tool use that providers add beside the tools (Anthropic: up to 530)."""

MEDIA_TOKENS = 5000
"""Tokens counted for an image, a sound or a file, whatever its size: models count pixels, seconds and pages.

Not an upper bound: a linked file, a long recording, or an image for gpt-4o-mini, may take more. Once a provider has
returned its own count of the conversation's tokens, that count is used.
"""

_MIN_ENCODED = 256
"""Characters; shorter strings are counted as text."""
_ENCODED_FIELDS = frozenset({"data", "file_data", "base64", "bytes", "b64_json"})
"""Fields of content blocks with base64; a data URL may be in any field."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]++[=\s]*+")
_DATA_URL = re.compile(r"data:([\w.+/-]{0,100})[^,]{0,100};base64,")
_TEXT_FILE = re.compile(r"text/|application/(?:json|xml|yaml|javascript)")
_TEXT = frozenset({"text", "reasoning", "thinking", "tool_use", "tool_call", "function_call", "tool_result"})
_IMAGES = frozenset({"image", "image_url", "input_image"})


def max_prompt_tokens(messages: Sequence[BaseMessage], extras: Sequence[Mapping[str, Any]] = ()) -> int:
    """Return an upper bound on the tokens of messages and of the tools and JSON schemas sent with them.

    A byte-pair tokenizer returns at most one token per UTF-8 byte; the tokens of chat templates are added.

    Args:
        messages: All messages of the prompt.
        extras: Tools and JSON schemas sent with the messages.
    """
    return CALL_TOKENS + _extra_tokens(extras) + sum(_message_tokens(message) for message in messages)


@dataclass(frozen=True)  # without slots, for the cached properties
class PromptTokenBound:
    """Upper bound on the tokens of prompts that begin with one conversation.

    The conversation is counted once. Where a provider has counted it already, its count replaces the bound.

    Attributes:
        conversation: The messages that prompts begin with.
        extras: Tools and JSON schemas sent with them.
        observed: Input tokens that providers counted for the conversation with these extras, by candidate.
    """

    conversation: Sequence[BaseMessage] = ()
    extras: Sequence[Mapping[str, Any]] = ()
    observed: Mapping[Candidate, int] = field(default_factory=dict)

    def bound(
        self, candidate: Candidate, messages: Sequence[BaseMessage], extras: Sequence[Mapping[str, Any]] = ()
    ) -> int:
        """Return an upper bound on the tokens of a prompt and its extras for one candidate.

        Args:
            candidate: The candidate to call; its reported token counts lower the bound.
            messages: All messages of the prompt.
            extras: Tools and JSON schemas sent with the messages.
        """
        if not self._is_prefix_of(messages):
            return max_prompt_tokens(messages, extras)
        added = sum(_message_tokens(message) for message in messages[len(self.conversation) :])
        same = list(extras) == list(self.extras)
        bound = self._conversation_tokens + added + (self._extra_tokens if same else _extra_tokens(extras))
        observed = self.observed.get(candidate, bound)
        return min(bound, observed + added + (0 if same else _extra_tokens(extras)))

    @cached_property
    def _conversation_tokens(self) -> int:
        return max_prompt_tokens(self.conversation)

    @cached_property
    def _extra_tokens(self) -> int:
        return _extra_tokens(self.extras)

    def _is_prefix_of(self, messages: Sequence[BaseMessage]) -> bool:
        pairs = list(zip(self.conversation, messages, strict=False))
        return len(pairs) == len(self.conversation) and all(one is two or one == two for one, two in pairs)


def _extra_tokens(extras: Sequence[Mapping[str, Any]]) -> int:
    return TOOLS_TOKENS + sum(_bytes(_json(extra)) + MESSAGE_TOKENS for extra in extras) if extras else 0


def _message_tokens(message: BaseMessage) -> int:
    parts = [message.content] if isinstance(message.content, str) else message.content
    content = sum(_bytes(part) if isinstance(part, str) else _block_tokens(part) for part in parts)
    others = [message.name or "", message.tool_call_id if isinstance(message, ToolMessage) else ""]
    if message.additional_kwargs:
        rest, media = split_media(message.additional_kwargs)
        content += media * MEDIA_TOKENS
        others.append(_json(rest))
    if isinstance(message, AIMessage):
        others += [_json(dict(call)) for call in [*message.tool_calls, *message.invalid_tool_calls]]
    return MESSAGE_TOKENS + content + sum(_bytes(text) + MESSAGE_TOKENS for text in others if text)


def _block_tokens(block: Mapping[str, Any]) -> int:
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        return _bytes(block["text"]) + MESSAGE_TOKENS
    if kind in _IMAGES:
        return MEDIA_TOKENS
    return max(0 if kind in _TEXT else MEDIA_TOKENS, _json_tokens(block))


def _json_tokens(value: Any) -> int:
    rest, media = split_media(value)
    return _bytes(_json(rest)) + media * MEDIA_TOKENS


def split_media(value: Any) -> tuple[Any, int]:
    """Return a JSON value without its encoded images, sounds and files, and the number of them.

    Encoded text files stay in the value, because their tokens depend on their length.

    Args:
        value: Content of a message, or a part of it.
    """
    return _split(value, "", "")


def _split(value: Any, name: str, mime_type: str) -> tuple[Any, int]:
    if isinstance(value, Mapping):
        mime_type = next((str(value[key]) for key in ("mime_type", "media_type") if value.get(key)), mime_type)
        parts = {key: _split(item, key, mime_type) for key, item in value.items()}
        return {key: rest for key, (rest, _) in parts.items()}, sum(number for _, number in parts.values())
    if isinstance(value, list | tuple):
        items = [_split(item, name, mime_type) for item in value]
        return [rest for rest, _ in items], sum(number for _, number in items)
    return ("", 1) if _is_media(value, name, mime_type) else (value, 0)


def _is_media(value: Any, name: str, mime_type: str) -> bool:
    if isinstance(value, str) and (url := _DATA_URL.match(value)):
        return not _TEXT_FILE.match(url[1])
    is_text = _TEXT_FILE.match(mime_type) is not None
    if not isinstance(value, str):
        return isinstance(value, bytes | bytearray) and not is_text
    encoded = name in _ENCODED_FIELDS and len(value) >= _MIN_ENCODED and not is_text
    return encoded and _BASE64.fullmatch(value) is not None


def _json(value: Any) -> str:
    """Serialise as the longest form a chat template may use: indented, all non-ASCII characters escaped."""
    return json.dumps(value, indent=4, default=str)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
