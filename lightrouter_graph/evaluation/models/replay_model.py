"""Replay model: a chat model that returns recorded outputs in virtual time, cut at the cap of the call."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Annotated, Any, NamedTuple

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr, SkipValidation

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.call_log import call_usd, current_stage, log_call, requested_sample
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.testing.clock import VirtualClock
from lightrouter_graph.testing.timing import Timing
from lightrouter_graph.testing.tokens import count_prompt_tokens, split_tokens

DEFAULT_TIMING = Timing(ttft_s=0.5, tokens_per_s=60.0)
"""Timing of a model without recorded or given timing: an assumption, the same for all models, so that latencies compare
the number of tokens on the critical path only."""

_MAX_CHUNKS = 8
"""Maximum chunks of a streamed response: only its first and its last token are measured."""


def split_chunks(text: str, tokens: int) -> list[str]:
    """Split a response into at most one chunk per token: more chunks than its cap would count as ignoring the cap."""
    size = max(1, -(-len(text) // max(1, min(_MAX_CHUNKS, tokens))))
    return [text[start : start + size] for start in range(0, len(text), size)] or [""]


class TokenisedText:
    """A text with a known number of tokens.

    A recording has no token boundaries. The pieces of a regular expression (within a tenth of the count of a real
    tokenizer, see `testing.tokens`) are scaled to the recorded number: the first i of n pieces have
    `round(i * tokens / n)` tokens.

    Args:
        text: The whole text.
        tokens: Its number of tokens, >= 0.
    """

    def __init__(self, text: str, tokens: int) -> None:
        self.text = text
        pieces = split_tokens(text)
        self._ends = [0, *accumulate(map(len, pieces))]
        self._tokens = [round(i * tokens / len(pieces)) for i in range(len(pieces) + 1)] if pieces else [0]

    def cut(self, start: int, cap: int | None) -> tuple[str, int]:
        """Return a part of the text and its number of tokens.

        Args:
            start: Index of the first character.
            cap: Maximum number of tokens; None for the rest of the text. At least one piece is returned.
        """
        before = self._tokens[bisect_right(self._ends, start) - 1]
        if cap is None or self._tokens[-1] - before <= cap:
            return self.text[start:], self._tokens[-1] - before
        last = bisect_right(self._tokens, before + cap) - 1
        last = max(last, bisect_right(self._ends, start))
        return self.text[start : self._ends[last]], self._tokens[last] - before


class Recordings:
    """Recorded questions with their outputs, found by the text of the question."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._by_text = {question.text: question for question in questions}
        self._current: Question | None = None

    @contextmanager
    def current(self, question: Question) -> Iterator[None]:
        """Prefer this question inside the block: other questions may have the same text."""
        self._current = question
        try:
            yield
        finally:
            self._current = None

    def find(self, messages: Sequence[BaseMessage]) -> Question:
        """Return the question of a prompt: a message equal to its text, else the longest text inside a message."""
        texts = [str(message.text) for message in messages]
        if self._current is not None and any(self._current.text in text for text in texts):
            return self._current
        for text in texts:
            if text in self._by_text:
                return self._by_text[text]
        contained = [known for text in texts for known in self._by_text if known in text]
        if not contained:
            msg = f"no recorded question is in the prompt {texts[-1][:100]!r}"
            raise LookupError(msg)
        return self._by_text[max(contained, key=len)]


class Response(NamedTuple):
    """The replayed response of one call."""

    text: str
    tokens: int
    finished: bool
    input_tokens: int
    timing: Timing

    @property
    def seconds(self) -> float:
        """Duration of the call in virtual seconds."""
        return self.timing.due_s(max(0, self.tokens - 1))

    @property
    def usage(self) -> UsageMetadata:
        """Token usage in LangChain's format."""
        total = self.input_tokens + self.tokens
        return UsageMetadata(input_tokens=self.input_tokens, output_tokens=self.tokens, total_tokens=total)


