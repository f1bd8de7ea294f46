"""`ChatLightRouter`: the whole graph as one LangChain chat model."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from operator import itemgetter
from typing import Annotated, Any

from langchain_core.language_models import LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.store.base import BaseStore
from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr, SkipValidation, ValidationError, model_validator

from lightrouter_graph.aggregators import Aggregator
from lightrouter_graph.answer_keys import AnswerKey, default_key
from lightrouter_graph.answer_keys.equivalence import Equivalence
from lightrouter_graph.chat_model import invoke
from lightrouter_graph.chat_model.arguments import DEFAULT, IDS, ChatCall, pool_of, read_arguments
from lightrouter_graph.chat_model.configured import ConfiguredChatModel
from lightrouter_graph.chat_model.construction import as_boot_cache, as_context, as_pool, own_error, with_settings
from lightrouter_graph.chat_model.invoke import LLMRun
from lightrouter_graph.chat_model.profile import profile_of
from lightrouter_graph.chat_model.streaming import Chunks, answer_of
from lightrouter_graph.chat_model.structured import Method, object_request, parsed
from lightrouter_graph.context import Context
from lightrouter_graph.errors import QueryError, checked_choices
from lightrouter_graph.graph import create_lightrouter
from lightrouter_graph.llm.boot_cache import BootCache
from lightrouter_graph.nodes.parts import Part
from lightrouter_graph.pool import Pool
from lightrouter_graph.priors import Memory, Prior
from lightrouter_graph.providers.model_facts import identity_of
from lightrouter_graph.selectors import Selector
from lightrouter_graph.stopping import StopRule

_MAX_GRAPHS = 32  # compiled graphs that a chat model and its copies keep


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

    pool: Annotated[Pool, BeforeValidator(as_pool)]
    model_name: str = Field(default=DEFAULT, alias="model")
    context: Annotated[Context, BeforeValidator(as_context)] = Field(default_factory=Context)
    selector: Annotated[Part[Selector], SkipValidation] = Field(default=None, exclude=True)
    aggregator: Annotated[Part[Aggregator], SkipValidation] = Field(default=None, exclude=True)
    prior: Annotated[Part[Prior], SkipValidation] = Field(default=None, exclude=True)
    stop_rule: Annotated[Part[StopRule], SkipValidation] = Field(default=None, exclude=True)
    equivalence: Annotated[Part[Equivalence], SkipValidation] = Field(default=None, exclude=True)
    memory: Annotated[Memory | None, SkipValidation] = Field(default=None, exclude=True)
    key: Annotated[AnswerKey, SkipValidation] = Field(default=default_key, exclude=True)
    boot_cache: Annotated[BootCache | None, BeforeValidator(as_boot_cache)] = Field(default=None, exclude=True)
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
            super().__init__(**with_settings({**arguments, "pool": pool}, ChatLightRouter.model_fields))
        except ValidationError as exc:
            raise own_error(exc, ChatLightRouter.model_fields) from None
        self._given = pool

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
            **{n: p if isinstance(p, str) else type(p).__name__ for n, p in self._parts().items() if p is not None},
        }

    def _parts(self) -> dict[str, Any]:
        names = ("selector", "aggregator", "prior", "equivalence", "memory")
        return {"stop": self.stop_rule, **{name: getattr(self, name) for name in names}}

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
        return self.to_json_not_implemented() if isinstance(self._given, Pool) or own_parts else super().to_json()

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
        parts = {**self._parts(), "key": self.key, "boot_cache": self.boot_cache}
        # A copy with other parts (`model_copy`) shares this cache.
        identity = (id(self.pool), id(self.store), model if model in self.pool.names else "", *map(id, parts.values()))
        found = self._graphs.get(identity)
        if found is None:
            while len(self._graphs) >= _MAX_GRAPHS:  # a copy per request must not keep every pool alive
                self._graphs.pop(next(iter(self._graphs)), None)
            # No checkpointer of a surrounding graph: it would resume the inner run by its place in the node, and
            # return one question's answer for another.
            graph = create_lightrouter(pool_of(self.pool, model), **parts)
            compiled = graph.compile(name="lightrouter", checkpointer=False, store=self.store)
            found = self._graphs[identity] = (compiled, self.pool, self.store, parts)  # keeps objects behind ids alive
        return found[0]

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: LLMRun = None, **kwargs: Any
    ) -> ChatResult:
        call = self._read(stop, kwargs)
        state = invoke.invoke(self._graph(call.model), messages, call, run_manager)
        return _result(answer_of(state, call.model))

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: LLMRun = None, **kwargs: Any
    ) -> ChatResult:
        call = self._read(stop, kwargs)
        state = await invoke.ainvoke(self._graph(call.model), messages, call, run_manager)
        return _result(answer_of(state, call.model))

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: LLMRun = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        call = self._read(stop, kwargs)
        chunks = Chunks(call.model)
        for part in invoke.stream(self._graph(call.model), messages, call, run_manager):
            yield from chunks.take(part)
        yield from chunks.end()

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: LLMRun = None, **kwargs: Any
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

    @checked_choices(QueryError)
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
        asked = self.bind(**object_request(schema, method, strict), **kwargs)
        return parsed(asked, schema, method, include_raw=include_raw)


def _result(answer: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=answer)])
