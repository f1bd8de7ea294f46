"""Every experiment has a point per value, from the results of the methods it runs."""

import pytest
from evaluation.experiments.made import result

from lightrouter_graph.evaluation.experiments.ablations import BOOT_TOKENS, LAYERS, TOP_K, boot_tokens, layers, top_k
from lightrouter_graph.evaluation.experiments.base import Experiment, quality_point, tokens_point
from lightrouter_graph.evaluation.experiments.error_injection import PERCENTS, corruption
from lightrouter_graph.evaluation.experiments.main_table import everything
from lightrouter_graph.evaluation.methods.registry import named


def rows(experiment: Experiment) -> dict:
    return {
        name: [result(name, f"q{i}", (i + place) % 3 / 2, 10 + place, i % 2) for i in range(6)]
        for place, name in enumerate(experiment.methods)
    }


@pytest.mark.parametrize(
    ("experiment", "values", "bases"),
    [
        (boot_tokens(), BOOT_TOKENS, 3),
        (top_k(), TOP_K, 4),
        (layers(judged=True), LAYERS, 1),
        (layers(judged=False), LAYERS, 1),
    ],
)
def test_an_ablation_has_a_point_per_value(experiment: Experiment, values: tuple[int, ...], bases: int) -> None:
    found = rows(experiment)
    curves = experiment.find(found, []).curves
    assert len(curves) == 2 * bases
    for name, points in curves.items():
        assert [point["x"] for point in points] == list(values)
        base = name.rpartition(" / ")[2]
        setting = experiment.name.removeprefix("ablate-").replace("-", "_")
        for point in points:
            of_it = found[f"{base}:{setting}={int(point['x'])}"]
            figure = [r["score"] if name.startswith("quality") else r["output_tokens"] for r in of_it]
            assert point["y"]["value"] == pytest.approx(sum(figure) / 6)
    assert all(named(name).name == name for name in experiment.methods)


def test_what_did_not_run_has_no_point() -> None:
    experiment = top_k()
    found = {name: row for name, row in rows(experiment).items() if name.endswith("=3")}
    curves = experiment.find(found, []).curves
    assert all([point["x"] for point in points] == [3] for points in curves.values())
    assert experiment.find({}, []).curves == {}


def test_error_injection_has_a_point_per_share_and_reports_the_loss() -> None:
    experiment = corruption()
    found = {
        name: [result(name, f"q{i}", float(i >= int(name.split("-")[1]) / 10), 10, i % 2) for i in range(10)]
        for name in experiment.methods
    }
    findings = experiment.find(found, [])
    assert len(findings.curves) == 4
    for points in findings.curves.values():
        assert [point["x"] for point in points] == list(PERCENTS)
        assert [point["y"]["value"] for point in points] == [1.0, 0.7, 0.5, 0.2, 0.0]
    places = [f"layer {layer} of 3" for layer in (1, 2, 3)] + ["the only layer"]
    begins = [
        f"With {percent} % wrong boots in {place}: -{percent}.0 points [" for place in places for percent in (50, 100)
    ]
    assert [note[: len(begin)] for note, begin in zip(findings.notes, begins, strict=True)] == begins
    assert all(named(name).name == name for name in experiment.methods)


def test_without_errors_one_run_is_the_start_of_all_curves_of_as_many_layers() -> None:
    methods = corruption().methods
    assert len(methods) == len(set(methods)) == 4 * (len(PERCENTS) - 1) + 2
    clean = [named(name).label for name in methods if name.startswith("corrupted-0-")]
    assert clean == ["no boot wrong, 3 layers", "no boot wrong, 1 layer"]


def test_a_failure_counts_as_wrong_and_unscored_results_have_no_point() -> None:
    failed = [result("m", "q0", None, 10, error="no"), result("m", "q1", 1.0, 20)]
    assert quality_point(1, failed)["y"]["value"] == 0.5
    assert quality_point(1, [result("m", "q0", None, 10)]) is None
    assert tokens_point(1, [result("m", "q0", None, 11), result("m", "q1", None, 21)])["y"]["value"] == 8 + 0.5


def test_the_table_has_supported_methods_and_lists_the_others() -> None:
    offline = everything(["a", "b", "c", "d"], frozenset({"history"}))
    assert "lightrouter-paper" not in offline.methods
    assert any("LightRouter as in the paper is left out: it needs a judge model" in note for note in offline.notes)
    judged = everything(["a", "b", "c", "d"], frozenset({"history", "samples", "live", "judge", "writer"}))
    assert {"lightrouter-paper", "self-moa"} <= set(judged.methods)
    assert everything(["a", "b"], frozenset(), ["majority"]).methods == ("majority",)
