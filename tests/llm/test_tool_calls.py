"""Tool calls in a conversation: pairing with results, and unique ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI

from lightrouter_graph.llm.tool_calls import pairing_error, with_unique_ids


def call(call_id, name="weather", **args):
    return {"name": name, "args": args, "id": call_id, "type": "tool_call"}


def broken(call_id, name="weather"):
    return {"name": name, "args": '{"city": ', "id": call_id, "error": None, "type": "invalid_tool_call"}


def calling(*calls, invalid=()):
    return AIMessage("", tool_calls=list(calls), invalid_tool_calls=list(invalid))


def result(call_id, name=None):
    return ToolMessage("sunny", tool_call_id=call_id, name=name)


ASKED = HumanMessage("The weather?")


# pairs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "messages",
    [
        [ASKED],
        [ASKED, calling(call("1")), result("1")],
        [SystemMessage("Be brief."), ASKED, calling(call("1")), result("1"), AIMessage("Sunny."), ASKED],
        [ASKED, calling(call("1"), call("2")), result("2"), result("1")],
        [ASKED, calling(call("1")), result("1"), calling(call("2")), result("2")],
        [ASKED, calling(call("1")), result("1"), calling(call("1")), result("1")],
        [ASKED, calling(call("1"), invalid=[broken("2")]), result("1"), result("2")],
        [ASKED, calling(invalid=[broken("1")]), result("1")],
    ],
)
def test_paired_calls_are_valid(messages):
    assert pairing_error(messages) == ""


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        ([ASKED, calling(call("1", "weather"), call("2", "clock"))], ["weather (1)", "clock (2)"]),
        ([ASKED, calling(call("1", "weather"), call("2", "clock")), result("1")], ["clock (2)"]),
        ([ASKED, calling(call("1")), HumanMessage("Well?")], ["weather (1)"]),
        ([ASKED, calling(call("1")), AIMessage("Sunny."), result("1")], ["weather (1)"]),
        ([ASKED, calling(call("1")), calling(call("2")), result("1"), result("2")], ["weather (1)"]),
        ([ASKED, calling(call("1"), call("2", "clock")), HumanMessage("!"), result("1"), result("2")], ["clock (2)"]),
        ([ASKED, result("9")], ["'9'", "without a tool call"]),
        ([ASKED, result("9", "weather")], ["'weather'", "'9'"]),
        ([ASKED, calling(call("1")), result("9")], ["'9'"]),
        ([ASKED, calling(call("1")), result("1"), AIMessage("Sunny."), result("1")], ["'1'", "without a tool call"]),
    ],
)
def test_an_unpaired_call_or_result_is_named(messages, named):
    problem = pairing_error(messages)
    assert all(words in problem for words in named)


def test_an_invalid_call_needs_a_result():
    messages = [ASKED, calling(invalid=[broken("1")]), HumanMessage("Well?")]
    sent = ChatOpenAI(model="any", api_key="none")._get_request_payload(messages)["messages"][1]
    assert [sent_call["id"] for sent_call in sent["tool_calls"]] == ["1"]
    assert "weather (1)" in pairing_error(messages)


def test_two_calls_with_one_id_need_two_results():
    assert "clock" in pairing_error([ASKED, calling(call("1", "weather"), call("1", "clock")), result("1")])


# ids -------------------------------------------------------------------------------------------------------


def tool_call_message(*calls, content="", **extras):
    return {"content": content, "tool_calls": list(calls), "additional_kwargs": extras}


def ids(made):
    return [made_call["id"] for made_call in made["tool_calls"]]


def blocks(*calls, text="Let me look."):
    """Write calls as Anthropic does."""
    return [
        {"type": "text", "text": text},
        *({"type": "tool_use", "id": c["id"], "name": c["name"], "input": c["args"]} for c in calls),
    ]


HISTORY = [ASKED, calling(call("call_0")), result("call_0")]


def test_unique_ids_are_unchanged():
    given_calls = [call("1", city="Rome"), call("2", city="Oslo")]
    made = tool_call_message(*given_calls, content=blocks(*given_calls), reasoning_content="hm")
    assert with_unique_ids(made, HISTORY) is made


def test_an_id_of_an_earlier_turn_is_replaced():
    (renamed,) = ids(with_unique_ids(tool_call_message(call("call_0")), HISTORY))
    assert renamed.startswith("call_")
    assert renamed != "call_0"


@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_id_is_generated(missing):
    first, second = ids(with_unique_ids(tool_call_message(call(missing), call(missing)), HISTORY))
    assert first
    assert second
    assert first != second


def test_of_two_equal_ids_in_one_reply_one_is_replaced():
    assert len(set(ids(with_unique_ids(tool_call_message(call("1"), call("1")), [])))) == 2


def test_a_new_id_is_set_in_the_providers_blocks_too():
    calls = [call("call_0", city="Rome"), call("call_1", city="Oslo")]
    made = with_unique_ids(tool_call_message(*calls, content=blocks(*calls)), HISTORY)
    assert [block["id"] for block in made["content"][1:]] == ids(made)
    assert made["content"][0] == {"type": "text", "text": "Let me look."}


def test_the_input_is_not_mutated():
    given_proposal = tool_call_message(call("call_0"), content=blocks(call("call_0")))
    with_unique_ids(given_proposal, HISTORY)
    assert given_proposal == tool_call_message(call("call_0"), content=blocks(call("call_0")))


@given(st.lists(st.sampled_from([None, "", "call_0", "call_1", "x"]), min_size=1, max_size=4))
def test_all_ids_are_unique_afterwards(given_ids):
    made = with_unique_ids(tool_call_message(*(call(given_id) for given_id in given_ids)), HISTORY)
    assert all(ids(made))
    assert len({"call_0", *ids(made)}) == len(given_ids) + 1


def test_a_missing_id_beside_blocks_without_ids():
    given_call = call(None, city="Rome")
    made = with_unique_ids(tool_call_message(given_call, content=blocks(given_call)), [])
    assert "id" not in made["content"][0]
    assert [made["content"][1]["id"]] == ids(made)


def test_two_equal_ids_in_one_reply_leave_each_block_with_its_own_call():
    calls = [call("1", city="Rome"), call("1", city="Oslo")]
    made = with_unique_ids(tool_call_message(*calls, content=blocks(*calls)), [])
    assert [block["id"] for block in made["content"][1:]] == ids(made)


def test_a_new_id_is_set_in_blocks_of_the_responses_api():
    block = {"type": "function_call", "call_id": "call_0", "id": "fc_1", "name": "weather", "arguments": "{}"}
    made = with_unique_ids(tool_call_message(call("call_0"), content=[block]), HISTORY)
    talk = [*HISTORY, AIMessage(**made), result(ids(made)[0])]
    sent = ChatOpenAI(model="any", api_key="none", use_responses_api=True)._get_request_payload(talk)["input"]
    assert [item["call_id"] for item in sent if item["type"] == "function_call"] == ["call_0", *ids(made)]


def test_provider_data_keyed_by_an_id_is_rekeyed():
    signatures = "__gemini_function_call_thought_signatures__"
    made = with_unique_ids(tool_call_message(call("call_0"), **{signatures: {"call_0": "c2ln"}}), HISTORY)
    assert made["additional_kwargs"][signatures] == {ids(made)[0]: "c2ln"}
