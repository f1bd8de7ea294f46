"""`ChatLightRouter`: the whole graph as one LangChain chat model."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from operator import itemgetter
from typing import Annotated, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.cache.base import BaseCache
from langgraph.store.base import BaseStore
from pydantic import ConfigDict, Field, PrivateAttr, SkipValidation, ValidationError, field_validator, model_validator

from lightrouter_graph.aggregators import Aggregator
from lightrouter_graph.answer_keys import AnswerKey, default_key
from lightrouter_graph.answer_keys.equivalence import Equivalence
from lightrouter_graph.chat_model import invoke
from lightrouter_graph.chat_model.arguments import DEFAULT, IDS, SETTINGS, ChatCall, pool_of, read_arguments
from lightrouter_graph.chat_model.configured import ConfiguredChatModel
from lightrouter_graph.chat_model.profile import profile_of
from lightrouter_graph.chat_model.streaming import Chunks, answer_of
from lightrouter_graph.chat_model.structured import Method, json_mode_of, json_schema_of, parsed, parser_of
from lightrouter_graph.context import Context
from lightrouter_graph.errors import ContextError, LightRouterError, PoolError, QueryError, did_you_mean
from lightrouter_graph.graph import create_lightrouter
from lightrouter_graph.llm.boot_cache import BootCache
from lightrouter_graph.nodes.parts import Part
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.priors import Memory, Prior
from lightrouter_graph.providers.model_facts import identity_of
from lightrouter_graph.redaction import redact
from lightrouter_graph.selectors import Selector
from lightrouter_graph.stopping import StopRule

_MAX_GRAPHS = 32
"""Compiled graphs that a chat model and its copies keep."""


class ChatLightRouter(ConfiguredChatModel):
    """LightRouter as a chat model: every call is a run of the graph and returns one answer.

    Use it where LangChain takes a chat model: agents, chains, other graphs. Tools bound to it are offered to every
    candidate; complete tool calls are compared with each other, and the winner is returned unchanged. The answer's
    `response_metadata["lightrouter"]` is the decision record, its `usage_metadata` the sum over all calls.

    Inside another graph it is one call, like any chat model: its calls are in the trace and the `custom` stream of that
    graph, but not in its checkpoints. A node that runs again pays for it again. To avoid that, add the graph itself
    (`create_lightrouter`) as a node.

    The tokens of the final answer stream while they are generated if one model writes it (a merged answer, or the only
    one); an answer decided by agreement or a vote arrives whole.

    Attributes:
        pool: The candidates: a `Pool`, or a list to make one of; a dict in it has the arguments of `Candidate`.
        model_name: "lightrouter"; "lightrouter-paper" for the settings of the paper; or the name of a candidate, to
            query it alone. Passed as `model`, also per call.
        context: The settings, as a `Context` or a dict; single settings may also be passed by name, here and per call.
        selector: As for `create_lightrouter`; so are `aggregator`, `prior`, `equivalence`, `memory`, `key` and
            `boot_cache`.
        stop_rule: The `stop` of `create_lightrouter`; `stop` here has the stop texts of a chat model.
        store: LangGraph store for the parts; None for the store of a surrounding graph.
        temperature: Overrides that of every candidate, >= 0; None keeps them. So does `top_p`.
        max_tokens: Most output tokens of the answer.
        timeout: Seconds for one answer, after which the best so far is returned.
        stop: Texts that end a reply.
        streaming: True if `invoke` streams as well, for callbacks that need tokens.

    Raises:
        PoolError: If the pool is not usable, or `model` is unknown.
        ContextError: If a setting is not allowed.
        SelectionError: If a part is unknown or lacks the method of its protocol.

    Example:
        ```python
        chat = ChatLightRouter(pool=["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
        chat.invoke("What is 17 * 23?").text
        chat.bind_tools([search]).invoke("Who won?", top_k=2).tool_calls
        agent = create_agent(chat, tools=[search])
        ```
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    pool: Pool
    model_name: str = Field(default=DEFAULT, alias="model")
    context: Context = Field(default_factory=Context)
    selector: Annotated[Part[Selector], SkipValidation] = Field(default=None, exclude=True)
    aggregator: Annotated[Part[Aggregator], SkipValidation] = Field(default=None, exclude=True)
    prior: Annotated[Part[Prior], SkipValidation] = Field(default=None, exclude=True)
    stop_rule: Annotated[Part[StopRule], SkipValidation] = Field(default=None, exclude=True)
    equivalence: Annotated[Part[Equivalence], SkipValidation] = Field(default=None, exclude=True)
    memory: Annotated[Memory | None, SkipValidation] = Field(default=None, exclude=True)
    key: Annotated[AnswerKey, SkipValidation] = Field(default=default_key, exclude=True)
    boot_cache: BootCache | None = Field(default=None, exclude=True)
    store: Annotated[BaseStore | None, SkipValidation] = Field(default=None, exclude=True)
    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    timeout: float | None = Field(default=None, gt=0)
    stop: list[str] | None = None
    streaming: bool = False
    _given: Any = PrivateAttr(default=None)
    _graphs: dict[tuple[Any, ...], tuple[Any, ...]] = PrivateAttr(default_factory=dict)

    def __init__(self, pool: Any = None, **arguments: Any) -> None:
        try:
            super().__init__(**_with_settings({**arguments, "pool": pool}))
        except ValidationError as exc:
            raise _own_error(exc) from None
        self._given = pool

    @field_validator("pool", mode="before")
    @classmethod
    def _as_pool(cls, given: Any) -> Any:
        if isinstance(given, Pool):
            return given
        if isinstance(given, Mapping) or not isinstance(given, Sequence):
            msg = f"ChatLightRouter needs a pool: a Pool, or a list of what it takes, got {type(given).__name__}"
            raise PoolError(msg)
        if isinstance(given, str):
            return Pool(given)
        return Pool([_candidate(member) if isinstance(member, Mapping) else member for member in given])

    @field_validator("boot_cache", mode="before")
    @classmethod
    def _as_boot_cache(cls, given: Any) -> Any:
        return BootCache(given) if isinstance(given, BaseCache) else given

    @field_validator("context", mode="before")
    @classmethod
    def _as_context(cls, given: Any) -> Any:
        return Context(**given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _check_model(self) -> "ChatLightRouter":
        pool_of(self.pool, self.model_name)
        return self

    @property
    def _llm_type(self) -> str:
        return "lightrouter"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        own = {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}
        return {
            "model": self.model_name,
            "candidates": {candidate.name: candidate.spec or candidate.model_name for candidate in self.pool},
            "context": self.context.model_dump(exclude_defaults=True),
            **{name: value for name, value in own.items() if value is not None},
            **{name: _shown(part) for name, part in self._parts().items() if part is not None},
        }

    def _parts(self) -> dict[str, Any]:
        return {
            "selector": self.selector,
            "aggregator": self.aggregator,
            "prior": self.prior,
            "stop": self.stop_rule,
            "equivalence": self.equivalence,
            "memory": self.memory,
        }

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        # LangChain's own would be the same for any two pools that cannot be written down: a cache would mix them up.
        kwargs = {name: value for name, value in kwargs.items() if name not in IDS}
        params = self._get_invocation_params(stop=self.stop if stop is None else stop, **kwargs)
        models = [(candidate.name, identity_of(candidate.model)) for candidate in self.pool]
        whole = f"{sorted(params.items(), key=itemgetter(0))} {models} {self._parts()} {self.key!r}"
        return hashlib.sha256(whole.encode()).hexdigest()

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return {**super()._get_ls_params(stop=stop, **kwargs), "ls_provider": "lightrouter"}

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile_of(pool_of(self.pool, self.model_name))

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Return the module path that LangChain loads it from."""
        return ["lightrouter_graph", "chat_model"]

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return True: it can be serialized as a constructor call; `to_json` handles the exceptions."""
        return True

    def to_json(self) -> Any:
        """Serialize the constructor call; not possible with objects as parts or a ready-made pool."""
        own_parts = any(self._parts().values()) or self.boot_cache or self.key is not default_key
        if isinstance(self._given, Pool) or own_parts:
            return self.to_json_not_implemented()
        return super().to_json()

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """Constructor arguments that differ from the fields."""
        return {"pool": self._given, "context": self.context.model_dump(exclude_unset=True)}

    def get_num_tokens(self, text: str) -> int:
        """Count approximately: the tokenizers of the candidates differ."""
        return count_tokens_approximately([text])

    def get_num_tokens_from_messages(self, messages: Sequence[BaseMessage], tools: Any = None) -> int:
        """Count approximately: the tokenizers of the candidates differ."""
        return count_tokens_approximately(messages, tools=tools)

    def _read(self, stop: list[str] | None, arguments: Mapping[str, Any]) -> ChatCall:
        own = {name: getattr(self, name) for name in ("temperature", "top_p", "max_tokens", "timeout")}
        given = {name: value for name, value in own.items() if value is not None} | dict(arguments)
        stop = self.stop if stop is None else stop
        return read_arguments(given, pool=self.pool, context=self.context, model=self.model_name, stop=stop)

    def _graph(self, model: str) -> Any:
        """Return the compiled graph of a preset or candidate; it is compiled once."""
        pool = pool_of(self.pool, model) if model in self.pool.names else self.pool
        parts = {**self._parts(), "key": self.key, "boot_cache": self.boot_cache}
        # A copy with other parts (`model_copy`) shares this cache.
        identity = (id(self.pool), id(self.store), model if model in self.pool.names else "", *map(id, parts.values()))
        if identity not in self._graphs:
            # No checkpointer of a surrounding graph: it would resume the inner run by its place in the node, and
            # return one question's answer for another.
            while len(self._graphs) >= _MAX_GRAPHS:  # a copy per request must not keep every pool alive
                self._graphs.pop(next(iter(self._graphs)), None)
            graph = create_lightrouter(pool, **parts)
            compiled = graph.compile(name="lightrouter", checkpointer=False, store=self.store)
            found = self._graphs[identity] = (compiled, self.pool, self.store, parts)  # keeps objects behind ids alive
            return found[0]
        return self._graphs[identity][0]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = self._read(stop, kwargs)
        state = invoke.invoke(self._graph(call.model), messages, call, run_manager)
        return _result(answer_of(state, call.model))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = self._read(stop, kwargs)
        state = await invoke.ainvoke(self._graph(call.model), messages, call, run_manager)
        return _result(answer_of(state, call.model))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        call = self._read(stop, kwargs)
        chunks = Chunks(call.model)
        for part in invoke.stream(self._graph(call.model), messages, call, run_manager):
            yield from chunks.take(part)
        yield from chunks.end()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        call = self._read(stop, kwargs)
        chunks = Chunks(call.model)
        async with aclosing(invoke.astream(self._graph(call.model), messages, call, run_manager)) as parts:
            async for part in parts:
                for chunk in chunks.take(part):
                    yield chunk
        for chunk in chunks.end():
            yield chunk

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to every candidate.

        Args:
            tools: Functions, `@tool`s, classes, or dicts in OpenAI's format.
            tool_choice: "auto", "any", "none" or the name of the tool to call; None for the models' default.
            strict: True to let providers that support it enforce the schema of the arguments.
            parallel_tool_calls: True if a reply may call several tools; None for the models' default.
            **kwargs: Further arguments of each call.
        """
        shapes = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        given = {"tool_choice": tool_choice, "parallel_tool_calls": parallel_tool_calls}
        return self.bind(tools=shapes, **{k: v for k, v in given.items() if v is not None}, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: Method = "function_calling",
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable with an output that fits a schema.

        Replies that do not fit are dropped with the reason; the others are compared field by field, and one whole
        object wins.

        Args:
            schema: A pydantic class, a `TypedDict` class, a JSON schema or a tool in OpenAI's format.
            include_raw: Return {"raw", "parsed", "parsing_error"}; `raw` has the decision record. If no reply fits,
                `NoSurvivorError` is raised all the same: there is no answer to return.
            method: "function_calling" (a tool that must be called), "json_schema", or "json_mode", for which the prompt
                must describe the object.
            strict: As for `bind_tools`.
            **kwargs: Further arguments of each call.

        Raises:
            QueryError: If the method is unknown.
        """
        if method not in {"function_calling", "json_schema", "json_mode"}:
            msg = f"method = {method!r}: it must be function_calling, json_schema or json_mode"
            raise QueryError(msg)
        kept = {"kwargs": {"method": method}, "schema": schema}
        if method == "function_calling":
            name = convert_to_openai_tool(schema)["function"]["name"]
            asked: Runnable[LanguageModelInput, AIMessage] = self.bind_tools(
                [schema], tool_choice=name, strict=strict, structured=schema, ls_structured_output_format=kept, **kwargs
            )
        else:
            wanted = json_mode_of(schema) if method == "json_mode" else json_schema_of(schema, strict)
            asked = self.bind(response_format=wanted, ls_structured_output_format=kept, **kwargs)
        return parsed(asked, parser_of(schema, method), include_raw=include_raw)


def _candidate(arguments: Mapping[str, Any]) -> Candidate:
    try:
        return Candidate(**arguments)
    except TypeError as exc:  # it names the argument that is missing or unknown
        raise PoolError(f"invalid dict for a candidate: {exc}") from None


def _with_settings(arguments: dict[str, Any]) -> dict[str, Any]:
    """Move settings that were passed by name into the context."""
    own = SETTINGS - ChatLightRouter.model_fields.keys()
    settings = {name: arguments.pop(name) for name in own & arguments.keys()}
    if settings:
        given = arguments.get("context") or Context()
        arguments["context"] = (Context(**given) if isinstance(given, Mapping) else given).overlaid(settings)
    return arguments


def _own_error(exc: ValidationError) -> Exception:
    """Return the error of this package for pydantic's, in one line."""
    errors = exc.errors(include_url=False)
    causes = [error.get("ctx", {}).get("error") for error in errors]
    first = errors[0]
    if first["type"] == "extra_forbidden":
        name, known = str(first["loc"][0]), [*ChatLightRouter.model_fields, *SETTINGS]
        return ContextError(f"unknown argument {name!r}{did_you_mean(name, known)} of ChatLightRouter")
    value = first["input"]
    shown = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    message = f"{'.'.join(map(str, first['loc']))} = {redact(shown)}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return next((cause for cause in causes if isinstance(cause, LightRouterError)), ContextError(message))


def _shown(part: Any) -> str:
    return part if isinstance(part, str) else type(part).__name__


def _result(answer: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=answer)])
