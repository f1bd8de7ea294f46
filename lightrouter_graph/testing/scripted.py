"""A chat model that plays a script: every answer, delay and failure is decided by the test."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Annotated, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr, SkipValidation

from lightrouter_graph.testing.calls import Call, CallLog, Progress, Script, WhenSpent
from lightrouter_graph.testing.clock import Clock, RealClock
from lightrouter_graph.testing.replies import Content, Response, Scripted, Take, make_take
from lightrouter_graph.testing.tokens import count_prompt_tokens


class ScriptedChatModel(BaseChatModel):
    """A chat model that plays a script and remembers how it was called.

    A lone response is said in every call. A list is played once, in the order of the calls, and one call more
    raises `ScriptExhaustedError`; `then` makes it start again or repeat its last entry. Shallow copies
    (`model_copy`, `bind`, `bind_tools`) play from the same script and write to the same log, from any thread.

    Tokens are counted and cut by `split_tokens`, an approximation. Stop sequences are logged, not honoured.
    An `AIMessage` of content blocks streams in one chunk, and loses its non-text blocks when a limit cuts it.

    Attributes:
        responses: One response, or a list of them; see `Response`.
        name: The model's name in `response_metadata`, errors and traces.
        then: What follows the last entry of a list.
        max_tokens: Limit where a call gives neither `max_tokens` nor `max_completion_tokens`.
        continues: Whether a final `AIMessage` is continued: where the scripted text starts with it, only the
            rest is said; otherwise the whole text, as providers do that do not honour a prefix.
        reports_usage: Whether messages carry `usage_metadata`. The log counts tokens in any case.
        clock: What delays pass through; a `VirtualClock` makes them instantaneous.

    Example:
        >>> model = ScriptedChatModel(responses=["It is four.", "Five!"], name="a")
        >>> model.invoke("2 + 2?", max_tokens=2).content
        'It is'
        >>> model.invoke("2 + 3?").content
        'Five!'
        >>> [(call.max_tokens, call.output_tokens) for call in model.calls]
        [(2, 2), (None, 2)]
    """

    responses: Annotated[Response | Sequence[Response], SkipValidation] = Field(exclude=True, repr=False)
    name: str | None = "scripted"
    then: WhenSpent = "raise"
    max_tokens: int | None = None
    continues: bool = False
    reports_usage: bool = True
    clock: Annotated[Clock, SkipValidation] = Field(default_factory=RealClock, exclude=True, repr=False)
    _script: Script[Response] = PrivateAttr()
    _log: CallLog = PrivateAttr(default_factory=CallLog)

    def model_post_init(self, context: Any, /) -> None:
        """Set up the script that all shallow copies share."""
        super().model_post_init(context)
        if isinstance(self.responses, str) or not isinstance(self.responses, Sequence):
            self._script = Script([self.responses], "repeat_last")
        else:
            self._script = Script(self.responses, self.then)

    @property
    def calls(self) -> list[Call]:
        """The calls so far, in the order in which they began."""
        return self._log.calls

    @property
    def bound_tools(self) -> list[dict[str, Any]]:
        """The tools of every `bind_tools`, in OpenAI's shape; those of one call are in its `kwargs`."""
        return self._log.tools

    @property
    def model_name(self) -> str:
        """The name, as the attribute that tracers and price lists look for."""
        return self.name or self._llm_type

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: dict[str, Any] | str | bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools: they are recorded and passed to each call; what is called is up to the script.

        So are `tool_choice`, in whatever form, and all further arguments (`strict`...).
        """
        shapes = [convert_to_openai_tool(tool) for tool in tools]
        self._log.tools.extend(shapes)
        told = {"tool_choice": tool_choice, "parallel_tool_calls": parallel_tool_calls}
        return self.bind(tools=shapes, **{k: v for k, v in told.items() if v is not None}, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        call = self._make_call(messages, stop, kwargs, streamed=False)
        with self._log.record(call) as progress:
            take = self._take(call)
            return self._result(call, take, list(self._play(take, progress)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        call = self._make_call(messages, stop, kwargs, streamed=False)
        with self._log.record(call) as progress:
            take = self._take(call)
            return self._result(call, take, [content async for content in self._aplay(take, progress)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        call = self._make_call(messages, stop, kwargs, streamed=True)
        with self._log.record(call) as progress:
            take = self._take(call)
            for content in self._play(take, progress):
                yield ChatGenerationChunk(message=AIMessageChunk(content=content))
            yield self._last_chunk(call, take)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        call = self._make_call(messages, stop, kwargs, streamed=True)
        with self._log.record(call) as progress:
            take = self._take(call)
            async for content in self._aplay(take, progress):
                yield ChatGenerationChunk(message=AIMessageChunk(content=content))
            yield self._last_chunk(call, take)

    def _make_call(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any], *, streamed: bool
    ) -> Call:
        limit = kwargs.get("max_completion_tokens") or kwargs.get("max_tokens")
        return Call(
            messages=tuple(messages),
            max_tokens=limit or self.max_tokens,
            streamed=streamed,
            kwargs=kwargs if stop is None else {**kwargs, "stop": stop},
            input_tokens=count_prompt_tokens(str(message.text) for message in messages),
        )

    def _take(self, call: Call) -> Take:
        response = self._script.next(self.model_name)
        said: Scripted = response(call.messages) if callable(response) else response
        return make_take(said, limit=call.max_tokens, prefix=self._prefix(call))

    def _prefix(self, call: Call) -> str:
        last = call.messages[-1] if call.messages else None
        return str(last.text) if self.continues and isinstance(last, AIMessage) else ""

    def _play(self, take: Take, progress: Progress) -> Iterator[Content]:
        for step in take.steps():
            if step.wait_s:
                self.clock.sleep_sync(step.wait_s)
            progress.output_tokens += step.tokens
            if step.content:
                yield step.content
        progress.output_tokens = take.tokens

    async def _aplay(self, take: Take, progress: Progress) -> AsyncIterator[Content]:
        for step in take.steps():
            if step.wait_s:
                await self.clock.sleep(step.wait_s)
            progress.output_tokens += step.tokens
            if step.content:
                yield step.content
        progress.output_tokens = take.tokens

    def _result(self, call: Call, take: Take, contents: list[Content]) -> ChatResult:
        content = take.blocks if take.blocks is not None else "".join(map(str, contents))
        message = take.message(content, self._usage(call, take), {"model_name": self.model_name})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _last_chunk(self, call: Call, take: Take) -> ChatGenerationChunk:
        chunk = take.last_chunk(self._usage(call, take), {"model_name": self.model_name})
        return ChatGenerationChunk(message=chunk)

    def _usage(self, call: Call, take: Take) -> UsageMetadata | None:
        if not self.reports_usage:
            return None
        given, spoken = take.reply.usage, take.tokens
        total = call.input_tokens + spoken
        return given or {"input_tokens": call.input_tokens, "output_tokens": spoken, "total_tokens": total}
