"""How do errors spread over layers? Boots with injected errors, and what re-selection makes of them."""

from collections.abc import Sequence

from lightrouter_graph.evaluation.experiments.base import ByMethod, Curves, Experiment, Findings, quality_point
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.evaluation.stats.bootstrap import paired

PERCENTS = (0, 25, 50, 75, 100)
TOLD = (50, 100)
"""The shares of which the findings tell."""

LAYERS = 3


def corruption() -> Experiment:
    """Make boots of layer 1, 2 or 3 of three wrong, and those of the only layer of one; live only."""
    places = {f"layer {layer} of {LAYERS}": (layer, LAYERS) for layer in range(1, LAYERS + 1)}
    places["the only layer"] = (1, 1)
    grid = {
        place: {percent: _method(percent, layer, layers) for percent in PERCENTS}
        for place, (layer, layers) in places.items()
    }

    def find(results: ByMethod, questions: Sequence[Question]) -> Findings:  # noqa: ARG001
        curves: Curves = {}
        notes: list[str] = []
        for place, row in grid.items():
            ran = {percent: _of(results, method) for percent, method in row.items()}
            points = [quality_point(float(percent), found, f"{percent} %") for percent, found in ran.items() if found]
            curves[f"quality by boots made wrong / {place}"] = [point for point in points if point is not None]
            notes += [note for percent in TOLD for note in _falls(place, ran[0], ran[percent], percent)]
        return Findings({name: points for name, points in curves.items() if points}, tuple(notes))

    return Experiment(
        name="corruption",
        title="Injected errors",
        methods=tuple(dict.fromkeys(method for row in grid.values() for method in row.values())),
        against=(grid["the only layer"][0],),
        find=find,
        notes=(
            "In a boot that is made wrong the last number is changed into another one. Whoever is chosen goes on from "
            "its own boot. Later layers boot and rank anew, conditioned on the draft where the models read one. The "
            "models that come with the package read none: with them a later layer forgets the error by construction.",
        ),
        live_only=True,
    )


def _method(percent: int, layer: int, layers: int) -> str:
    """Name the method; without errors all layers are alike, so one run is the start of every curve."""
    return f"corrupted-{percent}-in-{layer if percent else 1}-of-{layers}"


def _of(results: ByMethod, method: str) -> Sequence[Result]:
    return next((found for name, found in results.items() if name.partition(":")[0] == method), ())


def _falls(place: str, clean: Sequence[Result], wrong: Sequence[Result], percent: int) -> list[str]:
    """Say how far quality falls when so many boots are made wrong."""
    scores = {result["question"]: result["score"] or 0.0 for result in clean}
    both = [result for result in wrong if result["question"] in scores]
    fall = paired([result["score"] or 0.0 for result in both], [scores[result["question"]] for result in both])
    if fall is None:
        return []
    low, value, high = (100 * fall[end] for end in ("low", "value", "high"))
    return [f"With {percent} % of the boots made wrong in {place}: {value:+.1f} points [{low:+.1f}, {high:+.1f}]."]
