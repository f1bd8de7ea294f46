# ruff: noqa: ARG002, SLF001 - a recorder stands before the methods that LangChain makes models of.
"""Live models whose every reply goes onto a tape, and is played from it when the same is asked again."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.call_log import log_call, requested_sample
from lightrouter_graph.evaluation.models.cassette import Asked, Take, Tape, cap_of
from lightrouter_graph.evaluation.models.model_override import overridden
from lightrouter_graph.evaluation.models.spend_limit import LivePurse
from lightrouter_graph.evaluation.models.stage import stage_now
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.redaction import secrets_of
from lightrouter_graph.testing.tokens import count_prompt_tokens, count_tokens

_PIECES = 8


class Pacer(Protocol):
    """A clock that tells the time and lets it pass: `VirtualClock`, or the real one."""

    @property
    def now(self) -> float:
        """Seconds."""

    async def sleep(self, seconds: float) -> None:
        """Let them pass; `math.inf`: until cancelled."""


class WallClock:
    """The real time."""

    @property
    def now(self) -> float:
        """Seconds, of no certain beginning."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Deck:
    """Plays and records one candidate.

    Attributes:
        candidate: Its name.
        price: USD per 1M tokens, None where not known.
        tape: Where replies are.
        clock: In which time they are played. One that is played takes as long as it took when it was recorded, so that
            latencies hold whoever asked first.
        purse: What may still be paid; None to pay nothing: what is not on the tape is an error.
        secrets: What its model holds and no tape may.
    """

    candidate: str
    price: Price | None
    tape: Tape
    clock: Pacer
    purse: LivePurse | None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def asked(
        self, model: BaseChatModel, messages: Sequence[BaseMessage], stop: Sequence[str] | None, kwargs: dict[str, Any]
    ) -> Asked:
        """Say what a reply depends on."""
        return Asked(self.candidate, tuple(messages), cap_of(model, kwargs), tuple(stop or ()), requested_sample())

    def usd(self, usage: tuple[int, int]) -> float | None:
        """Price a call of so many input and output tokens."""
        if self.price is None:
            return None
        return (usage[0] * self.price.input + usage[1] * self.price.output) / 1e6

    async def play(self, asked: Asked, take: Take, began: float, stage: str) -> AsyncIterator[ChatGenerationChunk]:
        """Say again what was said, as fast as it was."""
        first_s = take["seconds"] if take["ttft_s"] is None else take["ttft_s"]
        text, heard = take["text"] or "", 0
        try:
            if take["text"] is None:
                await self.clock.sleep(float("inf"))
            # No more pieces than tokens: who hears more of them than the cap takes the cap for ignored.
            pieces = 1 if take["ttft_s"] is None else max(1, min(_PIECES, _tokens(asked, take)[1]))
            size = max(1, -(-len(text) // pieces))
            for start in range(0, max(1, len(text)), size):
                due = first_s + (take["seconds"] - first_s) * start / max(1, len(text))
                await self._until(began + due)
                heard = min(start + size, len(text))
                yield ChatGenerationChunk(message=AIMessageChunk(content=text[start:heard]))
            await self._until(began + take["seconds"])
            heard = -1
            end = AIMessageChunk(content="", usage_metadata=take["usage"], response_metadata=dict(take["ended"]))
            yield ChatGenerationChunk(message=end)
        finally:
            self.enter(asked, take, began, stage, stopped=heard >= 0)

    async def _until(self, moment: float) -> None:
        if (left := moment - self.clock.now) > 0:
            await self.clock.sleep(left)

    def enter(self, asked: Asked, take: Take | None, began: float, stage: str, *, stopped: bool) -> None:
        """Write a call down in the ledger; what a stopped one had written is judged by the time it had."""
        ended, ttft_s = self.clock.now, None if take is None else take["ttft_s"]
        read, written = _tokens(asked, take)
        if stopped and take is not None and take["text"] is not None and take["seconds"] > 0:
            written = round(written * _share_written(take, ended - began))
        log_call(
            {
                "candidate": self.candidate,
                "stage": stage,
                "input_tokens": read,
                "output_tokens": written,
                "usd": self.usd((read, written)),
                "began_s": began,
                "first_token_s": None if ttft_s is None else began + ttft_s,
                "ended_s": ended,
                "stopped": stopped,
            }
        )


def _share_written(take: Take, seconds: float) -> float:
    """Return how much of a reply was there after so many seconds, 0 to 1: nothing before its first token."""
    first = take["ttft_s"] or 0.0
    writing = take["seconds"] - first
    return 1.0 if writing <= 0 else min(1.0, max(0.0, (seconds - first) / writing))


def taped(candidate: Candidate, tape: Tape, clock: Pacer, purse: LivePurse | None) -> Candidate:
    """Return a candidate like the given one whose model records, and plays what is on the tape."""
    deck = Deck(candidate.name, candidate.price, tape, clock, purse, secrets_of(candidate.model))
    kind = type(candidate.model)
    streams = kind._astream is not BaseChatModel._astream or kind._stream is not BaseChatModel._stream
    return overridden(candidate, _Streaming if streams else _Whole, {"deck": deck}, cache=False)


class _Whole:
    """Records the calls of a model that replies whole."""

    deck: ClassVar[Deck]

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = [chunk async for chunk in self._spoken(messages, stop, run_manager, kwargs, streamed=False)]
        message = _joined([cast("AIMessageChunk", chunk.message) for chunk in chunks])
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _spoken(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        run_manager: AsyncCallbackManagerForLLMRun | None,
        kwargs: dict[str, Any],
        *,
        streamed: bool,
    ) -> AsyncIterator[ChatGenerationChunk]:
        deck, began, stage = self.deck, self.deck.clock.now, stage_now()
        asked = deck.asked(cast("BaseChatModel", self), messages, stop, kwargs)
        async with deck.tape.turn(asked.key):
            take = deck.tape.find(asked.key)
            if take is None or (take["text"] is None and deck.purse is not None):
                if deck.purse is None:
                    msg = f"this call of {asked.candidate} was not recorded: {str(messages[-1].text)[-100:]!r}"
                    raise EvaluationError(msg)
                asking = self._asking(messages, stop, kwargs, streamed=streamed)
                async for chunk in _recorded(deck, deck.purse, asked, asking, stage):
                    yield chunk
                return
        async for chunk in deck.play(asked, take, began, stage):
            yield chunk

    async def _asking(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any], *, streamed: bool
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Ask the model itself."""
        above = cast("Any", super())
        if streamed:
            async for chunk in above._astream(messages, stop=stop, **kwargs):
                yield chunk
            return
        result = await above._agenerate(messages, stop=stop, **kwargs)
        message = _told(result.generations[0])
        yield ChatGenerationChunk(message=AIMessageChunk(**message.model_dump(exclude={"type"})))


class _Streaming(_Whole):
    """Records the calls of a model that also streams."""

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in self._spoken(messages, stop, run_manager, kwargs, streamed=True):
            yield chunk


async def _recorded(
    deck: Deck, purse: LivePurse, asked: Asked, asking: AsyncIterator[ChatGenerationChunk], stage: str
) -> AsyncIterator[ChatGenerationChunk]:
    """Pass a reply on while it comes, and keep it when it is whole."""
    began, ttft_s, chunks = deck.clock.now, None, list[AIMessageChunk]()
    take: Take | None = None
    stopped: Take | None = None
    with purse.reserved(asked, deck.price) as payment:
        try:
            async for chunk in asking:
                if ttft_s is None and chunk.text:
                    ttft_s = deck.clock.now - began
                chunks.append(cast("AIMessageChunk", _told(chunk)))
                yield chunk
            seconds = deck.clock.now - began
            streamed = ttft_s if len(chunks) > 1 else None
            take = deck.tape.keep(asked, _joined(chunks), ttft_s=streamed, seconds=seconds, secrets=deck.secrets)
            payment.settle(deck.usd(_tokens(asked, take)))
        except (asyncio.CancelledError, GeneratorExit):
            stopped = _partial(deck, asked, chunks, ttft_s, deck.clock.now - began)
            deck.tape.keep_stopped(asked, deck.clock.now - began, stopped["usage"])
            raise
        finally:
            if take is not None or stopped or chunks:  # else it was turned away, which costs nothing
                heard = take or stopped or _partial(deck, asked, chunks, ttft_s, 0.0)
                deck.enter(asked, heard, began, stage, stopped=take is None)


def _partial(deck: Deck, asked: Asked, chunks: Sequence[AIMessageChunk], ttft_s: float | None, ran_s: float) -> Take:
    """Describe what was written of a reply that did not become whole.

    Of one that would have come whole nothing was heard, and yet much was written: what its model writes in the time.
    """
    heard = "".join(str(chunk.text) for chunk in chunks)
    take = Take(key=asked.key, candidate=asked.candidate, text=heard, ended={}, usage=None, ttft_s=ttft_s, seconds=0.0)
    read, written = _tokens(asked, take)
    if not chunks:
        unheard = round(ran_s * deck.tape.tokens_per_s(asked.candidate))
        written = unheard if asked.cap is None else min(unheard, asked.cap)
    return {**take, "usage": UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)}


def _told(generation: ChatGeneration) -> AIMessage:
    """Return a message that says how it ended: some clients say so beside it, and LangChain brings it in later."""
    message = cast("AIMessage", generation.message)
    message.response_metadata = {**(generation.generation_info or {}), **message.response_metadata}
    return message


def _joined(chunks: Sequence[AIMessageChunk]) -> AIMessage:
    whole = add_ai_message_chunks(*chunks) if len(chunks) > 1 else chunks[0]
    return cast("AIMessage", message_chunk_to_message(whole))


def _tokens(asked: Asked, take: Take | None) -> tuple[int, int]:
    """Return the tokens read and written: as the provider counted them, else as we do."""
    usage = None if take is None else take["usage"]
    if usage is not None:
        return usage["input_tokens"], usage["output_tokens"]
    text = "" if take is None else take["text"] or ""
    return count_prompt_tokens(str(message.text) for message in asked.messages), count_tokens(text)
