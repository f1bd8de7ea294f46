# ruff: noqa: ARG002, SLF001 - a facade of a chat model speaks to the methods that LangChain makes models of.
"""A reply that goes on from what the model wrote before, as one text: whole, or streamed from its first word."""

from collections.abc import AsyncIterator
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

_RESTART = 24
"""A continuation that begins with so many characters of the prefix has started over instead of going on."""


def has_restarted(prefix: str, text: str) -> bool:
    """Whether a model that was to go on from `prefix` has started over."""
    return text.lstrip().startswith(prefix.lstrip()[:_RESTART])


class ContinuedChat(BaseChatModel):
    """A chat model that first says what it said before, then goes on; for one call.

    The tokens of a continuation alone would reach a stream without their beginning. Whether the model really goes on
    shows in its first words: they are held back until then, so that no text is said twice.

    Attributes:
        inner: The model, which is given the prefix as the final assistant message.
        prefix: What it said before.
    """

    inner: BaseChatModel
    prefix: str
    _restarted: bool = PrivateAttr(default=False)

    @classmethod
    def of(cls, inner: BaseChatModel, prefix: str) -> Self:
        """Wrap a model; streaming stays off where the model has it off, or has none."""
        streams = type(inner)._astream is not BaseChatModel._astream or type(inner)._stream is not BaseChatModel._stream
        return cls(
            inner=inner,
            prefix=prefix,
            disable_streaming=inner.disable_streaming if streams else True,
            cache=False,  # the wrapper of one model must not answer for that of another
            rate_limiter=inner.rate_limiter,
            metadata=inner.metadata,
            tags=inner.tags,
            callbacks=inner.callbacks,
        )

    @property
    def restarted(self) -> bool:
        """Whether the model started over, once it has spoken."""
        return self._restarted

    @property
    def _llm_type(self) -> str:
        return self.inner._llm_type

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.inner._get_ls_params(stop=stop, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        head = ""
        held: list[ChatGenerationChunk] | None = []
        async for chunk in self.inner._astream(messages, stop=stop, **kwargs):
            if held is None:
                yield chunk
                continue
            head += chunk.text
            held.append(chunk)
            if self._shows(head):
                for part in self._begun(head, held):
                    yield part
                held = None
        for part in self._begun(head, held) if held else ():
            yield part

    def _shows(self, head: str) -> bool:
        """Whether the first words tell a continuation from a new beginning."""
        begun, said = self.prefix.lstrip()[:_RESTART], head.lstrip()
        return len(said) >= len(begun) or not begun.startswith(said)

    def _begun(self, head: str, held: list[ChatGenerationChunk]) -> list[ChatGenerationChunk]:
        self._restarted = has_restarted(self.prefix, head)
        if self._restarted:
            return held
        first = AIMessageChunk(content=self.prefix, id=held[0].message.id)
        return [ChatGenerationChunk(message=first), *held]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        msg = "a continuation is asked for asynchronously"
        raise RuntimeError(msg)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Reply whole, where nobody streams."""
        result = await self.inner._agenerate(messages, stop=stop, run_manager=run_manager, **kwargs)
        message = result.generations[0].message
        self._restarted = has_restarted(self.prefix, str(message.text))
        if not self._restarted:
            message.content = self.prefix + str(message.text)
        return result
