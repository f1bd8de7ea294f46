"""What a model thinks aloud before it answers: told apart from what it says."""

import re
from typing import Any

from langchain_core.messages import AIMessage

# At the start alone: further on it may be what the text is about. Chat templates that open the block themselves leave
# only its end in the reply, at the end of a line.
_BLOCK = re.compile(
    r"\A\s*<(think|thinking)>.*?(?:</\1>\s*|\Z)|\A(?:(?!<think).)*?</think(?:ing)?>[ \t]*(?:\n\s*|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_MARK = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)


def said(text: str) -> str:
    """Return a text without the `<think>` block it begins with; "" where it was cut off within the block.

    A text that begins with none comes back as it is.
    """
    return _BLOCK.sub("", text, count=1) if "think" in text.lower() else text


def thoughts_of(message: AIMessage) -> str:
    """Return what a reply shows of the model's reasoning, or a summary of it; "" where that is hidden."""
    blocks = [] if isinstance(message.content, str) else [b for b in message.content if isinstance(b, dict)]
    told = [_text_of_block(block) for block in blocks]
    aside = message.additional_kwargs.get("reasoning_content")
    text = str(message.text)
    aloud = text[: len(text) - len(said(text))] if said(text) != text else ""
    parts = [*told, aside if isinstance(aside, str) else "", _MARK.sub("", aloud)]
    return "\n".join(part.strip() for part in parts if part.strip())


def _text_of_block(block: dict[str, Any]) -> str:
    """Read one block of Anthropic's (`thinking`), of OpenAI's (`summary`) or of LangChain's own (`reasoning`)."""
    if block.get("type") not in {"thinking", "reasoning", "reasoning_content"}:
        return ""
    summary = block.get("summary")
    if isinstance(summary, list):
        return "\n".join(str(part.get("text", "")) for part in summary if isinstance(part, dict))
    told = block.get("thinking") or block.get("reasoning") or block.get("text") or ""
    return told if isinstance(told, str) else ""
