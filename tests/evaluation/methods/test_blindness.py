"""What methods may know: other questions' scores, and of the question they answer nothing but its text."""

from dataclasses import replace

import pytest
from evaluation.toys import Toy, random_questions, run_fitted, toy

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Need
from lightrouter_graph.evaluation.methods.registry import baseline_named, usual_baselines

NAMES = "abcd"
OFFERED: frozenset[Need] = frozenset({"history", "samples", "writer"})
METHODS = [m.name for m in usual_baselines(NAMES, OFFERED) if "oracle" not in m.name]
PRICES = {"a": (3.0, 9.0), "b": (1.0, 2.0), "c": (0.5, 0.5), "d": (0.1, 0.3)}


@pytest.fixture(scope="module")
def world() -> Toy:
    asked, history = random_questions(1, NAMES, 8), random_questions(2, NAMES, 40, start=100)
    return toy(asked, history=history, prices=PRICES)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_answers_alike_with_and_without_the_reference(name: str, world: Toy) -> None:
    blind = [replace(q, outputs={}, reference=None, category=None) for q in world.asked]
    fitted = baseline_named(name).fit(world.setting)
    seeing, unseeing = run_fitted(fitted, world.asked), run_fitted(fitted, blind)
    assert [one.reply for one in seeing] == [one.reply for one in unseeing]
    assert [one.names for one in seeing] == [one.names for one in unseeing]
    assert all(one.reply for one in seeing)


@pytest.mark.parametrize("name", ["best-single", "top-2", "weighted-vote", "cascade", "router-50"])
def test_what_is_learnt_comes_from_the_history(name: str, world: Toy) -> None:
    other = random_questions(9, NAMES, 40, start=300)
    upside_down = [
        replace(q, outputs={n: replace(o, score=1 - (o.score or 0)) for n, o in q.outputs.items()}) for q in other
    ]
    method = baseline_named(name)
    taught = method.fit(replace(world.setting, history=upside_down))
    told = [one.reply for one in run_fitted(method.fit(world.setting), world.asked)]
    assert told != [one.reply for one in run_fitted(taught, world.asked)]


@pytest.mark.parametrize("name", ["cascade", "router-50"])
def test_a_learning_method_rejects_a_history_without_scores(name: str, world: Toy) -> None:
    unscored = [
        replace(q, outputs={n: replace(o, score=None) for n, o in q.outputs.items()}) for q in world.setting.history
    ]
    for history in ((), unscored):
        with pytest.raises(EvaluationError, match=f"'{name}' learns from scored outputs"):
            baseline_named(name).fit(replace(world.setting, history=history))
