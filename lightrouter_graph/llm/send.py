"""Sends one request to a chat model and reads the response, streamed if its chunks are used."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from lightrouter_graph.llm.call import Call, as_current
from lightrouter_graph.llm.call_parameters import candidate_secrets, parameters_for
from lightrouter_graph.llm.stream_accumulator import StreamAccumulator
from lightrouter_graph.llm.wire import adapted_parameters
from lightrouter_graph.pool import Candidate
from lightrouter_graph.reasoning import REASONING_TAG, streamable_prefix
from lightrouter_graph.redaction import redact_message, redacted_exceptions
from lightrouter_graph.telemetry.events import emit_event, events_paused
from lightrouter_graph.telemetry.tracing import chat_model_mode

_SHOWN_BLOCKS = frozenset({"text", "tool_use", "input_json_delta", "function_call"})
"""Types of content blocks that text may precede; reasoning blocks must come before it."""


async def call_model(
    candidate: Candidate,
    call: Call,
    model: BaseChatModel,
    prompt: Sequence[BaseMessage],
    config: RunnableConfig,
    *,
    accumulator: StreamAccumulator,
) -> BaseMessage:
    """Send one request and return the response, truncated at the cap if it was streamed and exceeded the cap.

    The response is streamed for the tokens of a streaming chat model, for the partial text of a call that may be
    cancelled, and to stop a model that ignores its cap. Model, prompt and config are those of `call_parameters`.
    """
    bound, parameters = call.request.bind_to(model), adapted_parameters(model, parameters_for(candidate, call), prompt)
    secrets = candidate_secrets(candidate)
    with as_current(call), events_paused(), redacted_exceptions(secrets):
        # A response that must be an object is emitted when complete: text around the object is removed first.
        emitted = call.stream_to_user and chat_model_mode() == "stream" and call.request.schema is None
        if not emitted and not call.stream_internally:
            if call.stream_to_user:
                _collect(config, accumulator, secrets)
            reply: BaseMessage = await bound.ainvoke(prompt, config, **parameters)
            redact_message(reply, secrets)
            return accumulator.message() if accumulator.chunks else reply
        tokens = _TokenEvents(candidate.name, muted=not emitted)
        async with aclosing(bound.astream(prompt, config, **parameters)) as stream:
            async for chunk in stream:
                redact_message(chunk, secrets)
                accumulator.add(chunk, prefix=call.prefix)
                if accumulator.exceeds(call.max_tokens):
                    accumulator.truncate(keep_last=call.stream_to_user)
                    if not call.stream_to_user:
                        break
                tokens.emit(chunk)
                if accumulator.truncated:
                    break
        return accumulator.message()


class _ChunkCollector(BaseCallbackHandler):
    """Adds the chunks of a response that LangChain streams by itself, for a handler that receives its tokens."""

    run_inline = True

    def __init__(self, accumulator: StreamAccumulator, secrets: Sequence[str]) -> None:
        self._accumulator, self._secrets = accumulator, secrets

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Add one chunk."""
        if chunk is not None:
            redact_message(chunk.message, self._secrets)
            self._accumulator.add(chunk.message)


def _collect(config: RunnableConfig, accumulator: StreamAccumulator, secrets: Sequence[str]) -> None:
    callbacks, collector = config.get("callbacks"), _ChunkCollector(accumulator, secrets)
    if isinstance(callbacks, BaseCallbackManager):
        callbacks.add_handler(collector, inherit=False)
    else:
        config["callbacks"] = [*(callbacks or ()), collector]


_MAX_LAYOUT = 200


class _TokenEvents:
    """Emits the text of a stream as `token` events, up to the first reasoning tag or reasoning block."""

    def __init__(self, candidate: str, *, muted: bool) -> None:
        self._candidate, self._muted, self._pending, self._begun = candidate, muted, "", False

    def emit(self, chunk: BaseMessage) -> None:
        self._muted = self._muted or _has_hidden_block(chunk)
        if self._muted:
            return
        self._pending += str(chunk.text)
        text = streamable_prefix(self._pending)
        # White space before a reasoning block is layout; a long run of it is not kept back.
        if not self._begun and len(text) <= _MAX_LAYOUT and not text.strip():
            self._muted = REASONING_TAG.search(self._pending) is not None
            return
        self._begun = True
        if text:
            emit_event(
                {
                    "type": "lightrouter",
                    "event": "token",
                    "candidate": self._candidate,
                    "message_id": chunk.id,
                    "text": text,
                }
            )
        self._pending = self._pending[len(text) :]
        self._muted = REASONING_TAG.match(self._pending) is not None


def _has_hidden_block(chunk: BaseMessage) -> bool:
    return any(isinstance(block, dict) and block.get("type") not in _SHOWN_BLOCKS for block in chunk.content)
