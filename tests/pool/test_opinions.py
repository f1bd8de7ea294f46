"""Independent opinions: one for each model of a pool, `samples` for one that is sampled on purpose."""

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate, Pool
from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool.opinions import Reply, describe_shared, opinion_labels
from lightrouter_graph.testing import ScriptedChatModel

LONG_ID = "chatcmpl-0f9a31c2d4e5b6a7"


def model(name, address="http://127.0.0.1:1/v1"):
    return ChatOpenAI(model=name, base_url=address, api_key="none")


def pool(**names):
    return Pool([Candidate(key, model(name)) for key, name in names.items()])


def number_of_opinions(pool, *replies):
    labels = opinion_labels(pool.opinions, replies)
    return len({labels.get(name, name) for name in pool.names})


def test_models_of_different_names_have_an_opinion_each():
    assert pool(a="llama3.1:8b", b="llama3.1:70b", c="gpt-4o", d="gpt-4o-mini").opinions == {}


def test_one_model_at_two_addresses_has_one_opinion():
    found = Pool(
        [
            "vllm:meta-llama/Llama-3.1-8B-Instruct@http://127.0.0.1:1/v1",
            "vllm:llama3.1-8b-instruct@http://127.0.0.2:1/v1",
        ]
    )
    assert {opinion["model"] for opinion in found.opinions.values()} == {found.names[0]}
    assert number_of_opinions(found) == 1


def test_a_current_model_is_the_first_of_two_dated_ones():
    found = pool(a="gpt-4o", b="gpt-4o-2024-05-13", c="gpt-4o-2024-08-06")
    assert {name: opinion["model"] for name, opinion in found.opinions.items()} == {"a": "a", "b": "a"}


def test_a_placeholder_is_one_model_only_at_its_address():
    here, there = "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"
    assert (
        number_of_opinions(Pool([Candidate("a", model("default", here)), Candidate("b", model("default", there))])) == 2
    )
    assert (
        number_of_opinions(Pool([Candidate("a", model("default", here)), Candidate("b", model("default", here))])) == 1
    )


@pytest.mark.parametrize(
    "build", [lambda: FakeListChatModel(responses=["4"]), lambda: ScriptedChatModel(responses="4")]
)
def test_models_without_a_name_are_independent_unless_they_are_one_object(build):
    assert number_of_opinions(Pool([Candidate("a", build()), Candidate("b", build())])) == 2
    shared = build()
    assert number_of_opinions(Pool([Candidate("a", shared), Candidate("b", shared)])) == 1


def test_samples_repeat_a_candidate():
    found = Pool([Candidate("a", model("m-1"), samples=3, tags=("t",)), Candidate("b", model("m-2"))])
    assert found.names == ("a", "a#2", "a#3", "b")
    assert number_of_opinions(found) == 4
    assert found["a#3"].model is found["a"].model
    assert found["a#3"].learned is found["a"].learned
    assert Pool(found).names == found.names


def test_rows_of_one_model_count_toward_its_samples():
    found = Pool([Candidate("a", model("m-1"), samples=2), Candidate("b", model("m-1"))])
    assert found.names == ("a", "b")
    assert number_of_opinions(found) == 2
    more = Pool([Candidate("a", model("m-1"), samples=2), Candidate("b", model("m-1")), Candidate("c", model("m-1"))])
    assert number_of_opinions(more) == 2


@pytest.mark.parametrize("samples", [0, -1, True, 1.5, "2", None])
def test_samples_are_a_whole_number(samples):
    with pytest.raises(PoolError, match="samples of candidate 'a' must be a whole number >= 1"):
        Candidate("a", model("m-1"), samples=samples)


def test_a_copy_needs_a_free_name():
    with pytest.raises(PoolError, match=r"unique name.*'a#2'"):
        Pool([Candidate("a", model("m-1"), samples=2), Candidate("a#2", model("m-2"))])


def reply(name, reported=None, fingerprint=None, number="c1", text="It is 4."):
    metadata = {"model_name": reported, "system_fingerprint": fingerprint, "id": number}
    return Reply(name, text, {key: value for key, value in metadata.items() if value})


ALIASES = {"a": "fast", "b": "cheap", "c": "strong"}


@pytest.mark.parametrize(
    ("replies", "opinions"),
    [
        pytest.param([reply("a"), reply("b"), reply("c")], 3, id="nothing is known"),
        pytest.param([reply("a", fingerprint="fp_1"), reply("b", fingerprint="fp_1")], 3, id="fingerprint alone"),
        pytest.param([reply("a", "m-1"), reply("b", "m-1")], 3, id="reported name alone"),
        pytest.param([reply("a", "m-1", "fp_1"), reply("b", "m-2", "fp_1")], 3, id="other reported name"),
        pytest.param([reply("a", "m-1", "fp_1"), reply("b", "m-1", "fp_2")], 3, id="other fingerprint"),
        pytest.param([reply("a", "default", "b1"), reply("b", "default", "b1")], 3, id="a placeholder is reported"),
        pytest.param([reply("a", "m-1", "fp_1"), reply("b", "openai/M-1", "fp_1")], 2, id="both"),
        pytest.param([reply("b", "m-1", "f"), reply("a", "m-1", "f"), reply("c", "m-1", "f")], 1, id="all three"),
        pytest.param(
            [reply("a", "x-1", "f"), reply("b", "y-1", "f"), reply("a", "z-1", "f"), reply("b", "z-1", "f")],
            2,
            id="later",
        ),
        pytest.param([reply("a", number=LONG_ID), reply("b", number=LONG_ID)], 2, id="the same cached reply"),
        pytest.param([reply("a"), reply("b")], 3, id="a constant id"),
        pytest.param([reply("a", number=LONG_ID), reply("b", number=LONG_ID, text="5")], 3, id="an id of two texts"),
    ],
)
def test_replies_may_show_that_two_names_are_one_model(replies, opinions):
    assert number_of_opinions(pool(**ALIASES), *replies) == opinions


def test_samples_stay_apart_unless_a_cache_returned_one_reply():
    found = Pool([Candidate("a", model("m-1"), samples=2), Candidate("z", model("alias"))])
    same = [reply(name, "m-1", "fp_1") for name in ("a", "a#2")]
    assert number_of_opinions(found, *same) == 3
    assert number_of_opinions(found, *same, reply("z", "m-1", "fp_1")) == 2
    assert number_of_opinions(found, *(reply(name, number=LONG_ID) for name in ("a", "a#2"))) == 2


def test_the_reason_is_named():
    found = pool(a="gpt-4o", b="openai/gpt-4o", c="fast", d="cheap", e="strong")
    replies = [reply("c", "m-1", "fp_1"), reply("d", "m-1", "fp_1"), reply("e")]
    assert describe_shared(found.opinions, replies, found.names) == [
        "counted as one opinion: a, b (same model)",
        "counted as one opinion: c, d (the same reply, or the same reported model and fingerprint)",
    ]
