"""What was heard of a reply so far, while it streams."""

from dataclasses import dataclass, field

from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message
from langchain_core.messages.ai import add_ai_message_chunks

_CHARACTERS_PER_TOKEN = 8
"""More than any tokenizer makes of ordinary text: so much text is surely more tokens than the cap allows."""


@dataclass(slots=True)
class StreamAccumulator:
    """The chunks of one reply; kept where the call can be stopped from outside and what came still counts.

    Attributes:
        chunks: What came, in order.
        tokens: How many pieces of text, thought or tool call came. Servers send a token or more in each, so it is the
            least that was written.
        truncated: Whether we stopped listening because the cap was reached and the model wrote on.
        started: Whether the call was made at all.
    """

    chunks: list[AIMessageChunk] = field(default_factory=list)
    tokens: int = 0
    truncated: bool = False
    started: bool = False
    _characters: int = 0

    @property
    def has_chunks(self) -> bool:
        """Whether the reply came in pieces."""
        return bool(self.chunks)

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(str(chunk.text) for chunk in self.chunks)

    def add(self, chunk: AIMessageChunk, *, given: str | None = None) -> None:
        """Hear one more chunk; `given` is text that was there before, and is repeated first."""
        self.chunks.append(chunk)
        text = str(chunk.text)
        if given is not None and len(self.chunks) == 1 and text == given:
            return
        self._characters += len(text)
        self.tokens += bool(chunk.content or chunk.tool_call_chunks or chunk.additional_kwargs)

    def exceeds(self, cap: int | None) -> bool:
        """Whether more came than the cap allows, so that the model does not keep to it."""
        return cap is not None and (self.tokens > cap or self._characters > cap * _CHARACTERS_PER_TOKEN)

    def cut_off(self, *, shown: bool = False) -> None:
        """Forget the chunk that was too many, unless it was shown already or is all there is: then it came whole."""
        self.truncated = True
        if not shown and len(self.chunks) > 1:
            self.chunks.pop()
            self.tokens -= 1

    def message(self) -> AIMessage:
        """Put the chunks together.

        Raises:
            ValueError: If none came.
        """
        if not self.chunks:
            raise ValueError("the stream held no reply")
        whole = add_ai_message_chunks(*self.chunks) if len(self.chunks) > 1 else self.chunks[0]
        message = message_chunk_to_message(whole)
        assert isinstance(message, AIMessage)
        return message
