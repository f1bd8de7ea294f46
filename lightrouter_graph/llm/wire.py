"""Sends the requests of OpenAI-like models in the forms that a candidate has learned."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from types import new_class
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from lightrouter_graph.llm.forms import IN_BODY, LEFT_OUT, apply_forms, matching_forms
from lightrouter_graph.llm.message_forms import Json
from lightrouter_graph.llm.refusals import Refusal
from lightrouter_graph.providers.learned import ONE_ROLE_JOINED
from lightrouter_graph.providers.model_facts import is_openai_like

_ROLES = {"human": "user", "ai": "assistant"}
_SAMPLING = frozenset(
    {"temperature", "top_p", "top_k", "min_p", "seed", "stop", "n", "presence_penalty", "frequency_penalty"}
    | {"repetition_penalty", "repeat_penalty", "logit_bias", "logprobs", "top_logprobs", "reasoning_effort", "effort"}
)
"""Fields of models that are left out if they are refused."""

_REASONING_KEYS = ("reasoning_content", "reasoning")


@dataclass(slots=True)
class WireRequest:
    """The request of one attempt as it is sent.

    Attributes:
        forms: Names of the forms in which it is sent.
        body: The body of the request as the client wrote it; None before it is built, or if a cache answered.
        given: The LangChain messages that the body was made of.
        used: The forms that changed the body.
        is_whole: True if `body` is what is sent, False if it has only the arguments and fields of a model of another
            client, whose messages are joined by role at most.
    """

    forms: Sequence[str] = ()
    body: Json | None = None
    given: Sequence[BaseMessage] = ()
    used: list[str] = field(default_factory=list)
    is_whole: bool = True

    def adapt(self, body: Json, given: Sequence[BaseMessage]) -> Json:
        """Return a body in the learned forms."""
        self.body, self.given = body, given
        sent, self.used = apply_forms(self.forms, body, given)
        return sent

    def matching_forms(self, refusal: Refusal, learned: Sequence[str]) -> Iterator[str]:
        """Yield the names of the forms that a refusal asks for and that change this request, the likeliest first.

        Args:
            refusal: What the endpoint refused.
            learned: The forms learned so far; those that this request was sent in and that are no longer in it are as
                good as new.
        """
        if self.body is None:
            return
        sent, _ = apply_forms([name for name in self.forms if name in learned], self.body, self.given)
        for name in matching_forms(refusal, sent, self.given):
            if self.is_whole:
                yield name
            elif name.endswith(IN_BODY):
                yield f"{name.removesuffix(IN_BODY)}{LEFT_OUT}"
            elif name == ONE_ROLE_JOINED or name in {f"{field}{LEFT_OUT}" for field in self.body}:
                yield name


_current: ContextVar[WireRequest | None] = ContextVar("wire_request", default=None)


@contextmanager
def as_wire_request(request: WireRequest) -> Iterator[None]:
    """Send the calls of this context in the forms of `request`."""
    token = _current.set(request)
    try:
        yield
    finally:
        _current.reset(token)


def adapted(model: BaseChatModel) -> BaseChatModel:
    """Let a copied OpenAI-like model send its requests in the forms of the current `WireRequest`."""
    if is_openai_like(model):
        object.__setattr__(model, "__class__", _adapted_class(type(model)))
    return model


def adapted_parameters(
    model: BaseChatModel, parameters: Mapping[str, Any], prompt: Sequence[BaseMessage]
) -> dict[str, Any]:
    """Return the arguments of a call without those that the endpoint refused, for models of other clients.

    Args:
        model: The model of the call; refused fields of its own are left out already.
        parameters: The arguments.
        prompt: The messages that are sent.
    """
    request = _current.get()
    if request is None or is_openai_like(model):
        return {**parameters}
    messages = [{"role": _ROLES.get(one.type, one.type), "content": one.content} for one in prompt]
    set_fields = {name: getattr(model, name, None) for name in _SAMPLING & type(model).model_fields.keys()}
    own = {**set_fields, **(getattr(model, "model_kwargs", None) or {})}
    request.is_whole = False
    body = request.adapt({**own, **parameters, "messages": messages}, prompt)
    return {name: value for name, value in body.items() if name in parameters}


@cache
def _adapted_class(base: type[BaseChatModel]) -> type[BaseChatModel]:
    names = {"__module__": base.__module__, "__qualname__": base.__qualname__, "__doc__": base.__doc__}
    return new_class(base.__name__, (_Adapting, base), exec_body=lambda namespace: namespace.update(names))


class _Adapting:
    """Methods over those of `BaseChatOpenAI`; LangChain has no other place between its messages and the client."""

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        body: Json = super()._get_request_payload(input_, stop=stop, **kwargs)  # type: ignore[misc]
        request = _current.get()
        if request is None:
            return body
        given: list[BaseMessage] = self._convert_input(input_).to_messages()  # type: ignore[attr-defined]
        return request.adapt(body, given)

    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        result: ChatResult = super()._create_chat_result(response, generation_info)  # type: ignore[misc]
        choices = response.get("choices") if isinstance(response, Mapping) else getattr(response, "choices", None)
        for generation, choice in zip(result.generations, choices or (), strict=False):
            _keep_reasoning(generation.message, _field(choice, "message"))
        return result

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        made: ChatGenerationChunk | None = super()._convert_chunk_to_generation_chunk(  # type: ignore[misc]
            chunk, default_chunk_class, base_generation_info
        )
        if made is not None and chunk.get("choices"):
            delta = _field(chunk["choices"][0], "delta")
            _keep_reasoning(made.message, delta)
            if isinstance(refusal := _field(delta, "refusal"), str) and refusal:  # LangChain leaves it out of a stream
                made.message.additional_kwargs["refusal"] = refusal
        return made


def _keep_reasoning(message: BaseMessage, sent: Any) -> None:
    """Keep the reasoning of a reply that may call tools: some endpoints want it back with the results of the calls."""
    request = _current.get()
    if request is None or not (request.body or {}).get("tools") or "reasoning_content" in message.additional_kwargs:
        return
    reasoning = next((text for key in _REASONING_KEYS if isinstance(text := _field(sent, key), str) and text), None)
    if reasoning is not None:
        message.additional_kwargs["reasoning_content"] = reasoning


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
