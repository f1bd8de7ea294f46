"""Mutual agreement of boots, by their words or by embeddings."""

import asyncio
import threading

import numpy as np
import pytest
from builders import boot, query
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from lightrouter_graph import ConsistencySelector
from lightrouter_graph.answers import canonical_object, canonical_tool_calls
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.request import make_request
from lightrouter_graph.selectors.consistency import embedding_similarity

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
    scores = await scored(boot("a", ALIKE, answer="15"), boot("b", ODD, answer="15"), boot("c", TOO, answer="16"))
    assert scores == {"a": 0.5, "b": 0.5, "c": 0.0}


async def test_boots_without_an_answer_are_compared_by_their_words():
    scores = await scored(boot("a", ALIKE, answer="15"), boot("b", ALIKE), boot("c", ODD))
    assert scores["b"] > scores["c"]


async def test_numbers_written_differently_do_not_hide_an_equal_text():
    scores = await scored(boot("a", ALIKE), boot("b", ALIKE))
    assert scores == {"a": pytest.approx(1.0), "b": pytest.approx(1.0)}


async def test_the_verdict_says_why_and_takes_no_call():
    verdict = await ConsistencySelector().score(query(), [boot("a", ALIKE, answer="15"), boot("b", ODD)])
    assert verdict.reasons["a"].startswith("answers 15; agrees ")
    assert verdict.reasons["b"].startswith("no answer yet; agrees ")
    assert verdict.selector == "consistency"
    assert verdict.spendings == ()


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
    boots = [boot("a", ALIKE, answer="15"), boot("b", ODD, answer="15")]
    assert await scored(*boots, embeddings=DeterministicFakeEmbedding(size=8)) == {"a": 1.0, "b": 1.0}


async def test_equal_texts_agree_fully_under_any_embedding():
    scores = await scored(boot("a", ALIKE), boot("b", ALIKE), embeddings=DeterministicFakeEmbedding(size=8))
    assert scores == {"a": pytest.approx(1.0), "b": pytest.approx(1.0)}


class ScriptedEmbeddings(Embeddings):
    """Returns or raises what it was given, whatever the texts; `asked` keeps the calls."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def embed_documents(self, texts):
        self.asked.append(list(texts))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def embed_query(self, text):
        raise NotImplementedError


class LetterEmbeddings(Embeddings):
    """Counts of a, b and c."""

    def embed_documents(self, texts):
        return [[float(text.count(letter)) for letter in "abc"] for text in texts]

    def embed_query(self, text):
        raise NotImplementedError


async def test_cosine_of_every_pair():
    got = await embedding_similarity(["a", "aaa", "b", "ab"], LetterEmbeddings())
    half = pytest.approx(np.sqrt(0.5))
    assert got.tolist() == [[1, 1, 0, half], [1, 1, 0, half], [0, 0, 1, half], [half, half, half, 1]]


@pytest.mark.parametrize("vectors", [[[1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
async def test_opposite_vectors_and_zero_vectors_have_similarity_0(vectors):
    got = await embedding_similarity(["x", "y"], ScriptedEmbeddings(vectors))
    assert got.tolist() == [[1, 0], [0, 1]]


async def test_empty_texts_have_similarity_0_and_are_not_sent():
    model = ScriptedEmbeddings([[1.0], [2.0]])
    got = await embedding_similarity(["x", "", "y", " \n"], model)
    assert model.asked == [["x", "y"]]
    assert got.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("texts", [[], ["x"], ["", "x"], ["", ""]])
async def test_the_embeddings_are_not_called_without_a_pair(texts):
    model = ScriptedEmbeddings([])
    assert (await embedding_similarity(texts, model)).tolist() == np.eye(len(texts)).tolist()
    assert model.asked == []


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ([[1.0, 2.0]], r"expected 2 vectors.*shape \(1, 2\)"),
        ([[1.0]] * 3, r"expected 2 vectors.*shape \(3, 1\)"),
        ([], r"shape \(0,\)"),
        ([[], []], r"shape \(2, 0\)"),
        ([1.0, 2.0], r"shape \(2,\)"),
        ([[1.0, 2.0], [1.0]], r"lengths \[2, 1\]"),
        ([["one"], ["two"]], r"lengths \[1, 1\]"),
        (None, r"shape \(\)"),
        (object(), "a object"),
        ([[1.0], [float("nan")]], "NaN or infinity in number 1 of 2"),
        ([[float("inf")], [1.0]], "NaN or infinity in number 0 of 2"),
    ],
)
async def test_unusable_vectors_are_named(answer, named):
    with pytest.raises(SelectionError, match=named):
        await embedding_similarity(["x", "y"], ScriptedEmbeddings(answer))


async def test_an_exception_of_the_embeddings_propagates():
    with pytest.raises(ConnectionError, match="no route"):
        await embedding_similarity(["x", "y"], ScriptedEmbeddings(ConnectionError("no route")))


async def test_vectors_are_converted_outside_of_the_event_loop():
    converted_in = []

    class Vectors(list):
        def __array__(self, dtype=None, copy=None):
            converted_in.append(threading.current_thread())
            return np.array(list(self), dtype=dtype)

    await embedding_similarity(["x", "y"], ScriptedEmbeddings(Vectors([[1.0], [2.0]])))
    assert len(converted_in) == 1
    assert threading.current_thread() not in converted_in


VECTORS = npst.arrays(
    np.float64,
    st.tuples(st.integers(2, 6), st.integers(1, 5)),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)


@given(VECTORS, st.randoms(use_true_random=False))
def test_similarity_is_symmetric_bounded_and_independent_of_the_order(rows, random):
    def similarity(rows):
        return asyncio.run(embedding_similarity(["x"] * len(rows), ScriptedEmbeddings(rows.tolist())))

    got = similarity(rows)
    assert np.array_equal(got, got.T)
    assert np.all((got >= 0) & (got <= 1))
    assert np.all(np.diag(got) == 1)
    order = random.sample(range(len(rows)), len(rows))
    np.testing.assert_allclose(similarity(rows[order]), got[np.ix_(order, order)], atol=1e-11)


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
    proposal = {"content": text, "tool_calls": calls, "additional_kwargs": {}}
    return boot(candidate, text, finished=True, answer=canonical_tool_calls(calls), proposal=proposal)


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
    boots = [boot(name, str(value), answer=canonical_object(value)) for name, value in values.items()]
    verdict = await ConsistencySelector().score(query(request=request), boots)
    assert verdict.by_candidate == {"a": 1 / 4, "b": 1 / 4, "c": 0.0}


async def test_answers_that_look_like_objects_agree_fully_or_not_where_none_was_asked_for():
    boots = [boot("a", ODD, answer='{"x": 1, "y": 1}'), boot("b", ODD, answer='{"x": 1, "y": 2}')]
    assert await scored(*boots) == {"a": 0.0, "b": 0.0}


CITIES = st.lists(st.none() | st.sampled_from(["Rome", "Oslo"]), min_size=2, max_size=5)


@given(CITIES, st.randoms())
async def test_scores_of_calls_and_texts_do_not_depend_on_the_order(cities, random):
    boots = [boot(str(n), ALIKE) if city is None else calling(str(n), city) for n, city in enumerate(cities)]
    scores = await scored(*boots)
    assert all(0 <= score <= 1 for score in scores.values())
    random.shuffle(boots)
    assert await scored(*boots) == pytest.approx(scores)
