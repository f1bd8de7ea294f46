"""Predictiveness: correlation between the selector's score of a boot and the score of the full answer."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from lightrouter_graph.evaluation.experiments.ablations import BOOT_TOKENS
from lightrouter_graph.evaluation.experiments.base import ByMethod, Experiment, Findings
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Interval, Result, RouteBoot
from lightrouter_graph.evaluation.stats.predictiveness import (
    Predictiveness,
    measure_predictiveness,
    predictiveness_curves,
    read_boot_scores,
)

SELECTORS = ("consistency", "hybrid", "random")
"""The random selector is the control."""

_FIGURES = {
    "pearson": "Pearson within question",
    "spearman": "Spearman within question",
    "auc_within": "AUC within question",
    "auc_pooled": "AUC over all questions",
}


def predictiveness(*, judged: bool = False) -> Experiment:
    """Return the experiment that scores the boots of all candidates at each boot length; `judged` if a judge can."""
    selectors = (*SELECTORS, "llm") if judged else SELECTORS
    grid = {selector: {length: _method(selector, length) for length in BOOT_TOKENS} for selector in selectors}

    def find(results: ByMethod, questions: Sequence[Question]) -> Findings:
        by_selector = {
            name: {length: results.get(run, ()) for length, run in row.items()} for name, row in grid.items()
        }
        ranked = by_selector["hybrid"].items()
        by_selector["prior alone"] = {length: [_by_prior(result) for result in found] for length, found in ranked}
        curves, notes = {}, list[str]()
        left_out = _lengths_without_more(by_selector)
        for selector, runs in by_selector.items():
            kept = {length: found for length, found in runs.items() if length not in left_out}
            rows = [row for length, found in kept.items() for row in read_boot_scores(found, questions, length)]
            measured = measure_predictiveness(rows) if rows else []
            for figure, points in predictiveness_curves(measured).items():
                curves[f"{_FIGURES[figure]} / {selector}"] = points
            notes += [_sentence(selector, measured)] if measured else []
        if left_out:
            lengths = ", ".join(map(str, left_out))
            notes.append(f"Left out: {lengths} boot tokens, because no boot is longer than at the length before.")
        return Findings.measured(curves, notes)

    return Experiment(
        name="predictiveness",
        title="Does a boot predict the full answer?",
        methods=("best-single", *(method for row in grid.values() for method in row.values())),
        against=("best-single",),
        find=find,
        notes=(
            "In each method all candidates boot and the top-ranked one answers; the curves compare the score "
            "of each boot with that of the full answer of the same candidate. Within a question they measure the "
            "difference between candidates, the task of a selector; over all questions also that between easy and hard "
            "questions. `hybrid` is consistency and prior, `prior alone` the rank on the other folds without any boot, "
            "`random` the control. Questions with finished boots that all agree are not ranked and not included.",
        ),
    )


def _method(selector: str, length: int) -> str:
    return f"lightrouter-by-{selector}:boot_tokens={length},top_k=1"


def _by_prior(result: Result) -> Result:
    route = result["route"]
    if route is None:
        return result
    boots: list[RouteBoot] = [b if b["score"] is None else {**b, "score": b["prior"]} for b in route["boots"]]
    return {**result, "route": {**route, "boots": boots}}


def _lengths_without_more(by_selector: Mapping[str, Mapping[int, Sequence[Result]]]) -> tuple[int, ...]:
    """Return the boot lengths without any longer boot than at the length before, where results are equal."""
    tokens_at: dict[int, dict[tuple[str, str, str], int]] = {}
    for selector, runs in by_selector.items():
        for length, found in runs.items():
            boots = {(selector, result["question"], boot["candidate"]): boot for result, boot in _boots(found)}
            tokens_at.setdefault(length, {}).update({key: boot["tokens"] for key, boot in boots.items()})
    lengths = [length for length in sorted(tokens_at) if tokens_at[length]]
    return tuple(
        length
        for before, length in pairwise(lengths)
        if all(tokens <= tokens_at[before].get(key, -1) for key, tokens in tokens_at[length].items())
    )


def _boots(found: Sequence[Result]) -> Iterator[tuple[Result, RouteBoot]]:
    for result in found:
        for boot in result["route"]["boots"] if result["route"] else ():
            yield result, boot


def _sentence(selector: str, measured: Sequence[Predictiveness]) -> str:
    first, *others = (f"{at['length']}{{}}: {_text(at['spearman'])}" for at in measured)
    by_length = "; ".join([first.format(" boot tokens"), *(other.format("") for other in others)])
    counts = sorted({at["varied"] for at in measured})
    over = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return f"{selector}, Spearman within question: {by_length} (over the {over} questions where both scores vary)."


def _text(figure: Interval | None) -> str:
    if figure is None:
        return "not measurable"
    return f"{figure['value']:+.2f} [{figure['low']:+.2f}, {figure['high']:+.2f}]"
