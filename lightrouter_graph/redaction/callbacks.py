"""Redacts secrets from the arguments of callback handlers, in place.

LangChain passes to a tracer the serialized model (with headers and URLs), the exception of a failed call, and the body
and headers of the response. Providers repeat API keys in all of them.
"""

from collections.abc import Sequence
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables.config import ensure_config

from lightrouter_graph.redaction.exceptions import redact_exception
from lightrouter_graph.redaction.values import redact_values, redacted_value

_ID_FIELDS = ("id", "call_id", "name")


def redacting_callbacks(secrets: Sequence[str]) -> Any:
    """Return the callbacks of the current run for one model call, with a redacting handler in front.

    Args:
        secrets: Secret values as returned by `secrets_of`.
    """
    around: Any = ensure_config().get("callbacks")
    if not isinstance(around, BaseCallbackManager):
        return [RedactingCallbackHandler(secrets), *(around or ())]
    manager = around.copy()
    manager.handlers = [RedactingCallbackHandler(secrets), *manager.handlers]
    return manager


class RedactingCallbackHandler(BaseCallbackHandler):
    """Redacts a model's secrets from callback arguments, in place, before other handlers receive them.

    Args:
        secrets: Secret values as returned by `secrets_of`.
    """

    run_inline = True  # inline handlers are called in order, before all other handlers

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    def on_chat_model_start(self, serialized: dict[str, Any], messages: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Redact the serialized model and the parameters of the call."""
        redact_values(serialized, self._secrets)
        if isinstance(parameters := kwargs.get("invocation_params"), dict):
            redact_values(parameters, self._secrets)

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:  # noqa: ARG002
        """Redact what a provider puts around the text of its response.

        Args:
            response: The result of the call; changed in place.
            **kwargs: Ids and tags of the run; they are not read.
        """
        self._redact_result(response)

    def on_llm_error(self, error: BaseException, *, response: LLMResult | None = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Redact the exception and the metadata of the response behind it."""
        redact_exception(error, self._secrets)
        self._redact_result(response)

    def _redact_result(self, response: LLMResult | None) -> None:
        for generation in (one for some in (response.generations if response else ()) for one in some):
            if isinstance(generation, ChatGeneration):
                redact_message(generation.message, self._secrets)
                if generation.generation_info:
                    redact_values(generation.generation_info, self._secrets)
        if response is not None and response.llm_output:
            redact_values(response.llm_output, self._secrets)


def redact_message(message: BaseMessage, secrets: Sequence[str]) -> None:
    """Redact secrets from the metadata, ids and names of a response, in place. Its text and arguments stay.

    Args:
        message: The response of a model, or a part of a stream.
        secrets: Secret values as returned by `secrets_of`.
    """
    redact_values(message.response_metadata, secrets)
    for field in ("id", "name"):
        value = getattr(message, field)
        if (
            value and (redacted := redacted_value(value, secrets)) != value
        ):  # setting a field costs as much as redacting it
            setattr(message, field, redacted)
    if isinstance(message, AIMessage):
        chunks = getattr(message, "tool_call_chunks", ())
        blocks = message.content if isinstance(message.content, list) else ()
        raw = message.additional_kwargs.get("tool_calls")
        raw = raw if isinstance(raw, list) else ()
        for call in (*message.tool_calls, *message.invalid_tool_calls, *chunks, *blocks, *raw):
            if isinstance(call, dict):
                redact_values(cast("dict[str, Any]", call), secrets, _ID_FIELDS)
