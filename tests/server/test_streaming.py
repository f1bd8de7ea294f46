"""Chunks of different providers as chat completion chunks."""

import json

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk

from lightrouter_graph.server.requests import ChatRequest
from lightrouter_graph.server.streaming import ChunkWriter


def request(**fields):
    plain = {
        "model": "a",
        "messages": [],
        "arguments": {},
        "stream": True,
        "include_usage": True,
        "show_decision": False,
    }
    return ChatRequest(**{**plain, **fields})


def write(*chunks, **fields):
    writer = ChunkWriter(request(**fields), "chatcmpl-1")
    data = b"".join(writer.write(chunk) for chunk in chunks) + writer.end()
    return [json.loads(line.removeprefix("data: ")) for line in data.decode().split("\n\n")[:-2]]


def calls(*parts):
    return AIMessageChunk("", tool_call_chunks=[tool_call_chunk(**part) for part in parts])


def parts_of(events):
    return [p for e in events for choice in e["choices"] for p in choice["delta"].get("tool_calls", ())]


def test_calls_are_numbered_from_0():
    parts = parts_of(
        write(
            calls({"index": 1, "id": "x", "name": "f", "args": ""}),
            calls({"index": 1, "id": None, "name": None, "args": '{"a"'}),
            calls({"index": 3, "id": "y", "name": "g", "args": "{}"}),
            calls({"index": 1, "id": None, "name": None, "args": ": 1}"}),
        )
    )
    assert [part["index"] for part in parts] == [0, 0, 1, 0]
    assert [part.get("id") for part in parts] == ["x", None, "y", None]
    assert parts[1] == {"index": 0, "function": {"arguments": '{"a"'}}


def test_calls_without_an_index():
    parts = parts_of(
        write(
            calls({"index": None, "id": "x", "name": "f", "args": '{"a"'}),
            calls({"index": None, "id": None, "name": None, "args": ": 1}"}),
            calls({"index": None, "id": "y", "name": "g", "args": "{}"}),
            calls({"index": None, "id": "x", "name": None, "args": " "}),
        )
    )
    assert [part["index"] for part in parts] == [0, 0, 1, 0]


def test_a_call_without_an_id_gets_one():
    parts = parts_of(
        write(
            calls({"index": None, "id": None, "name": "f", "args": "{}"}),
            calls({"index": None, "id": None, "name": "g", "args": "{}"}),
        )
    )
    assert [part["index"] for part in parts] == [0, 1]
    assert all(part["id"].startswith("call_") for part in parts)


def test_an_id_is_sent_once():
    repeating = {"index": 0, "id": "x", "name": "f", "args": "{}"}
    assert [part.get("id") for part in parts_of(write(calls(repeating), calls(repeating)))] == ["x", None]


def test_usage_of_several_chunks_is_added_up():
    def spent(read, written):
        return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}

    events = write(AIMessageChunk("", usage_metadata=spent(7, 0)), AIMessageChunk("x", usage_metadata=spent(0, 2)))
    assert events[-1]["usage"]["prompt_tokens"] == 7
    assert events[-1]["usage"]["total_tokens"] == 9


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "stop"}, "stop"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"finish_reason": "SAFETY"}, "content_filter"),
        ({}, "stop"),
    ],
)
def test_finish_reasons_are_mapped_to_the_api(metadata, reason):
    # The reason may come before the last chunk.
    events = write(AIMessageChunk("x", response_metadata=metadata), AIMessageChunk(""), include_usage=False)
    assert events[-1]["choices"][0]["finish_reason"] == reason


def test_a_model_without_output():
    first, last = write(include_usage=False)
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert last["choices"][0]["finish_reason"] == "stop"


def test_content_blocks_are_their_text():
    events = write(AIMessageChunk([{"type": "text", "text": "four", "index": 0}]), include_usage=False)
    assert events[1]["choices"][0]["delta"] == {"content": "four"}
