# ruff: noqa: ARG002, SLF001 - a wrapper of a chat model calls the methods that LangChain models implement.
"""Chat model wrapper that returns the prefix and its continuation as one response, streamed or not."""

from collections.abc import AsyncIterator
from typing import Any, Self

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

_RESTART_CHARACTERS = 24
"""A response that begins with so many characters of the prefix is a restart, not a continuation."""


class ContinuedChat(BaseChatModel):
    """Chat model that emits a prefix before the continuation of the wrapped model; for one call.

    A stream of the continuation alone would lack its beginning. The first chunks are buffered until they show whether
    the model continues or restarts, so that no text is emitted twice. `inner` receives the prefix as the final
    assistant message.
    """

    inner: BaseChatModel
    prefix: str
    _restarted: bool = PrivateAttr(default=False)

    @classmethod
    def of(cls, inner: BaseChatModel, prefix: str) -> Self:
        """Wrap a model for one call; streaming is off if the model disables or does not implement it."""
        streams = type(inner)._astream is not BaseChatModel._astream or type(inner)._stream is not BaseChatModel._stream
        return cls(
            inner=inner,
            prefix=prefix,
            disable_streaming=inner.disable_streaming if streams else True,
            cache=False,  # cached responses of one wrapped model must not serve another
            rate_limiter=inner.rate_limiter,
            metadata=inner.metadata,
            tags=inner.tags,
            callbacks=inner.callbacks,
        )

    @property
    def restarted(self) -> bool:
        """True if the model restarted; valid after the response."""
        return self._restarted

    @property
    def _llm_type(self) -> str:
        return self.inner._llm_type

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.inner._get_ls_params(stop=stop, **kwargs)

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        head = ""
        buffered: list[ChatGenerationChunk] | None = []
        async for chunk in self.inner._astream(messages, stop=stop, **kwargs):
            if buffered is None:
                yield chunk
                continue
            head += chunk.text
            buffered.append(chunk)
            if self._is_decided(head):
                for part in self._first_chunks(head, buffered):
                    yield part
                buffered = None
        for part in self._first_chunks(head, buffered) if buffered else ():
            yield part

    def _is_decided(self, head: str) -> bool:
        """Return True if the first characters distinguish a restart from a continuation."""
        expected, received = self.prefix.lstrip()[:_RESTART_CHARACTERS], head.lstrip()
        return len(received) >= len(expected) or not expected.startswith(received)

    def _has_restarted(self, head: str) -> bool:
        self._restarted = head.lstrip().startswith(self.prefix.lstrip()[:_RESTART_CHARACTERS])
        return self._restarted

    def _first_chunks(self, head: str, buffered: list[ChatGenerationChunk]) -> list[ChatGenerationChunk]:
        if self._has_restarted(head):
            return buffered
        first = AIMessageChunk(content=self.prefix, id=buffered[0].message.id)
        return [ChatGenerationChunk(message=first), *buffered]

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise RuntimeError("ContinuedChat has no synchronous methods: use ainvoke or astream")

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        """Return prefix and continuation as one message, without streaming."""
        result = await self.inner._agenerate(messages, stop=stop, run_manager=run_manager, **kwargs)
        message = result.generations[0].message
        if not self._has_restarted(message.text):
            message.content = self.prefix + str(message.text)
        return result
