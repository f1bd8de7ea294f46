"""What the fan-outs of `boot` and `generate` query, on plain dict states; and which candidates `Router` plans next."""

import pytest
from builders import FAILED, answer, boot, finished, lost, ranking, state
from helpers import calls_of, scripted

from lightrouter_graph import Context, default_key
from lightrouter_graph.llm.request import PLAIN
from lightrouter_graph.nodes import BootNode, GenerateNode
from lightrouter_graph.nodes.parts import make_router
from lightrouter_graph.runtime.node_runnable import NodeRun
from lightrouter_graph.runtime.run_scope import RunScope
from lightrouter_graph.state_queries import LayerView

FIXED = Context(top_k=2, agree=None)
TWO_LAYERS = Context(top_k=2, agree=None, layers=2)


def ranked(*boots, settings=FIXED, **others):
    order = [b["candidate"] for b in boots if b["failure"] is None]
    return state(settings=settings, boots=list(boots), rankings=[ranking(*order)], **others)


def router(pool=None):
    pool = pool or scripted(a="It is 4.", b="It is 4.", c="It is 5.")
    return make_router(pool, key=default_key, context=Context(), request=PLAIN)


class Run(NodeRun):
    """A node outside of a graph."""

    store = None

    async def checkpointed(self, name, work):
        return await work()


RUN = Run(RunScope(), {})


def planned(at):
    return router().plan_answers(LayerView(at), RUN)["next_candidates"]


def test_the_k_best_answer_in_full():
    assert planned(ranked(boot("b"), boot("c"), boot("a"))) == ["b", "c"]


def test_a_finished_boot_among_the_k_best_is_not_queried_again():
    assert planned(ranked(finished("a", "4"), boot("b"), boot("c"))) == ["b"]


@pytest.mark.parametrize("settings", [FIXED, TWO_LAYERS, Context()])
def test_no_candidate_is_queried_once_boots_settle_the_answer(settings):
    assert planned(ranked(finished("a", "4"), finished("b", "4"), settings=settings)) == []


def test_enough_finished_boots_under_a_fixed_k_suffice_even_when_they_differ():
    assert planned(ranked(finished("a", "4"), finished("b", "5"), boot("c"))) == []


def test_an_inner_layer_without_boots_queries_those_that_have_not_booted():
    at = ranked(boot("a", failure=FAILED), settings=TWO_LAYERS, first_wave=["a"])
    assert planned(at) == ["b", "c"]


def test_once_the_deadline_has_passed_no_candidate_is_queried():
    assert planned(ranked(boot("a"), boot("b"), deadline_exceeded=True)) == []


def test_where_no_candidate_is_left_none_is_queried():
    assert planned(ranked(*(boot(name, failure=FAILED) for name in "abc"))) == []


def test_answers_that_agree_stop_the_queries():
    at = ranked(boot("a"), boot("b"), boot("c"), settings=Context(), answers=[answer("a", "4"), answer("b", "4")])
    assert planned(at) == []


def test_while_they_do_not_agree_the_next_in_rank_is_queried_alone():
    at = ranked(boot("a"), boot("b"), boot("c"), settings=Context(), answers=[answer("a", "4"), answer("b", "5")])
    assert planned(at) == ["c"]


def test_the_next_in_rank_replaces_a_failed_candidate():
    assert planned(ranked(boot("a"), boot("b"), boot("c"), answers=[answer("a"), lost("b")])) == ["c"]


async def prompts_of(at, name="a"):
    pool = scripted(a="It is 4.", b="It is 4.", c="It is 5.")
    fan_out = GenerateNode(router(pool))(at, RUN)
    update = await fan_out.query(name)
    return [message.text for message in calls_of(pool, name)[-1].messages], update["answers"][0]


async def test_a_candidate_is_conditioned_on_its_own_boot_only():
    texts, given = await prompts_of(ranked(boot("a", "from a"), boot("b", "from b"), next_candidates=["a"]), "b")
    assert len(texts) == 1
    assert given["via"] == "regeneration"


async def test_under_shared_conditioning_it_gets_the_boots_of_the_selected():
    at = ranked(boot("a", "from a"), boot("b", "from b"), boot("c", "from c"), next_candidates=["a"])
    at["settings"]["conditioning"] = "shared"
    texts, _ = await prompts_of(at)
    assert "from a" in texts[-1]
    assert "from b" in texts[-1]
    assert "from c" not in texts[-1]


async def test_each_boot_of_the_next_layer_is_conditioned_on_the_draft():
    pool = scripted(a="It is 4.", b="It is 4.")
    draft = {"layer": 1, "text": "Perhaps four.", "candidates": ["a", "b"]}
    at = state("ab", TWO_LAYERS, layer=2, drafts=[draft])
    fan_out = BootNode(router(pool))(at, RUN)
    assert list(fan_out.names) == ["a", "b"]
    update = await fan_out.query("a")
    assert "Perhaps four." in calls_of(pool, "a")[-1].messages[-1].text
    assert update["boots"][0]["layer"] == 2


@pytest.mark.parametrize(
    ("names", "settings", "streams"),
    [
        ("a", Context(), True),
        ("ab", Context(), False),
        ("ab", Context(top_k=1, agree=None), True),
        ("ab", Context(top_k=2, agree=None), False),
    ],
)
async def test_only_an_answer_that_must_be_the_final_one_streams(names, settings, streams):
    _, given = await prompts_of(state(names, settings, first_wave=["a"], next_candidates=["a"]))
    assert (given["message_id"] is not None) is streams


async def test_where_a_finished_boot_could_still_be_the_answer_nothing_streams():
    best = Context(top_k=1, agree=None)
    _, alone = await prompts_of(ranked(boot("a"), boot("b"), settings=best, next_candidates=["a"]))
    _, beside = await prompts_of(ranked(boot("a"), finished("b", "4"), settings=best, next_candidates=["a"]))
    assert (alone["message_id"] is not None, beside["message_id"] is not None) == (True, False)
