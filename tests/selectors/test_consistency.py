"""Mutual agreement of boots, by their words or by embeddings."""

import pytest
from builders import boot, query
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from lightrouter_graph import ConsistencySelector
from lightrouter_graph.answer_keys import canonical_object, canonical_tool_calls
from lightrouter_graph.llm.request import make_request

ALIKE = "Seven apples and eight apples make fifteen apples"
TOO = "Eight apples plus seven apples, so fifteen apples"
ODD = "The capital of France lies on the Seine"


async def scored(*boots, embeddings=None, question="How many?"):
    verdict = await ConsistencySelector(embeddings).score(query(question=question), boots)
    return verdict.by_candidate


async def test_the_boot_that_says_something_else_scores_lowest():
    scores = await scored(boot("a", ODD), boot("b", ALIKE), boot("c", TOO))
    assert scores["a"] < min(scores["b"], scores["c"])


async def test_equal_answers_agree_whatever_the_words():
    scores = await scored(boot("a", ALIKE, key="15"), boot("b", ODD, key="15"), boot("c", TOO, key="16"))
    assert scores == {"a": 0.5, "b": 0.5, "c": 0.0}


async def test_boots_without_an_answer_are_compared_by_their_words():
    scores = await scored(boot("a", ALIKE, key="15"), boot("b", ALIKE), boot("c", ODD))
    assert scores["b"] > scores["c"]


async def test_numbers_written_differently_do_not_hide_an_equal_text():
    scores = await scored(boot("a", ALIKE), boot("b", ALIKE))
    assert scores == {"a": pytest.approx(1.0), "b": pytest.approx(1.0)}


async def test_the_verdict_says_why_and_takes_no_call():
    verdict = await ConsistencySelector().score(query(), [boot("a", ALIKE, key="15"), boot("b", ODD)])
    assert verdict.reasons["a"].startswith("answers 15; agrees ")
    assert verdict.reasons["b"].startswith("no answer yet; agrees ")
    assert verdict.selector == "consistency"


TEXTS = st.lists(st.text(max_size=40), min_size=2, max_size=5)


@given(TEXTS, st.randoms())
async def test_scores_are_from_0_to_1_and_do_not_depend_on_the_order(texts, random):
    boots = [boot(str(place), text) for place, text in enumerate(texts)]
    scores = await scored(*boots)
    assert all(0 <= score <= 1 for score in scores.values())
    random.shuffle(boots)
    assert await scored(*boots) == pytest.approx(scores)


# embeddings ------------------------------------------------------------------------------------------------


class Topics(Embeddings):
    """Embeds by topic: apples in one direction, cities in another."""

    def __init__(self):
        self.asked = []

    def embed_documents(self, texts):
        self.asked.append(texts)
        return [[1.0, 0.1] if "apple" in text else [0.0, 1.0] for text in texts]

    def embed_query(self, text):
        raise NotImplementedError


async def test_with_embeddings_meaning_is_compared():
    scores = await scored(boot("a", ODD), boot("b", "apple pie"), boot("c", "an apple tree"), embeddings=Topics())
    assert scores["a"] < min(scores["b"], scores["c"])


async def test_all_boots_are_embedded_in_one_call_without_their_openers():
    topics = Topics()
    await scored(boot("a", f"Certainly! {ALIKE}"), boot("b", TOO), embeddings=topics)
    assert topics.asked == [[ALIKE, TOO]]


async def test_answers_count_before_embeddings():
    boots = [boot("a", ALIKE, key="15"), boot("b", ODD, key="15")]
    assert await scored(*boots, embeddings=DeterministicFakeEmbedding(size=8)) == {"a": 1.0, "b": 1.0}


async def test_equal_texts_agree_fully_under_any_embedding():
    scores = await scored(boot("a", ALIKE), boot("b", ALIKE), embeddings=DeterministicFakeEmbedding(size=8))
    assert scores == {"a": pytest.approx(1.0), "b": pytest.approx(1.0)}


