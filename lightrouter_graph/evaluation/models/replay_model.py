# ruff: noqa: ARG002 - the arguments of a chat model's methods are LangChain's.
"""A chat model that plays recorded outputs, cut where the call asks and at the pace of the recording."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr, SkipValidation

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.call_log import log_call, requested_sample
from lightrouter_graph.evaluation.models.stage import stage_now
from lightrouter_graph.evaluation.models.token_spans import TokenisedText
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.testing.clock import VirtualClock
from lightrouter_graph.testing.timing import Timing
from lightrouter_graph.testing.tokens import count_prompt_tokens

DEFAULT_PACE = Timing(ttft_s=0.5, tokens_per_s=60.0)
"""What a model is taken to do where neither the recording nor the user says: an assumption, the same for all, so that
latencies compare how many tokens lie on the critical path and nothing else."""

_PIECES = 8
"""A streamed reply comes in so many pieces at most: what is measured are its first token and its last."""


class Recordings:
    """What every model was recorded to say, found by the text of the question."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._by_text = {question.text: question for question in questions}
        self._asked: Question | None = None

    @contextmanager
    def asking(self, question: Question) -> Iterator[None]:
        """Take prompts inside for this question wherever they hold its text: others may be in equal words."""
        self._asked = question
        try:
            yield
        finally:
            self._asked = None

    def find(self, messages: Sequence[BaseMessage]) -> Question:
        """Find the question a prompt asks: a message that is one, else the longest one that a message contains.

        Raises:
            LookupError: If there is none.
        """
        texts = [str(message.text) for message in messages]
        if self._asked is not None and any(self._asked.text in text for text in texts):
            return self._asked
        for text in texts:
            if text in self._by_text:
                return self._by_text[text]
        held = [known for text in texts for known in self._by_text if known in text]
        if not held:
            msg = f"no recorded question is in the prompt {texts[-1][:100]!r}"
            raise LookupError(msg)
        return self._by_text[max(held, key=len)]


class _Take(NamedTuple):
    """What one call gets."""

    text: str
    tokens: int
    finished: bool
    input_tokens: int
    pace: Timing

    @property
    def seconds(self) -> float:
        return self.pace.due_s(max(0, self.tokens - 1))


class ReplayedChat(BaseChatModel):
    """Says what a model was recorded to say, in virtual time, and enters every call in the ledger.

    A cap cuts the recorded output; a final `AIMessage` that is a beginning of it is continued, and only the rest is
    counted. So a boot and its continuation cost the output once, a boot and a regeneration the boot besides. What else
    stands in the prompt (other boots, a draft) changes nothing of what is said, but counts as input: a replay cannot
    condition. A call that is cancelled cost what was written by then.

    Attributes:
        name: The model's name in the recordings.
        recordings: What was recorded.
        clock: The time in which it speaks.
        price: USD per 1M tokens, None where not known.
        pace: How fast it is where the recording does not say.
        overhead: Tokens of instructions that every prompt had and the recording does not show, >= 0.

    Raises:
        LookupError: From a call whose question, or whose output of this model, was not recorded.
    """

    name: str
    recordings: Annotated[Recordings, SkipValidation] = Field(exclude=True, repr=False)
    clock: Annotated[VirtualClock, SkipValidation] = Field(exclude=True, repr=False)
    price: Annotated[Price | None, SkipValidation] = None
    pace: Annotated[Timing, SkipValidation] = DEFAULT_PACE
    overhead: int = 0
    _cut: dict[tuple[str, int], TokenisedText] = PrivateAttr(default_factory=dict)

    @property
    def _llm_type(self) -> str:
        return "replayed"

    @property
    def model_name(self) -> str:
        """The recorded model's name, as tracers look for it."""
        return self.name

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        msg = "recorded models speak asynchronously"
        raise EvaluationError(msg)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        take = self._take(messages, kwargs.get("max_tokens"))
        began, whole = self.clock.now, False
        try:
            await self.clock.sleep(take.seconds)
            whole = True
        finally:
            self._enter(take, began, stage_now(), stopped=not whole)
        message = AIMessage(take.text, usage_metadata=_usage(take), response_metadata=self._ended(take))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        take = self._take(messages, kwargs.get("max_tokens"))
        began, whole = self.clock.now, False
        try:
            pieces = _pieces(take)
            for number, piece in enumerate(pieces):
                share = number / len(pieces)
                await self.clock.sleep(max(0.0, began + take.pace.due_s(int(share * take.tokens)) - self.clock.now))
                yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
            await self.clock.sleep(max(0.0, began + take.seconds - self.clock.now))
            whole = True
        finally:
            self._enter(take, began, stage_now(), stopped=not whole)
        end = AIMessageChunk(content="", usage_metadata=_usage(take), response_metadata=self._ended(take))
        yield ChatGenerationChunk(message=end)

    def _take(self, messages: Sequence[BaseMessage], cap: int | None) -> _Take:
        question = self.recordings.find(messages)
        output = self._output(question)
        text = self._tokenised(question, output)
        last = messages[-1]
        prefix = str(last.text) if isinstance(last, AIMessage) else ""
        start = len(prefix) if prefix and text.text.startswith(prefix) else 0
        said, tokens = text.cut(start, cap)
        alone = len(messages) == 1 and output.input_tokens is not None
        asked = output.input_tokens if alone and output.input_tokens else self._count(messages)
        return _Take(
            text=said,
            tokens=tokens,
            finished=start + len(said) == len(text.text) and output.finished,
            input_tokens=asked,
            pace=pace_of(output, self.pace),
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
        place = (question.id, requested_sample())
        if place not in self._cut:
            self._cut[place] = TokenisedText(output.text, output.tokens)
        return self._cut[place]

    def _enter(self, take: _Take, began: float, stage: str, *, stopped: bool) -> None:
        tokens = take.pace.produced(self.clock.now - began, take.tokens) if stopped else take.tokens
        usd = None if self.price is None else take.input_tokens * self.price.input + tokens * self.price.output
        log_call(
            {
                "candidate": self.name,
                "stage": stage,
                "input_tokens": take.input_tokens,
                "output_tokens": tokens,
                "usd": None if usd is None else usd / 1e6,
                "began_s": began,
                "first_token_s": began + take.pace.ttft_s if tokens else None,
                "ended_s": self.clock.now,
                "stopped": stopped,
            }
        )

    def _ended(self, take: _Take) -> dict[str, Any]:
        return {"finish_reason": "stop" if take.finished else "length", "model_name": self.name}


def pace_of(output: Output, otherwise: Timing) -> Timing:
    """Return how fast an output was written: as recorded, else as told."""
    if output.ttft_s is None or output.seconds is None:
        return otherwise
    writing = output.seconds - output.ttft_s
    return Timing(output.ttft_s, max(output.tokens - 1, 1) / writing if writing > 0 else 0.0)


def _usage(take: _Take) -> UsageMetadata:
    total = take.input_tokens + take.tokens
    return UsageMetadata(input_tokens=take.input_tokens, output_tokens=take.tokens, total_tokens=total)


def _pieces(take: _Take) -> list[str]:
    """Cut what is said into no more pieces than tokens: who hears more of them than the cap takes it for ignored."""
    size = max(1, -(-len(take.text) // max(1, min(_PIECES, take.tokens))))
    return [take.text[start : start + size] for start in range(0, len(take.text), size)] or [""]
