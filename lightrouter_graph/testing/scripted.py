"""Chat model with scripted replies, delays and failures."""

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

from lightrouter_graph.testing.calls import Call, CallLog, Progress
from lightrouter_graph.testing.clock import Clock, RealClock
from lightrouter_graph.testing.replies import Content, PreparedReply, Response, Scripted, prepare_reply
from lightrouter_graph.testing.script import Script, WhenSpent
from lightrouter_graph.testing.tokens import count_prompt_tokens


class ScriptedChatModel(BaseChatModel):
    """Chat model that returns scripted replies and logs its calls.

    A single response is returned by every call. A list is consumed in order, one entry per call; then the model raises
    `ScriptExhaustedError`, or cycles, or repeats the last entry, see `then`. Shallow copies (`model_copy`, `bind`,
    `bind_tools`) share script and log, also across threads.

    Tokens are counted and cut by `split_tokens`, an approximation. Stop sequences are logged but not applied. An
    `AIMessage` with content blocks streams in one chunk and loses its non-text blocks if a limit cuts it.

    Attributes:
        responses: One response, or a list of responses; see `Response`.
        name: Name of the model in `response_metadata`, errors and traces.
        then: What a call gets after the last entry of a list: "raise", "cycle" or "repeat_last".
        max_tokens: Token limit of calls that set neither `max_tokens` nor `max_completion_tokens`.
        continues: Whether a final `AIMessage` is continued: only the rest is returned if the scripted text starts with
            it. Otherwise the whole text is returned, as by providers without prefix support.
        reports_usage: Whether messages have `usage_metadata`. The log always counts tokens.
        clock: Clock of the delays; with a `VirtualClock` they take no real time.

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
        """Create the script that all shallow copies share."""
        super().model_post_init(context)
        if isinstance(self.responses, str) or not isinstance(self.responses, Sequence):
            self._script = Script([self.responses], "repeat_last")
        else:
            self._script = Script(self.responses, self.then)

    @property
    def calls(self) -> list[Call]:
        """All calls, in the order in which they started."""
        return self._log.calls

    @property
    def bound_tools(self) -> list[dict[str, Any]]:
        """Tools of all `bind_tools` calls, in OpenAI format; the tools of one call are in its `kwargs`."""
        return self._log.tools

    @property
    def model_name(self) -> str:
        """The name, under the attribute that tracers and price lists read."""
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
        """Bind tools. They are logged and passed to each call; the script decides which tools are called.

        Args:
            tools: Tools in any format that LangChain accepts.
            tool_choice: Passed to each call unchanged.
            parallel_tool_calls: Passed to each call unchanged.
            **kwargs: Further arguments of each call, such as `strict`.
        """
        shapes = [convert_to_openai_tool(tool) for tool in tools]
        self._log.tools.extend(shapes)
        choices = {"tool_choice": tool_choice, "parallel_tool_calls": parallel_tool_calls}
        return self.bind(tools=shapes, **{k: v for k, v in choices.items() if v is not None}, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        call = self._make_call(messages, stop, kwargs, streamed=False)
        with self._log.record(call) as progress:
            reply = self._prepare(call)
            return self._result(call, reply, list(self._produce(reply, progress)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        call = self._make_call(messages, stop, kwargs, streamed=False)
        with self._log.record(call) as progress:
            reply = self._prepare(call)
            return self._result(call, reply, [content async for content in self._aproduce(reply, progress)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        call = self._make_call(messages, stop, kwargs, streamed=True)
        with self._log.record(call) as progress:
            reply = self._prepare(call)
            for content in self._produce(reply, progress):
                yield ChatGenerationChunk(message=AIMessageChunk(content=content))
            yield self._last_chunk(call, reply)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        call = self._make_call(messages, stop, kwargs, streamed=True)
        with self._log.record(call) as progress:
            reply = self._prepare(call)
            async for content in self._aproduce(reply, progress):
                yield ChatGenerationChunk(message=AIMessageChunk(content=content))
            yield self._last_chunk(call, reply)

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

    def _prepare(self, call: Call) -> PreparedReply:
        response = self._script.next(self.model_name)
        scripted: Scripted = response(call.messages) if callable(response) else response
        return prepare_reply(scripted, limit=call.max_tokens, prefix=self._prefix(call))

    def _prefix(self, call: Call) -> str:
        last = call.messages[-1] if call.messages else None
        return str(last.text) if self.continues and isinstance(last, AIMessage) else ""

    def _produce(self, reply: PreparedReply, progress: Progress) -> Iterator[Content]:
        for step in reply.steps():
            if step.wait_s:
                self.clock.sleep_sync(step.wait_s)
            progress.output_tokens += step.tokens
            if step.content:
                yield step.content
        progress.output_tokens = reply.tokens

    async def _aproduce(self, reply: PreparedReply, progress: Progress) -> AsyncIterator[Content]:
        for step in reply.steps():
            if step.wait_s:
                await self.clock.sleep(step.wait_s)
            progress.output_tokens += step.tokens
            if step.content:
                yield step.content
        progress.output_tokens = reply.tokens

    def _result(self, call: Call, reply: PreparedReply, contents: list[Content]) -> ChatResult:
        content = reply.blocks if reply.blocks is not None else "".join(map(str, contents))
        message = reply.message(content, self._usage(call, reply), {"model_name": self.model_name})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _last_chunk(self, call: Call, reply: PreparedReply) -> ChatGenerationChunk:
        chunk = reply.last_chunk(self._usage(call, reply), {"model_name": self.model_name})
        return ChatGenerationChunk(message=chunk)

    def _usage(self, call: Call, reply: PreparedReply) -> UsageMetadata | None:
        if not self.reports_usage:
            return None
        total = call.input_tokens + reply.tokens
        counted: UsageMetadata = {
            "input_tokens": call.input_tokens,
            "output_tokens": reply.tokens,
            "total_tokens": total,
        }
        return reply.scripted.usage or counted
