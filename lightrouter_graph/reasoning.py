"""Separates the reasoning text of a reply from the text that answers.

One list of tags and one function serve every use: what the user gets, what answers are compared by, what a judge reads.
"""

import re
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage

REASONING_TAGS = ("think", "thinking", "thought", "reasoning")
"""Names of the tags that models and chat templates put around reasoning text; letter case does not matter."""

_NAMES = "|".join(sorted(REASONING_TAGS, key=len, reverse=True))
REASONING_TAG = re.compile(rf"</?(?:{_NAMES})>", re.IGNORECASE)
"""One opening or closing tag."""

_LONGEST_TAG = max(map(len, REASONING_TAGS)) + len("</>")

# Code is matched as a whole, so that a tag quoted in it is text. A backtick reaches to the next one in its line.
_TOKEN = re.compile(rf"```|`[^`\n]*`|<(?P<close>/?)(?P<name>{_NAMES})>", re.IGNORECASE)
# A block in the middle of a line opens behind the end of a sentence; elsewhere the tag is part of the text.
_SENTENCE_ENDS = frozenset(".!?:;>)\u2026\u3002\uff01\uff1f\uff1a\n")
_BLOCK_TYPES = frozenset({"thinking", "reasoning", "reasoning_content"})


class SplitText(NamedTuple):
    """A text in two parts. `unclosed` is True if the text ends inside of a reasoning block."""

    answer: str
    reasoning: str
    unclosed: bool


def strip_reasoning(text: str) -> str:
    """Return a text without its reasoning blocks.

    Args:
        text: A whole or truncated reply; processed in linear time.

    Returns:
        The text, unchanged if it has no block; "" if it was truncated inside of a block at its start.
    """
    return split_reasoning(text).answer


def split_reasoning(text: str) -> SplitText:
    """Split a text into its answer and its reasoning blocks.

    A block opens at the start of a line or behind the end of a sentence, and ends with the next closing tag of its
    name. A closing tag without an opening one ends reasoning that the chat template opened: all text before it is
    reasoning. Tags inside of code are text.
    """
    if "<" not in text or REASONING_TAG.search(text) is None:
        return SplitText(text, "", unclosed=False)
    answer: list[str] = []
    reasoning: list[str] = []
    mentioned: set[str] = set()  # opening tags that are part of the text, and so are their closing tags
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
    leading = not "".join(answer[:1]).strip()  # white space around a block at the start is its layout
    (reasoning if opened else answer).append(text[begin:])
    if not reasoning:
        return SplitText(text, "", unclosed=False)
    thought = "\n".join(part for part in map(str.strip, reasoning) if part)
    visible = "".join(answer)
    return SplitText(visible.lstrip() if leading or not visible.strip() else visible, thought, unclosed=bool(opened))


def streamable_prefix(text: str) -> str:
    """Return the text before the first reasoning tag, without a tag that may have begun at its end.

    A stream shows this much of an unfinished reply; the rest follows when the reply is whole and stripped.
    """
    tag = REASONING_TAG.search(text)
    if tag is not None:
        return text[: tag.start()]
    begun = text.rfind("<", max(0, len(text) - _LONGEST_TAG))
    return text if begun < 0 or ">" in text[begun:] else text[:begun]


def reasoning_of(message: AIMessage) -> str:
    """Return the reasoning text or summary that a reply contains; "" if the provider hides it.

    Args:
        message: The reply; content blocks, `reasoning_content` and tagged text are read.
    """
    blocks = [] if isinstance(message.content, str) else [block for block in message.content if isinstance(block, dict)]
    extra = message.additional_kwargs.get("reasoning_content")
    parts = [*map(_text_of_block, blocks), extra if isinstance(extra, str) else ""]
    parts.append(split_reasoning(str(message.text)).reasoning)
    return "\n".join(part.strip() for part in parts if part.strip())


def _opens(text: str, at: int) -> bool:
    before = text[max(0, at - 40) : at].rstrip(" \t")
    return not before or before[-1] in _SENTENCE_ENDS


def _closes(text: str, token: re.Match[str]) -> bool:
    """Return False if the closing tag is a word of a sentence: with a space before it and text behind it."""
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