async def test_a_boot_that_says_nothing_yet_is_not_ranked_last_for_it():
    texts = {
        "anna": "Twelve trays of eight rolls make 96 rolls, and a quarter of these is 24.",
        "bert": "Twelve trays of eight rolls make 96; a quarter of 96 rolls is 24.",
        "cleo": "Bananas ripen on trucks, harbours sleep at noon.",
        "dora": "Certainly! Let's solve this step by step:",
    }
    boots = [boot(name, text=text) for name, text in texts.items()]
    scores = (await ConsistencySelector().score(query(), boots)).by_candidate
    assert scores["cleo"] < scores["dora"] < scores["anna"]


# calls and objects -----------------------------------------------------------------------------------------


def calling(candidate, city, text="", **args):
    calls = [{"name": "weather", "args": {"city": city, **args}, "id": candidate, "type": "tool_call"}]
    tool_call_message = {"content": text, "tool_calls": calls, "additional_kwargs": {}}
    return boot(candidate, text, finished=True, key=canonical_tool_calls(calls), tool_call_message=tool_call_message)


async def test_equal_calls_agree_whatever_is_said_beside_them():
    boots = [calling("a", "Rome", "Let me look."), calling("b", "Rome"), calling("c", "Rome", ODD)]
    assert await scored(*boots) == {"a": 1.0, "b": 1.0, "c": 1.0}


async def test_calls_agree_in_the_share_of_their_fields():
    scores = await scored(calling("a", "Rome", days=1), calling("b", "Rome", days=2), calling("c", "Oslo", days=3))
    # Of name, city and days, a and b share two, and the tool's name all three.
    assert scores == {"a": pytest.approx(1 / 2), "b": pytest.approx(1 / 2), "c": pytest.approx(1 / 3)}


async def test_a_call_and_a_text_do_not_agree_at_all():
    words = "Let me look at the weather in Rome"
    scores = await scored(calling("a", "Rome", words), boot("b", words))
    assert scores == {"a": 0.0, "b": 0.0}


async def test_calls_of_the_many_rank_before_the_text_of_one():
    scores = await scored(boot("a", ALIKE), calling("b", "Rome"), calling("c", "Rome"))
    assert scores["a"] < min(scores["b"], scores["c"])


async def test_a_boot_cut_before_its_call_is_no_worse_for_it():
    cut = boot("c", "")
    scores = await scored(calling("a", "Rome"), calling("b", "Oslo"), cut)
    assert scores["c"] == pytest.approx((scores["a"] + scores["b"]) / 2)


async def test_objects_agree_in_the_share_of_their_fields():
    request = make_request(response_format={"type": "json_object"})
    values = {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 3, "y": 3}}
    boots = [boot(name, str(value), key=canonical_object(value)) for name, value in values.items()]
    verdict = await ConsistencySelector().score(query(request=request), boots)
    assert verdict.by_candidate == {"a": 1 / 4, "b": 1 / 4, "c": 0.0}


async def test_answers_that_look_like_objects_agree_fully_or_not_where_none_was_asked_for():
    boots = [boot("a", ODD, key='{"x": 1, "y": 1}'), boot("b", ODD, key='{"x": 1, "y": 2}')]
    assert await scored(*boots) == {"a": 0.0, "b": 0.0}


CITIES = st.lists(st.none() | st.sampled_from(["Rome", "Oslo"]), min_size=2, max_size=5)


@given(CITIES, st.randoms())
async def test_scores_of_calls_and_texts_do_not_depend_on_the_order(cities, random):
    boots = [boot(str(n), ALIKE) if city is None else calling(str(n), city) for n, city in enumerate(cities)]
    scores = await scored(*boots)
    assert all(0 <= score <= 1 for score in scores.values())
    random.shuffle(boots)
    assert await scored(*boots) == pytest.approx(scores)
