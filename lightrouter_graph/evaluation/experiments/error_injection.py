"""Error injection: effect of wrong boots on quality, by layer and share of the boots."""

from collections.abc import Sequence

from lightrouter_graph.evaluation.experiments.base import ByMethod, Experiment, Findings, quality_gain, quality_point
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Result

PERCENTS = (0, 25, 50, 75, 100)
REPORTED = (50, 100)
"""Percentages in the findings."""

LAYERS = 3


def corruption() -> Experiment:
    """Return the experiment with wrong boots in layer 1, 2 or 3 of three, or in a single layer; live only."""
    places = {f"layer {layer} of {LAYERS}": (layer, LAYERS) for layer in range(1, LAYERS + 1)}
    places["the only layer"] = (1, 1)
    grid = {place: {percent: _method(percent, *layer) for percent in PERCENTS} for place, layer in places.items()}

    def find(results: ByMethod, questions: Sequence[Question]) -> Findings:  # noqa: ARG001
        curves, notes = {}, list[str]()
        for place, row in grid.items():
            ran = {percent: _of(results, method) for percent, method in row.items()}
            points = [quality_point(float(percent), found, f"{percent} %") for percent, found in ran.items() if found]
            curves[f"quality by share of wrong boots / {place}"] = points
            for percent in REPORTED:
                if gain := quality_gain(ran[percent], ran[0]):
                    notes.append(f"With {percent} % wrong boots in {place}: {gain}.")
        return Findings.measured(curves, notes)

    return Experiment(
        name="corruption",
        title="Injected errors",
        methods=tuple(dict.fromkeys(method for row in grid.values() for method in row.values())),
        against=(grid["the only layer"][0],),
        find=find,
        notes=(
            "In a wrong boot the last number is replaced by another one. A selected candidate continues its own boot. "
            "Later layers boot and rank again, conditioned on the draft if the models read it. The small models of "
            "this package do not read drafts, so that their later layers cannot inherit an error.",
        ),
        live_only=True,
    )


def _method(percent: int, layer: int, layers: int) -> str:
    """Return the name of the method; without errors all layers are equal and share one run."""
    return f"corrupted-{percent}-in-{layer if percent else 1}-of-{layers}"


def _of(results: ByMethod, method: str) -> Sequence[Result]:
    return next((found for name, found in results.items() if name.partition(":")[0] == method), ())
