"""Accumulates the chunks of one streamed model response."""

from dataclasses import dataclass, field

from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message
from langchain_core.messages.ai import add_ai_message_chunks

_CHARACTERS_PER_TOKEN = 8
"""More than tokenizers make of ordinary text: a longer text surely has more tokens than the cap allows."""


@dataclass(slots=True)
class StreamAccumulator:
    """Chunks of one response. Outlives a call that is cancelled, so that its partial text is available.

    Attributes:
        tokens: Number of chunks with text, reasoning or a tool call. Servers send at least one token per chunk, so
            this is a lower bound of the output tokens.
        truncated: True if we stopped reading because the response exceeded its cap.
        started: True once the request was sent.
    """

    chunks: list[AIMessageChunk] = field(default_factory=list)
    tokens: int = 0
    truncated: bool = False
    started: bool = False
    _characters: int = 0

    def add(self, chunk: AIMessageChunk, *, prefix: str | None = None) -> None:
        """Add one chunk.

        Args:
            chunk: The chunk.
            prefix: Text of an earlier response; a first chunk that repeats it counts no tokens.
        """
        self.chunks.append(chunk)
        text = str(chunk.text)
        if prefix is not None and len(self.chunks) == 1 and text == prefix:
            return
        self._characters += len(text)
        self.tokens += bool(chunk.content or chunk.tool_call_chunks or chunk.additional_kwargs)

    def exceeds(self, cap: int | None) -> bool:
        """Return True if the response is longer than its cap allows, so the model ignores the cap.

        Args:
            cap: Cap in tokens; None for no cap.
        """
        return cap is not None and (self.tokens > cap or self._characters > cap * _CHARACTERS_PER_TOKEN)

    def truncate(self, *, keep_last: bool = False) -> None:
        """Mark the response as truncated and drop its last chunk.

        Args:
            keep_last: Keep the last chunk because the user has received it. The only chunk is always kept.
        """
        self.truncated = True
        if not keep_last and len(self.chunks) > 1:
            self.chunks.pop()
            self.tokens -= 1

    def message(self) -> AIMessage:
        """Join the chunks into one message; without any chunk, raise `ValueError`."""
        if not self.chunks:
            raise ValueError("the stream contained no chunk")
        joined = add_ai_message_chunks(*self.chunks) if len(self.chunks) > 1 else self.chunks[0]
        message = message_chunk_to_message(joined)
        assert isinstance(message, AIMessage)
        return message
