"""Choosing a setting under a budget, against brute force."""

import pytest
from evaluation.experiments.made import result
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.evaluation.experiments.equal_cost import choose, equal_cost
from lightrouter_graph.evaluation.methods.registry import named

CELLS = st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 40))


@given(
    table=st.lists(st.lists(CELLS, min_size=6, max_size=6), min_size=1, max_size=4),
    folds=st.lists(st.integers(0, 2), min_size=6, max_size=6),
    budget=st.integers(1, 40),
)
def test_it_is_the_best_that_the_other_folds_would_have_chosen(table: list, folds: list[int], budget: int) -> None:
    names = [f"m{number}" for number in range(len(table))]
    results = {
        name: [result(name, f"q{i}", score, tokens, folds[i]) for i, (score, tokens) in enumerate(row)]
        for name, row in zip(names, table, strict=True)
    }
    expected: list | None = []
    for fold in sorted(set(folds)):
        seen = [i for i in range(6) if folds[i] != fold]
        fitting = [row for row in table if seen and sum(row[i][1] for i in seen) <= budget * len(seen)]
        if not fitting or expected is None:
            expected = None
            continue
        best = max(sum(row[i][0] for i in seen) for row in fitting)
        chosen = next(row for row in fitting if sum(row[i][0] for i in seen) == best)
        expected.append((names[table.index(chosen)], [chosen[i] for i in range(6) if folds[i] == fold]))
    choice = choose(names, results, budget)
    if expected is None:
        assert choice is None
        return
    assert choice is not None
    cells = [(r["score"], r["input_tokens"] + r["output_tokens"]) for r in choice.results]
    assert cells == [cell for _, row in expected for cell in row]


def test_its_own_fold_has_no_say() -> None:
    folds = [0, 0, 1, 1]
    lucky = [result("lucky", f"q{i}", float(fold == 0), 10, fold) for i, fold in enumerate(folds)]
    steady = [result("steady", f"q{i}", float(fold == 1), 10, fold) for i, fold in enumerate(folds)]
    choice = choose(["lucky", "steady"], {"lucky": lucky, "steady": steady}, 10)
    assert choice is not None
    assert choice.settings == ("steady", "lucky")
    assert [r["score"] for r in choice.results] == [0.0] * 4


def test_a_failure_counts_as_wrong_and_costs() -> None:
    rows = {
        "a": [result("a", f"q{i}", None, 10, i % 2, error="no") for i in range(4)],
        "b": [result("b", f"q{i}", 0.5, 10, i % 2) for i in range(4)],
    }
    choice = choose(["a", "b"], rows, 10)
    assert choice is not None
    assert choice.settings == ("b", "b")


def test_families_have_a_point_at_each_budget_they_can_pay_and_ours_is_held_against_the_best() -> None:
    experiment = equal_cost(["a", "b", "c"])
    tokens = {name: (100 if name.startswith(("majority", "moa")) else 20) for name in experiment.methods}
    rows = {
        name: [
            result(name, f"q{i}", float(name.startswith("lightrouter") or i % 2), tokens[name], i % 2)
            for i in range(20)
        ]
        for name in experiment.methods
    }
    found = experiment.find(rows, [])
    points = {name.rpartition(" / ")[2]: [point["x"] for point in row] for name, row in found.curves.items()}
    assert points["LightRouter"] == pytest.approx([20, 25, 30, 40, 50, 60, 80, 100])
    assert points["Mixture-of-Agents"] == [100]
    assert "LightRouter +0.0" not in found.notes[0]
    assert len(found.notes) == 8
    assert all(named(name).name == name for name in experiment.methods)
    assert len(set(experiment.methods)) == len(experiment.methods)


@pytest.mark.parametrize(("width", "k"), [(1, 2), (2, 5), (3, 2)])
def test_the_settings_of_ours_are_in_it(width: int, k: int) -> None:
    assert f"lightrouter:width={width},top_k={k}" in equal_cost(["a", "b"]).methods


def test_a_cascade_may_spend_more_where_there_is_more_to_spend() -> None:
    offered = {"cascade-50", "cascade", "cascade-200", "cascade-400"}
    experiment = equal_cost(["a", "b"])
    assert offered <= set(experiment.methods)
    rows = {
        name: [
            result(name, f"q{i}", float(name == "cascade-400"), 90 if name == "cascade-400" else 20, i % 2)
            for i in range(20)
        ]
        for name in experiment.methods
    }
    rows["majority"] = [result("majority", f"q{i}", 0.0, 100, i % 2) for i in range(20)]
    curve = experiment.find(rows, []).curves["quality at equal token budgets / cascade"]
    assert {point["x"]: point["y"]["value"] for point in curve} == {
        float(x): float(x == 100) for x in (20, 25, 30, 40, 50, 60, 80, 100)
    }


def test_a_family_without_settings_has_no_say() -> None:
    experiment = equal_cost(["a", "b"])  # two candidates leave nothing to draw at random
    rows = {name: [result(name, f"q{i}", 1.0, 20, i % 2) for i in range(4)] for name in experiment.methods}
    found = experiment.find(rows, [])
    assert not any("random" in name for name in found.curves)
    assert found.notes[-1].startswith("At 20 tokens (100 % of full answers of all candidates, prompts included): ")
    assert found.notes[-1].endswith(", the best other family, selected by these results.")
