"""Does a boot predict the full answer? The first check the paper leaves undone."""

from collections.abc import Sequence

from lightrouter_graph.evaluation.experiments.ablations import BOOT_TOKENS
from lightrouter_graph.evaluation.experiments.base import ByMethod, Curves, Experiment, Findings
from lightrouter_graph.evaluation.figures.predictiveness import (
    BootScore,
    measure_predictiveness,
    predictiveness_curves,
    read_boot_scores,
)
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Interval

SELECTORS = ("consistency", "hybrid", "random")
"""Random is the control: what its figures show is noise."""

_FIGURES = {
    "pearson": "Pearson within question",
    "spearman": "Spearman within question",
    "auc_within": "AUC within question",
    "auc_pooled": "AUC over all questions",
}


def predictiveness(*, judged: bool = False) -> Experiment:
    """Score the boots of all candidates at each length, and hold the scores against those of the full answers.

    Args:
        judged: Whether there is a model that can rank boots.
    """
    selectors = (*SELECTORS, "llm") if judged else SELECTORS
    grid = {selector: {length: _method(selector, length) for length in BOOT_TOKENS} for selector in selectors}

    def find(results: ByMethod, questions: Sequence[Question]) -> Findings:
        curves: Curves = {}
        notes: list[str] = []
        for selector, row in grid.items():
            rows: list[BootScore] = []
            for length, method in row.items():
                rows += read_boot_scores(results.get(method, ()), questions, length)
            measured = measure_predictiveness(rows) if rows else []
            for figure, points in predictiveness_curves(measured).items():
                curves[f"{_FIGURES[figure]} / {selector}"] = points
            notes += [
                f"{selector}, {at['length']} boot tokens: Spearman within question {_told(at['spearman'])}, AUC within "
                f"question {_told(at['auc_within'])}, over {at['mixed']} questions with right and wrong candidates"
                for at in measured
            ]
        return Findings(curves, tuple(notes))

    return Experiment(
        name="predictiveness",
        title="Does a boot predict the full answer?",
        methods=("best-single", *(method for row in grid.values() for method in row.values())),
        against=("best-single",),
        find=find,
        notes=(
            "Each method of the table lets all candidates boot and the best-ranked one answer; the curves compare the "
            "selector's score of each boot with the score of the same candidate's full answer. Within a question they "
            "tell the candidates apart, which is a selector's task; over all questions they also credit it for telling "
            "easy questions from hard ones. `hybrid` has the prior in it, `random` is the control.",
        ),
    )


def _method(selector: str, length: int) -> str:
    return f"lightrouter-by-{selector}:boot_tokens={length},top_k=1"


def _told(figure: Interval | None) -> str:
    return (
        "not measurable" if figure is None else f"{figure['value']:+.2f} [{figure['low']:+.2f}, {figure['high']:+.2f}]"
    )
