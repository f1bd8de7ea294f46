"""Does a boot predict the full answer? The first check the paper leaves undone."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from lightrouter_graph.evaluation.experiments.ablations import BOOT_TOKENS
from lightrouter_graph.evaluation.experiments.base import ByMethod, Curves, Experiment, Findings
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Interval, Result, RouteBoot
from lightrouter_graph.evaluation.stats.predictiveness import (
    Predictiveness,
    measure_predictiveness,
    predictiveness_curves,
    read_boot_scores,
)

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
        by_selector = {
            selector: {length: results.get(method, ()) for length, method in row.items()}
            for selector, row in grid.items()
        }
        by_selector["prior alone"] = {
            length: [_by_prior(result) for result in found] for length, found in by_selector["hybrid"].items()
        }
        curves: Curves = {}
        notes: list[str] = []
        left_out = lengths_without_more(by_selector)
        for selector, runs in by_selector.items():
            told = {length: found for length, found in runs.items() if length not in left_out}
            rows = [row for length, found in told.items() for row in read_boot_scores(found, questions, length)]
            measured = measure_predictiveness(rows) if rows else []
            for figure, points in predictiveness_curves(measured).items():
                curves[f"{_FIGURES[figure]} / {selector}"] = points
            notes += [_sentence(selector, measured)] if measured else []
        return Findings({name: points for name, points in curves.items() if points}, (*notes, *_told_of(left_out)))

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
            "easy questions from hard ones. `hybrid` is consistency and prior, `prior alone` the candidate's place on "
            "the other folds without any boot, `random` the control. Questions whose boots all finished and agreed are "
            "not ranked, and so not here.",
        ),
    )


def _method(selector: str, length: int) -> str:
    return f"lightrouter-by-{selector}:boot_tokens={length},top_k=1"


def _by_prior(result: Result) -> Result:
    """Return the same run as if the prior had scored the boots."""
    route = result["route"]
    if route is None:
        return result
    boots = [boot if boot["score"] is None else _scored_by_prior(boot) for boot in route["boots"]]
    return {**result, "route": {**route, "boots": boots}}


def _scored_by_prior(boot: RouteBoot) -> RouteBoot:
    return {**boot, "score": boot["prior"]}


def lengths_without_more(by_selector: Mapping[str, Mapping[int, Sequence[Result]]]) -> tuple[int, ...]:
    """Return the boot lengths at which no boot was longer than at the length before, so that nothing can differ.

    Args:
        by_selector: For each selector the results at each length, shortest first.
    """
    written: dict[int, dict[tuple[str, str, str], int]] = {}
    for selector, runs in by_selector.items():
        for length, found in runs.items():
            boots = {(selector, result["question"], boot["candidate"]): boot for result, boot in _boots(found)}
            written.setdefault(length, {}).update({key: boot["tokens"] for key, boot in boots.items()})
    lengths = [length for length in sorted(written) if written[length]]
    return tuple(
        length
        for before, length in pairwise(lengths)
        if all(tokens <= written[before].get(key, -1) for key, tokens in written[length].items())
    )


def _boots(found: Sequence[Result]) -> Iterator[tuple[Result, RouteBoot]]:
    for result in found:
        for boot in result["route"]["boots"] if result["route"] else ():
            yield result, boot


def _told_of(left_out: Sequence[int]) -> list[str]:
    if not left_out:
        return []
    lengths = ", ".join(map(str, left_out))
    return [f"Left out: {lengths} boot tokens; no boot was longer than at the length before: all answers are shorter."]


def _sentence(selector: str, measured: Sequence[Predictiveness]) -> str:
    """Say Spearman at each boot length, and over how many questions."""
    first, *others = (f"{at['length']}{{}}: {_told(at['spearman'])}" for at in measured)
    by_length = "; ".join([first.format(" boot tokens"), *(other.format("") for other in others)])
    counts = sorted({at["varied"] for at in measured})
    over = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return f"{selector}, Spearman within question: {by_length} (over the {over} questions where both scores vary)."


def _told(figure: Interval | None) -> str:
    return (
        "not measurable" if figure is None else f"{figure['value']:+.2f} [{figure['low']:+.2f}, {figure['high']:+.2f}]"
    )
