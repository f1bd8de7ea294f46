"""`ChatPocket`: the standard tests of LangChain, and its use as a candidate."""

import asyncio
import re

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from lightrouter_graph import Candidate, Context, LLMAggregator, Pool, create_lightrouter
from lightrouter_graph.pocket.chat import ChatPocket
from lightrouter_graph.pocket.conversation import UNSUPPORTED, is_supported
from lightrouter_graph.pocket.model import POCKET_NAMES, load_model
from lightrouter_graph.pocket.tokenizer import load_tokenizer
from lightrouter_graph.prompts import merge_answers, with_draft, with_shared_boots

QUESTION = "Mia has 47 apples and gets 38 more. How many apples does Mia have now?"
SOLUTION = "47 + 38: ones 7 + 8 = 15, tens 4 + 3 + 1 = 8, so 85. The answer is 85."


class Promises:
    chat_model_class = ChatPocket
    chat_model_params = {"model": "general"}  # noqa: RUF012 - as LangChain has it
    standard_chat_model_params = {"temperature": 0, "max_tokens": 100, "stop": []}  # noqa: RUF012
    has_tool_calling = False
    has_structured_output = False
    supports_model_override = True
    model_override_value = "quick"
    returns_usage_metadata = True


class TestUnits(Promises, ChatModelUnitTests):
    """Its serialisation test skips: a pocket model is written down as its spec, `pocket:general`."""


class TestWhole(Promises, ChatModelIntegrationTests):
    pass


def test_a_question_is_answered_with_steps_and_usage():
    message = ChatPocket().invoke(QUESTION)
    assert message.text == SOLUTION
    prompt = load_model("general").prompt(QUESTION)
    assert message.usage_metadata["input_tokens"] == len(prompt)
    assert message.usage_metadata["output_tokens"] == len(load_tokenizer().encode(SOLUTION)) + 1
    assert message.response_metadata["finish_reason"] == "stop"


def test_max_tokens_counts_the_models_own_tokens():
    message = ChatPocket().invoke(QUESTION, max_tokens=16)
    assert SOLUTION.startswith(message.text)
    assert message.usage_metadata["output_tokens"] == 16
    assert message.response_metadata["finish_reason"] == "length"


def test_a_final_ai_message_is_continued():
    begun = ChatPocket().invoke(QUESTION, max_tokens=16)
    rest = ChatPocket().invoke([HumanMessage(QUESTION), AIMessage(begun.text)])
    assert begun.text + rest.text == SOLUTION


def test_a_stream_has_the_same_text_and_splits_no_number():
    chunks = [chunk.text for chunk in ChatPocket().stream(QUESTION)]
    assert "".join(chunks) == SOLUTION
    assert len(chunks) > 10
    numbers = [number for chunk in chunks for number in re.findall(r"\d+", chunk)]
    assert numbers == re.findall(r"\d+", SOLUTION)


@pytest.mark.parametrize("stop", [", so", "so 8", "tens"])
def test_stop_strings_end_the_answer(stop):
    wanted = SOLUTION[: SOLUTION.find(stop)]
    message = ChatPocket(stop=[stop]).invoke(QUESTION)
    assert message.text == wanted
    assert message.response_metadata["finish_reason"] == "stop"
    assert "".join(chunk.text for chunk in ChatPocket().stream(QUESTION, stop=[stop])) == wanted


def test_temperature_samples_by_seed():
    model = ChatPocket(model="quick", temperature=1.5)
    texts = [model.invoke(QUESTION, seed=seed).text for seed in (1, 1, 2, 3, 4, 5)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_logprobs_are_returned_on_request():
    content = ChatPocket(logprobs=True).invoke(QUESTION).response_metadata["logprobs"]["content"]
    assert len(content) == len(load_tokenizer().encode(SOLUTION)) + 1
    assert all(entry["logprob"] <= 0 for entry in content)
    assert "logprobs" not in ChatPocket().invoke(QUESTION).response_metadata


async def test_the_event_loop_is_not_blocked():
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    heart = asyncio.create_task(beat())
    replies = await asyncio.gather(*(ChatPocket(model=name).ainvoke(QUESTION) for name in POCKET_NAMES))
    heart.cancel()
    assert all(reply.text for reply in replies)
    assert beats > 10


@pytest.mark.parametrize(
    "question", ["Who wrote Hamlet?", "Explain the causes of the war of 1812 in detail.", "", "12", "Sum 10000 and 2?"]
)
def test_other_questions_get_a_fixed_sentence(question):
    message = ChatPocket().invoke([SystemMessage("Be brief."), HumanMessage(question)])
    assert message.text == UNSUPPORTED
    assert not is_supported(question, load_tokenizer())


def test_names_may_be_new():
    assert is_supported(
        "Quentin has 30 apples and gets 12 more. How many apples does Quentin have now?", load_tokenizer()
    )


def test_messages_added_by_the_package_are_skipped():
    for messages in (
        with_draft([HumanMessage(QUESTION)], "It is 85."),
        with_shared_boots([HumanMessage(QUESTION)], ["47 + 38: ones", "47 - 38: ones"]),
        merge_answers([HumanMessage(QUESTION)], [SOLUTION, "No."], final=True),
    ):
        assert ChatPocket().invoke(messages).text == SOLUTION


async def test_the_merger_reads_the_answers_of_a_graph():
    names = ("quick", "sums", "general")
    pool = Pool([Candidate(name, ChatPocket(model=name)) for name in names])
    merger = LLMAggregator(ChatPocket(model="merger"))
    graph = create_lightrouter(pool, aggregator=merger).compile()
    context = Context(width=3, top_k=3, agree=None, boot_tokens=8)
    hard = "Mia has 347 apples, gets 285 more and gives 176 to Tom. How many apples are left?"
    result = await graph.ainvoke({"messages": [HumanMessage(hard)]}, context=context)
    assert result["messages"][-1].text.endswith("The answer is 456.")


async def test_a_pool_of_them_is_routed_by_the_graph():
    names = [name for name in POCKET_NAMES if name != "merger"]
    pool = Pool([Candidate(name, ChatPocket(model=name)) for name in names])
    assert {candidate.continuation for candidate in pool} == {"prefill"}
    graph = create_lightrouter(pool).compile()
    result = await graph.ainvoke({"messages": [HumanMessage(QUESTION)]}, context=Context(boot_tokens=16))
    assert result["messages"][-1].text.endswith("The answer is 85.")


@pytest.mark.parametrize("question", ["What is 17 * 23?", "What is 10% of 50?", "Is 7 / 2 more than 3 or not, please?"])
def test_unknown_signs_are_not_supported(question):
    assert ChatPocket(model="general").invoke(question).text == UNSUPPORTED