class ReplayModel(BaseChatModel):
    """Chat model that returns the recorded output of one model and logs every call.

    A cap cuts the recorded output. A final `AIMessage` that is a prefix of the output is continued, and only the rest
    is counted: a boot and its continuation cost the output once, a boot and a regeneration cost the boot in addition.
    Other text in the prompt (other boots, a draft) counts as input but does not change the output. A cancelled call
    costs the tokens that were due by then.

    Attributes:
        name: Name of the model in the recording.
        recordings: The recorded outputs.
        clock: Virtual clock of the replay.
        price: USD per 1M tokens; None if unknown.
        timing: Timing of outputs without recorded timing.
        overhead: Tokens of instructions that every recorded prompt had in addition to the question, >= 0.

    Raises:
        LookupError: From a call with a question, or for an output of this model, that was not recorded.
    """

    name: str
    recordings: Annotated[Recordings, SkipValidation] = Field(exclude=True, repr=False)
    clock: Annotated[VirtualClock, SkipValidation] = Field(exclude=True, repr=False)
    price: Annotated[Price | None, SkipValidation] = None
    timing: Annotated[Timing, SkipValidation] = DEFAULT_TIMING
    overhead: int = 0
    _texts: dict[tuple[str, int], TokenisedText] = PrivateAttr(default_factory=dict)

    @property
    def _llm_type(self) -> str:
        return "replay"

    @property
    def model_name(self) -> str:
        """Name of the recorded model, for tracers."""
        return self.name

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        msg = "replay models are asynchronous: call ainvoke or astream"
        raise EvaluationError(msg)

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        response = self._response(messages, kwargs.get("max_tokens"))
        with self._logged(response):
            await self.clock.sleep(response.seconds)
        message = AIMessage(response.text, usage_metadata=response.usage, response_metadata=self._metadata(response))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        response = self._response(messages, kwargs.get("max_tokens"))
        with self._logged(response) as started:
            chunks = split_chunks(response.text, response.tokens)
            for index, chunk in enumerate(chunks):
                await self._sleep_until(started + response.timing.due_s(index * response.tokens // len(chunks)))
                yield ChatGenerationChunk(message=AIMessageChunk(content=chunk))
            await self._sleep_until(started + response.seconds)
        end = AIMessageChunk(content="", usage_metadata=response.usage, response_metadata=self._metadata(response))
        yield ChatGenerationChunk(message=end)

    def _response(self, messages: Sequence[BaseMessage], cap: int | None) -> Response:
        question = self.recordings.find(messages)
        output = self._output(question)
        text = self._tokenised(question, output)
        last = messages[-1]
        prefix = str(last.text) if isinstance(last, AIMessage) else ""
        start = len(prefix) if prefix and text.text.startswith(prefix) else 0
        part, tokens = text.cut(start, cap)
        recorded_tokens = output.input_tokens if len(messages) == 1 else None
        return Response(
            text=part,
            tokens=tokens,
            finished=start + len(part) == len(text.text) and output.finished,
            input_tokens=recorded_tokens or self._count(messages),
            timing=timing_of(output, self.timing),
        )

    def _count(self, messages: Sequence[BaseMessage]) -> int:
        return self.overhead + count_prompt_tokens(str(message.text) for message in messages)

    def _output(self, question: Question) -> Output:
        output = question.outputs.get(self.name)
        sample = requested_sample()
        if output is None or sample > len(output.samples):
            which = f"sample {sample} of " if sample else ""
            msg = f"no output of {which}{self.name!r} to question {question.id!r} was recorded"
            raise LookupError(msg)
        return output.samples[sample - 1] if sample else output

    def _tokenised(self, question: Question, output: Output) -> TokenisedText:
        key = (question.id, requested_sample())
        if key not in self._texts:
            self._texts[key] = TokenisedText(output.text, output.tokens)
        return self._texts[key]

    async def _sleep_until(self, moment: float) -> None:
        await self.clock.sleep(max(0.0, moment - self.clock.now))

    @contextmanager
    def _logged(self, response: Response) -> Iterator[float]:
        """Log the call at the end of the block; a block that raises is a cancelled call. Yields the start time."""
        started, stage, complete = self.clock.now, current_stage(), False
        try:
            yield started
            complete = True
        finally:
            ended = self.clock.now
            tokens = response.tokens if complete else response.timing.produced(ended - started, response.tokens)
            log_call(
                {
                    "candidate": self.name,
                    "stage": stage,
                    "input_tokens": response.input_tokens,
                    "output_tokens": tokens,
                    "usd": call_usd(self.price, response.input_tokens, tokens),
                    "began_s": started,
                    "first_token_s": started + response.timing.ttft_s if tokens else None,
                    "ended_s": ended,
                    "stopped": not complete,
                }
            )

    def _metadata(self, response: Response) -> dict[str, Any]:
        return {"finish_reason": "stop" if response.finished else "length", "model_name": self.name}


def timing_of(output: Output, default: Timing) -> Timing:
    """Return the recorded timing of an output; the default for one without recorded times."""
    if output.ttft_s is None or output.seconds is None:
        return default
    generating = output.seconds - output.ttft_s
    return Timing(output.ttft_s, max(output.tokens - 1, 1) / generating if generating > 0 else 0.0)
