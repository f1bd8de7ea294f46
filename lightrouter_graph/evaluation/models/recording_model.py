# ruff: noqa: SLF001 - a mixin over the methods that LangChain expects of chat models.
"""Live models with a cassette: each response is recorded, and equal prompts replay the recording."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.call_log import call_usd, current_stage, log_call, requested_sample
from lightrouter_graph.evaluation.models.candidates import overridden
from lightrouter_graph.evaluation.models.cassette import Cassette, Prompt, Recording, cap_of
from lightrouter_graph.evaluation.models.replay_model import split_chunks
from lightrouter_graph.evaluation.models.spend_limit import SpendLimit
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.redaction import secrets_of
from lightrouter_graph.testing.clock import RealClock, VirtualClock
from lightrouter_graph.testing.tokens import count_prompt_tokens, count_tokens


class WallClock(RealClock):
    """Monotonic real time."""

    @property
    def now(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class _Recorder:
    """Records and replays the calls of one candidate.

    A replayed call takes as long as the recorded one, so that the latency of a method does not depend on which method
    sent the prompt first. Without a `spend_limit`, a prompt without a recording is an error. `secrets` are strings of
    the model that are never written to the cassette.
    """

    candidate: str
    price: Price | None
    cassette: Cassette
    clock: WallClock | VirtualClock
    spend_limit: SpendLimit | None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    async def replay(
        self, prompt: Prompt, recording: Recording, started: float, stage: str
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Yield a recorded response with its recorded timing; a cancelled recording waits until it is cancelled."""
        first_s = recording["seconds"] if recording["ttft_s"] is None else recording["ttft_s"]
        text, complete = recording["text"] or "", False
        try:
            if recording["text"] is None:
                await self.clock.sleep(float("inf"))
            chunks = [text] if recording["ttft_s"] is None else split_chunks(text, _tokens(prompt, recording)[1])
            for index, chunk in enumerate(chunks):
                await self._sleep_until(started + first_s + (recording["seconds"] - first_s) * index / len(chunks))
                yield ChatGenerationChunk(message=AIMessageChunk(content=chunk))
            await self._sleep_until(started + recording["seconds"])
            complete = True
            usage, ended = recording["usage"], dict(recording["ended"])
            yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage, response_metadata=ended))
        finally:
            self.log(prompt, recording, started, stage, cancelled=not complete)

    async def _sleep_until(self, moment: float) -> None:
        if (left := moment - self.clock.now) > 0:
            await self.clock.sleep(left)

    def log(self, prompt: Prompt, recording: Recording, started: float, stage: str, *, cancelled: bool) -> None:
        """Append a call to the call log; the output tokens of a cancelled call are estimated from its duration."""
        ended, ttft_s = self.clock.now, recording["ttft_s"]
        input_tokens, output_tokens = _tokens(prompt, recording)
        if cancelled and recording["text"] is not None and recording["seconds"] > 0:
            output_tokens = round(output_tokens * _share_generated(recording, ended - started))
        log_call(
            {
                "candidate": self.candidate,
                "stage": stage,
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "usd": call_usd(self.price, input_tokens, output_tokens),
                "began_s": started,
                "first_token_s": None if ttft_s is None else started + ttft_s,
                "ended_s": ended,
                "stopped": cancelled,
            }
        )

    async def record(
        self, prompt: Prompt, chunks_of_model: AsyncIterator[ChatGenerationChunk], limit: SpendLimit, stage: str
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Yield the chunks of a live call and record the response when it is complete."""
        started, ttft_s, chunks = self.clock.now, None, list[AIMessageChunk]()
        recording: Recording | None = None
        with limit.reserved(prompt, self.price) as reservation:
            try:
                async for chunk in chunks_of_model:
                    if ttft_s is None and chunk.text:
                        ttft_s = self.clock.now - started
                    chunks.append(cast("AIMessageChunk", _with_generation_info(chunk)))
                    yield chunk
                streamed, seconds = ttft_s if len(chunks) > 1 else None, self.clock.now - started
                recording = self.cassette.record(
                    prompt, _merged(chunks), ttft_s=streamed, seconds=seconds, secrets=self.secrets
                )
                reservation.settle(call_usd(self.price, *_tokens(prompt, recording)))
                self.log(prompt, recording, started, stage, cancelled=False)
            except (asyncio.CancelledError, GeneratorExit):
                seconds = self.clock.now - started
                partial = self._partial(prompt, chunks, ttft_s, seconds)
                self.cassette.record_cancelled(prompt, seconds, partial["usage"])
                self.log(prompt, partial, started, stage, cancelled=True)
                raise
            except BaseException:
                if chunks and recording is None:  # a call that failed before its first chunk costs nothing
                    self.log(prompt, self._partial(prompt, chunks, ttft_s, 0.0), started, stage, cancelled=True)
                raise

    def _partial(
        self, prompt: Prompt, chunks: Sequence[AIMessageChunk], ttft_s: float | None, seconds: float
    ) -> Recording:
        """Return a recording of an incomplete response; without chunks its tokens follow from the generation rate."""
        text = "".join(str(chunk.text) for chunk in chunks)
        input_tokens, output_tokens = count_prompt_tokens(str(m.text) for m in prompt.messages), count_tokens(text)
        if not chunks:
            generated = round(seconds * self.cassette.tokens_per_s(self.candidate))
            output_tokens = generated if prompt.cap is None else min(generated, prompt.cap)
        total = input_tokens + output_tokens
        usage = UsageMetadata(input_tokens=input_tokens, output_tokens=output_tokens, total_tokens=total)
        return Recording(
            key=prompt.key, candidate=self.candidate, text=text, ended={}, usage=usage, ttft_s=ttft_s, seconds=0.0
        )


def with_cassette(
    candidate: Candidate, cassette: Cassette, clock: WallClock | VirtualClock, spend_limit: SpendLimit | None
) -> Candidate:
    """Return a copy of a candidate with a model that records its responses and replays recorded prompts.

    Args:
        candidate: The candidate.
        cassette: The recordings.
        clock: Clock of the evaluation.
        spend_limit: Limit for live calls; None to replay only.
    """
    recorder = _Recorder(candidate.name, candidate.price, cassette, clock, spend_limit, secrets_of(candidate.model))
    kind = type(candidate.model)
    streams = kind._astream is not BaseChatModel._astream or kind._stream is not BaseChatModel._stream
    return overridden(candidate, _Streaming if streams else _Recording, {"recorder": recorder}, cache=False)


class _Recording:
    """Mixin over a chat model that does not stream."""

    recorder: ClassVar[_Recorder]

    async def _agenerate(self, messages: list[BaseMessage], stop: list[str] | None = None, **kwargs: Any) -> ChatResult:
        chunks = [chunk async for chunk in self._respond(messages, stop, kwargs, stream=False)]
        message = _merged([cast("AIMessageChunk", chunk.message) for chunk in chunks])
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _respond(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any], *, stream: bool
    ) -> AsyncIterator[ChatGenerationChunk]:
        recorder, started, stage = self.recorder, self.recorder.clock.now, current_stage()
        cap, sample = cap_of(self, kwargs), requested_sample()
        prompt = Prompt(recorder.candidate, tuple(messages), cap, tuple(stop or ()), sample)
        async with recorder.cassette.lock(prompt.key):
            recording = recorder.cassette.find(prompt.key)
            if recording is None or (recording["text"] is None and recorder.spend_limit is not None):
                if recorder.spend_limit is None:
                    msg = f"this call of {prompt.candidate} was not recorded: {str(messages[-1].text)[-100:]!r}"
                    raise EvaluationError(msg)
                chunks = self._call_model(messages, stop, kwargs, stream=stream)
                async for chunk in recorder.record(prompt, chunks, recorder.spend_limit, stage):
                    yield chunk
                return
        async for chunk in recorder.replay(prompt, recording, started, stage):
            yield chunk

    async def _call_model(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any], *, stream: bool
    ) -> AsyncIterator[ChatGenerationChunk]:
        model = cast("Any", super())
        if stream:
            async for chunk in model._astream(messages, stop=stop, **kwargs):
                yield chunk
            return
        result = await model._agenerate(messages, stop=stop, **kwargs)
        message = _with_generation_info(result.generations[0])
        yield ChatGenerationChunk(message=AIMessageChunk(**message.model_dump(exclude={"type"})))


class _Streaming(_Recording):
    """Mixin over a chat model that streams."""

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in self._respond(messages, stop, kwargs, stream=True):
            yield chunk


def _share_generated(recording: Recording, seconds: float) -> float:
    """Return the share of a response that was generated after a time, 0 to 1; 0 before its first token."""
    first = recording["ttft_s"] or 0.0
    generating = recording["seconds"] - first
    return 1.0 if generating <= 0 else min(1.0, max(0.0, (seconds - first) / generating))


def _with_generation_info(generation: ChatGeneration) -> AIMessage:
    """Return the message with the generation info in its metadata, where LangChain adds it only later."""
    message = cast("AIMessage", generation.message)
    message.response_metadata = {**(generation.generation_info or {}), **message.response_metadata}
    return message


def _merged(chunks: Sequence[AIMessageChunk]) -> AIMessage:
    whole = add_ai_message_chunks(*chunks) if len(chunks) > 1 else chunks[0]
    return cast("AIMessage", message_chunk_to_message(whole))


def _tokens(prompt: Prompt, recording: Recording) -> tuple[int, int]:
    usage = recording["usage"]
    if usage is not None:
        return usage["input_tokens"], usage["output_tokens"]
    return count_prompt_tokens(str(m.text) for m in prompt.messages), count_tokens(recording["text"] or "")
