"""Separates the reasoning text of a model response from its answer text.

One list of tags and one function serve the user's answer, the answer keys and the judge's prompt.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage

REASONING_TAGS = ("think", "thinking", "thought", "reasoning")
"""Tag names that models and chat templates put around reasoning text, case-insensitive."""

_NAMES = "|".join(sorted(REASONING_TAGS, key=len, reverse=True))
REASONING_TAG = re.compile(rf"</?(?:{_NAMES})>", re.IGNORECASE)
"""One opening or closing tag."""

_MAX_TAG_CHARS = max(map(len, REASONING_TAGS)) + len("</>")

# Code spans are matched as a whole, so a tag quoted in code is text. A backtick span ends in its line.
_TOKEN = re.compile(rf"```|`[^`\n]*`|<(?P<close>/?)(?P<name>{_NAMES})>", re.IGNORECASE)
# Within a line, a block opens only after the end of a sentence; elsewhere the tag is part of the text.
_SENTENCE_ENDS = frozenset(".!?:;>)\u2026\u3002\uff01\uff1f\uff1a\n")
_BLOCK_TYPES = frozenset({"thinking", "reasoning", "reasoning_content"})


class SplitText(NamedTuple):
    """Answer and reasoning of a model response. `unclosed` is True if the string ends inside a reasoning block."""

    answer: str
    reasoning: str
    unclosed: bool


def strip_reasoning(text: str) -> str:
    """Return a model response without its reasoning blocks.

    Args:
        text: The complete or truncated response; processed in linear time.

    Returns:
        The string, unchanged if it has no block; "" if it was truncated inside a block at its start.
    """
    return split_reasoning(text).answer


@lru_cache(maxsize=8)
def split_reasoning(text: str) -> SplitText:
    """Split a model response into answer and reasoning blocks.

    A block opens at the start of a line or after the end of a sentence. It ends with the next closing tag of the same
    name. A closing tag without an opening one ends a block that the chat template opened: all text before it is
    reasoning. Tags inside code are text.

    Args:
        text: The complete or truncated response; processed in linear time.

    Returns:
        Answer, reasoning (blocks joined by line breaks) and whether a block is still open.
    """
    if "<" not in text or not _has_tag_name(text):
        return SplitText(text, "", unclosed=False)
    answer: list[str] = []
    reasoning: list[str] = []
    mentioned: set[str] = set()  # opening tags that are part of the text; their closing tags are text as well
    begin, opened, in_code = 0, "", False
    for token in _TOKEN.finditer(text):
        name = (token["name"] or "").lower()
        if opened:
            if token["close"] and name == opened:
                reasoning.append(text[begin : token.start()])
                begin, opened = token.end(), ""
        elif token[0] == "```":
            in_code = not in_code
        elif in_code or not name:
            continue
        elif not token["close"]:
            if _opens(text, token.start()):
                answer.append(text[begin : token.start()])
                begin, opened = token.end(), name
            else:
                mentioned.add(name)
        elif name in mentioned:
            mentioned.remove(name)
        elif _closes(text, token):
            reasoning += [*answer, text[begin : token.start()]]
            answer, begin = [], token.end()
    leading = not "".join(answer[:1]).strip()  # white space around a block at the start is layout
    (reasoning if opened else answer).append(text[begin:])
    if not reasoning:
        return SplitText(text, "", unclosed=False)
    thought = "\n".join(part for part in map(str.strip, reasoning) if part)
    visible = "".join(answer)
    return SplitText(visible.lstrip() if leading or not visible.strip() else visible, thought, unclosed=bool(opened))


def streamable_prefix(text: str) -> str:
    """Return the part of an incomplete response that can be streamed to the user.

    Args:
        text: The response accumulated from the chunks so far.

    Returns:
        The string before the first reasoning tag, without a partial tag at its end.
    """
    tag = REASONING_TAG.search(text)
    if tag is not None:
        return text[: tag.start()]
    begun = text.rfind("<", max(0, len(text) - _MAX_TAG_CHARS))
    return text if begun < 0 or ">" in text[begun:] else text[:begun]


def reasoning_of(message: AIMessage) -> str:
    """Return the reasoning text or summary of a message; "" if the provider hides it.

    Args:
        message: The response; content blocks, `reasoning_content` and tagged text are read.
    """
    blocks = [] if isinstance(message.content, str) else [block for block in message.content if isinstance(block, dict)]
    extra = message.additional_kwargs.get("reasoning_content")
    parts = [*map(_text_of_block, blocks), extra if isinstance(extra, str) else ""]
    parts.append(split_reasoning(str(message.text)).reasoning)
    return "\n".join(part.strip() for part in parts if part.strip())


def _has_tag_name(text: str) -> bool:
    """Return False if a text has no tag, without a pattern: ten times as fast in a long text with many `<`."""
    lowered = text.lower()
    return any(f"{name}>" in lowered for name in REASONING_TAGS)


def _opens(text: str, at: int) -> bool:
    before = text[max(0, at - 40) : at].rstrip(" \t")
    return not before or before[-1] in _SENTENCE_ENDS


def _closes(text: str, token: re.Match[str]) -> bool:
    """Return False if the closing tag is part of a sentence: a space before it and text after it."""
    behind = text[token.end() : token.end() + 40].lstrip(" \t")
    return not behind or behind[0] in "\r\n" or text[token.start() - 1 : token.start()] not in {" ", "\t"}


def _text_of_block(block: dict[str, Any]) -> str:
    """Read one block of Anthropic (`thinking`), OpenAI (`summary`) or LangChain (`reasoning`)."""
    if block.get("type") not in _BLOCK_TYPES:
        return ""
    summary = block.get("summary")
    if isinstance(summary, list):
        return "\n".join(str(part.get("text", "")) for part in summary if isinstance(part, dict))
    found = block.get("thinking") or block.get("reasoning") or block.get("text") or ""
    return found if isinstance(found, str) else ""
