"""Messages of a request as LangChain messages, and back as a provider gets them."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai.chat_models.base import _convert_message_to_dict

from lightrouter_graph.server.errors import ApiError
from lightrouter_graph.server.messages import read_messages

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}}


DEEP = '{"a":' * 100_000


def call(call_id: str, arguments: str = '{"city": "Bonn"}'):
    return {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


TALK = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE], "name": "ann"},
    {"role": "assistant", "content": None, "tool_calls": [call("x"), call("y", '{"city": "Köln"}')]},
    {"role": "tool", "tool_call_id": "y", "content": "rain"},
    {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "sun"}]},
    {"role": "assistant", "content": "Sun and rain."},
    {"role": "user", "content": ""},
]


def test_each_role_becomes_its_class():
    kinds = [SystemMessage, HumanMessage, AIMessage, ToolMessage, ToolMessage, AIMessage, HumanMessage]
    assert [type(message) for message in read_messages(TALK)] == kinds


def test_parallel_tool_calls_and_images_survive():
    messages = read_messages(TALK)
    assert [(c["id"], c["args"]["city"]) for c in messages[2].tool_calls] == [("x", "Bonn"), ("y", "Köln")]
    assert messages[1].content[1] == IMAGE
    assert messages[3].tool_call_id == "y"


def test_a_provider_is_sent_what_the_client_sent():
    sent = [_convert_message_to_dict(message) for message in read_messages(TALK)]
    assert sent[0] == TALK[0]
    assert sent[1] == TALK[1]
    assert [c["id"] for c in sent[2]["tool_calls"]] == ["x", "y"]
    assert sent[3:5] == TALK[3:5]


def test_an_answer_of_the_server_is_accepted():
    ours = {"role": "assistant", "content": "four", "refusal": None, "annotations": [], "audio": None}
    assert read_messages([ours]) == [AIMessage("four")]


def test_fields_of_langchain_are_left_out():
    message = {
        "role": "user",
        "content": "hi",
        "id": "1",
        "response_metadata": {"x": 1},
        "example": True,
        "status": "?",
    }
    [read] = read_messages([message])
    assert read == HumanMessage("hi")
    assert read.id is None


def test_invalid_arguments_are_unchanged():
    [message, result] = read_messages(
        [
            {"role": "assistant", "tool_calls": [call("x", '{"city'), call("y"), call("z", "[1]"), call("d", DEEP)]},
            {"role": "tool", "tool_call_id": "x", "content": "that is no JSON"},
        ]
    )
    assert [c["id"] for c in message.tool_calls] == ["y"]
    assert [(c["id"], c["args"]) for c in message.invalid_tool_calls] == [("x", '{"city'), ("z", "[1]"), ("d", DEEP)]
    assert result.content == "that is no JSON"


def test_a_call_without_arguments():
    [message] = read_messages([{"role": "assistant", "content": "", "tool_calls": [call("x", "")]}])
    assert message.tool_calls[0]["args"] == {}


def test_an_assistant_message_without_content():
    assert read_messages([{"role": "assistant"}]) == [AIMessage("")]


def test_a_developer_message_keeps_its_role():
    [message] = read_messages([{"role": "developer", "content": "Be brief."}])
    assert message.additional_kwargs == {"__openai_role__": "developer"}


@pytest.mark.parametrize(
    ("turn", "content"),
    [
        ({"content": None, "refusal": "I cannot."}, "I cannot."),
        ({"refusal": "I cannot."}, "I cannot."),
        ({"content": "", "refusal": "I cannot."}, "I cannot."),
        ({"content": "Hm.", "refusal": "I cannot."}, "Hm.\n\nI cannot."),
        ({"content": "Hm.", "refusal": None}, "Hm."),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, [{"type": "text", "text": "No."}]),
        (
            {"content": [{"type": "text", "text": "Hm."}], "refusal": "No."},
            [{"type": "text", "text": "Hm."}, {"type": "text", "text": "No."}],
        ),
    ],
)
def test_a_refusal_becomes_text(turn, content):
    [message] = read_messages([{"role": "assistant", **turn}])
    assert message == AIMessage(content)
    assert not message.additional_kwargs


def test_names_ids_and_consecutive_messages_are_kept():
    long_id = "call_" + "x" * 10_000
    talk = [
        {"role": "user", "content": "one", "name": "ann"},
        {"role": "user", "content": "two", "name": "bob"},
        {"role": "assistant", "content": "", "tool_calls": [call(long_id)], "name": "Subject Matter Expert"},
        {"role": "tool", "tool_call_id": long_id, "content": "rain"},
    ]
    messages = read_messages(talk)
    assert [message.name for message in messages[:3]] == ["ann", "bob", "Subject Matter Expert"]
    assert messages[2].tool_calls[0]["id"] == messages[3].tool_call_id == long_id


def test_a_long_unknown_id_is_not_echoed():
    with pytest.raises(ApiError) as caught:
        read_messages([{"role": "tool", "tool_call_id": "x" * 10_000, "content": "rain"}])
    assert len(str(caught.value)) < 300
