"""A model that writes one answer out of several."""

from builders import answer, query
from helpers import calls, calls_of, scripted
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from lightrouter_graph import Candidate, Context, LLMAggregator
from lightrouter_graph.answer_keys import canonical_tool_calls
from lightrouter_graph.llm.client import record_calls
from lightrouter_graph.llm.request import make_request
from lightrouter_graph.testing import Reply, ScriptedChatModel

ANSWERS = [answer("bert", "4"), answer("anna", "5"), answer("cleo", "6")]


def pool(**scripts):
    return scripted(**{"anna": "written by anna", "bert": "written by bert", "cleo": "written by cleo", **scripts})


def writer(response="the synthesis"):
    return ScriptedChatModel(responses=response, name="writer", then="repeat_last")


result_costs = []
"""Costs of the last merge."""


async def merged(response="the synthesis", **others):
    """Let a writer that says the response merge the answers."""
    model = writer(response)
    with record_calls() as costs:
        result = await LLMAggregator(model).merge(query(pool(), stage="aggregate", **others), ANSWERS)
    result_costs[:] = costs
    return result, model.calls


async def test_the_given_model_writes_the_answer():
    result, asked = await merged()
    assert (result.text, result.strategy, result.candidate) == ("the synthesis", "synthesis", "aggregator")
    assert len(asked) == 1


async def test_without_a_model_the_best_ranked_candidate_writes():
    candidates = pool()
    result = await LLMAggregator().merge(query(candidates), ANSWERS)
    assert (result.text, result.candidate) == ("written by bert", "bert")
    assert calls(candidates) == {"anna": 0, "bert": 1, "cleo": 0}


async def test_the_conversation_comes_first_and_the_answers_last_by_rank():
    asked = query(pool())
    model = writer()
    await LLMAggregator(model).merge(asked, [answer(name, text=f"says {n}") for n, name in enumerate(["bert", "anna"])])
    sent = model.calls[0].messages
    assert list(sent[:-1]) == asked.messages
    assert sent[-1].text.endswith('1. "says 0"\n2. "says 1"')


async def test_the_writer_learns_no_name():
    _, asked = await merged()
    texts = [given["text"] for given in ANSWERS]
    everything = " ".join(message.text for message in asked[0].messages)
    for text in texts:
        everything = everything.replace(text, "")
    assert not any(name in everything for name in ("anna", "bert", "cleo"))


async def test_its_cap_is_that_of_an_answer():
    _, asked = await merged(settings=Context(max_tokens=77))
    assert asked[0].max_tokens == 77


async def test_a_draft_is_asked_for_in_other_words_than_an_answer():
    _, final = await merged()
    _, inner = await merged(final=False)
    assert "intermediate answer" in inner[0].messages[-1].text
    assert "intermediate answer" not in final[0].messages[-1].text


async def test_the_call_is_billed_to_the_aggregation():
    _, asked = await merged()
    assert [spent["stage"] for spent in result_costs] == ["aggregate"]
    assert result_costs[0]["usage"]["output_tokens"] == asked[0].output_tokens


async def test_a_candidate_may_be_given_as_the_writer():
    candidates = pool()
    result = await LLMAggregator(Candidate("mine", writer())).merge(query(candidates), ANSWERS)
    assert result.candidate == "mine"


async def test_if_the_call_fails_the_vote_decides_and_the_failure_is_told():
    equal = [answer("bert", "4"), answer("anna", "5"), answer("cleo", "5")]
    with record_calls() as costs:
        result = await LLMAggregator(writer(ConnectionError("gone"))).merge(query(pool(), stage="aggregate"), equal)
    result_costs[:] = costs
    assert (result.candidate, result.strategy) == ("anna", "vote")
    assert result.notes["fallback"] == "the synthesis failed; strategy 'vote' was used instead"
    assert result.notes["aggregator_problem"] == "aggregator: disconnected: gone"


async def test_a_failed_call_stays_on_the_bill():
    counts = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
    result, _ = await merged(Reply("", usage=counts))
    assert result.strategy == "vote"
    assert [spent["usage"]["output_tokens"] for spent in result_costs] == [3]


async def test_every_answer_reaches_the_writer():
    candidates = pool()
    await LLMAggregator().merge(query(candidates), ANSWERS)
    told = calls_of(candidates, "bert")[0].messages[-1].text
    assert all(given["text"] in told for given in ANSWERS)


# calls and objects -----------------------------------------------------------------------------------------

TOOL = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
PAIR = {"title": "Pair", "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def calling(name, city):
    call = {"name": "weather", "args": {"city": city}, "id": name, "type": "tool_call"}
    tool_call_message = {"content": "", "tool_calls": [call], "additional_kwargs": {}}
    return answer(name, canonical_tool_calls([call]), text="", tool_call_message=tool_call_message)


async def test_calls_are_voted_on_and_no_model_is_asked():
    model, answers = writer(), [calling("bert", "Oslo"), calling("anna", "Rome"), calling("cleo", "Rome")]
    result = await LLMAggregator(model).merge(query(pool(), request=make_request(tools=[TOOL])), answers)
    assert (result.strategy, result.tool_call_message) == ("vote", answers[1]["tool_call_message"])
    assert model.calls == []


async def test_after_calls_the_writer_knows_the_tools_and_may_not_call():
    talk = [HumanMessage("Weather?"), AIMessage("", tool_calls=calling("c", "Rome")["tool_call_message"]["tool_calls"])]
    talk.append(ToolMessage("sunny", tool_call_id="c"))
    _, asked = await merged(messages=talk, request=make_request(tools=[TOOL], tool_choice="any"))
    assert list(asked[0].messages[:3]) == talk
    assert [shape["function"]["name"] for shape in asked[0].kwargs["tools"]] == ["weather"]
    assert asked[0].kwargs["tool_choice"] == "none"


async def test_without_tools_nothing_is_said_of_tools():
    _, asked = await merged()
    assert not {"tools", "tool_choice"} & asked[0].kwargs.keys()


async def test_a_writer_that_calls_all_the_same_leaves_it_to_the_vote():
    call = {"name": "weather", "args": {}, "id": "1", "type": "tool_call"}
    result, _ = await merged(Reply("", tool_calls=[call]), request=make_request(tools=[TOOL]))
    assert result.strategy == "vote"
    assert result.tool_call_message is None


async def test_asked_for_an_object_the_writer_keeps_to_its_schema():
    result, asked = await merged('{"a": 1}', request=make_request(response_format=PAIR))
    assert result.text == '{"a": 1}'
    assert "JSON schema of Pair" in asked[0].messages[-1].text
    unfit, _ = await merged('{"a": "one"}', request=make_request(response_format=PAIR))
    assert unfit.notes["aggregator_problem"].startswith("aggregator: invalid: a: ")


async def test_a_draft_of_objects_is_words():
    result, asked = await merged("Words.", request=make_request(response_format=PAIR), final=False)
    assert result.text == "Words."
    assert len(asked[0].messages) == 2
