"""Turns the stream of the graph into the chunks of one chat message."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from lightrouter_graph.errors import BrokenStreamError


def answer_of(state: Mapping[str, Any], model: str) -> AIMessage:
    """Return the answer in the final `state` of the graph as the message of a chat model named `model`.

    Args:
        state: Final state of the graph; its last message is the answer.
        model: Name of a preset or of a candidate, for the response metadata.
    """
    answer: AIMessage = state["messages"][-1]
    # The caller assigns the id: two answers of one run must not have the same.
    return answer.model_copy(
        update={"id": None, "response_metadata": {**answer.response_metadata, "model_name": model}}
    )


class Chunks:
    """Converts parts of the graph's stream into chunks of one message.

    Text is passed on while it is generated. Tool calls, usage and decision record come last.

    Args:
        model: Name under which the chat model answers.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._sent = ""
        self._writer: str | None = None
        self._broken = False
        self._state: Mapping[str, Any] = {}

    def take(self, part: Mapping[str, Any]) -> Iterator[ChatGenerationChunk]:
        """Yield the chunk of one `part` of the graph's stream (version 2, mode `custom` or `values`), if any.

        Args:
            part: A dict with the keys `type` and `data`.
        """
        if part["type"] == "values":
            self._state = part["data"]
            return
        event = part["data"]
        is_own = isinstance(event, Mapping) and event.get("type") == "lightrouter"  # parts may write events, too
        if not is_own or event["event"] != "token":
            return
        self._broken = self._broken or bool(self._sent and event["message_id"] != self._writer)
        self._writer = event["message_id"]
        if not self._broken:
            yield self._chunk(event["text"])

    def end(self) -> Iterator[ChatGenerationChunk]:
        """Yield the rest of the message.

        Raises:
            BrokenStreamError: If the streamed text is not the beginning of the answer, because its call failed.
        """
        answer = answer_of(self._state, self._model)
        text = str(answer.text)
        if self._broken or not text.startswith(self._sent):
            raise BrokenStreamError(answer)
        if not self._sent:
            yield self._chunk(answer.content)
        elif rest := _blocks_beside_text(answer) or text[len(self._sent) :]:
            yield self._chunk(rest)
        yield ChatGenerationChunk(message=_last(answer))

    def _chunk(self, content: str | list[str | dict[str, Any]]) -> ChatGenerationChunk:
        # Only the first chunk has the model's name: merging chunks concatenates strings.
        named = {} if self._sent else {"model_name": self._model}
        self._sent += content if isinstance(content, str) else ""
        return ChatGenerationChunk(message=AIMessageChunk(content=content, response_metadata=named))


def _last(answer: AIMessage) -> AIMessageChunk:
    metadata = {name: value for name, value in answer.response_metadata.items() if name != "model_name"}
    calls = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"], ensure_ascii=False), id=call["id"], index=n)
        for n, call in enumerate(answer.tool_calls)
    ]
    return AIMessageChunk(
        content="",
        tool_call_chunks=calls,
        additional_kwargs=answer.additional_kwargs,
        usage_metadata=answer.usage_metadata,
        response_metadata=metadata,
        chunk_position="last",
    )


def _blocks_beside_text(answer: AIMessage) -> list[str | dict[str, Any]]:
    return [block for block in answer.content if isinstance(block, dict) and block.get("type") != "text"]
