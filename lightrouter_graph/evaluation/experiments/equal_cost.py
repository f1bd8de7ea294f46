"""Equal cost: quality of every family of methods under the same token budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from lightrouter_graph.evaluation.experiments.base import ByMethod, Experiment, Findings, quality_gain, quality_point
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Point, Result

SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Budgets as shares of the total tokens of full answers of all candidates."""

_FULL = "majority"
OURS = "LightRouter"


def equal_cost(candidates: Sequence[str]) -> Experiment:
    """Return the experiment that selects one setting per family within each budget of tokens per question."""
    families = _families(candidates)

    def find(results: ByMethod, questions: Sequence[Question]) -> Findings:  # noqa: ARG001
        ran = {family: [name for name in names if results.get(name)] for family, names in families.items()}
        full = fmean(_cost(result) for result in results[_FULL])
        budgets = [float(round(share * full)) for share in SHARES]
        chosen = {family: {limit: choose(names, results, limit) for limit in budgets} for family, names in ran.items()}
        return Findings.measured(_curves(chosen), _sentences(chosen, budgets, full))

    return Experiment(
        name="equal-cost",
        title="Equal token budgets",
        methods=tuple(dict.fromkeys(name for names in families.values() for name in names)),
        against=("best-single", _FULL),
        find=find,
        notes=(
            "At each budget every family uses the setting with the best quality on the other folds among those with "
            "mean total tokens (input and output) within the budget; the point is its quality on the held-out fold. A "
            "family without a setting in the budget has no point.",
            "Families with more settings have an advantage: "
            + ", ".join(f"{family} {len(names)}" for family, names in families.items())
            + ". The selection is not nested: it uses results of methods that learned from the held-out fold.",
        ),
    )


def _families(candidates: Sequence[str]) -> dict[str, tuple[str, ...]]:
    several = range(2, len(candidates) + 1)
    ours = [
        *(f"lightrouter:width={width},top_k={k}" for width in (1, 2, 3) for k in (2, 3, 4, 5)),
        *(f"lightrouter:width={width},boot_tokens=32" for width in (2, 3)),
        *(f"lightrouter-by-hybrid:boot_tokens={b},top_k={k}" for b in (32, 200) for k in (1, 2, 3)),
    ]
    return {
        "one model": ("best-single", *(f"single:{name}" for name in candidates)),
        "random k, vote": tuple(f"random-{k}" for k in several if k < len(candidates)),
        "best k by history, vote": (*(f"top-{k}" for k in several if k < len(candidates)), _FULL, "weighted-vote"),
        "Mixture-of-Agents": ("moa-1", "moa-2"),
        "cascade": ("cascade", *(f"cascade-{percent}" for percent in (50, 200, 400))),
        "two-model router": tuple(f"router-{percent}" for percent in (10, 25, 50, 75, 90)),
        OURS: tuple(ours),
    }


@dataclass(frozen=True, slots=True)
class Choice:
    """Results of a family on the held-out folds, and the setting selected for each fold."""

    results: tuple[Result, ...]
    settings: tuple[str, ...]


def choose(names: Sequence[str], results: ByMethod, budget: float) -> Choice | None:
    """Select, for each fold, the setting with the best quality within the budget on the other folds.

    Args:
        names: Method names of the settings of one family.
        results: Results by method.
        budget: Maximum mean total tokens per question.

    Returns:
        Results on each fold with the setting selected on the others; None if a fold has no setting in the budget.
    """
    folds = sorted({result["fold"] for name in names for result in results[name]})
    held: list[Result] = []
    settings: list[str] = []
    for fold in folds:
        name = _best([(name, [r for r in results[name] if r["fold"] != fold]) for name in names], budget)
        if name is None:
            return None
        settings.append(name)
        held += [result for result in results[name] if result["fold"] == fold]
    return Choice(tuple(held), tuple(settings)) if held else None


def _best(settings: Sequence[tuple[str, Sequence[Result]]], budget: float) -> str | None:
    affordable = [(name, seen) for name, seen in settings if seen and fmean(map(_cost, seen)) <= budget]
    # Ties select the first: families list the simpler setting first.
    return max(affordable, key=lambda setting: _quality(setting[1]), default=("", ()))[0] or None


def _cost(result: Result) -> float:
    return result["input_tokens"] + result["output_tokens"]


def _quality(results: Sequence[Result]) -> float:
    return fmean(result["score"] or 0.0 for result in results)


def _curves(chosen: Mapping[str, Mapping[float, Choice | None]]) -> dict[str, list[Point | None]]:
    return {
        f"quality at equal token budgets / {family}": [
            quality_point(budget, choice.results, f"{budget:,.10g} total tokens allowed per question")
            for budget, choice in by_budget.items()
            if choice is not None
        ]
        for family, by_budget in chosen.items()
    }


def _sentences(chosen: Mapping[str, Mapping[float, Choice | None]], budgets: Sequence[float], full: float) -> list[str]:
    sentences = []
    for budget in budgets:
        ours = chosen[OURS][budget]
        others = {f: choice.results for f, row in chosen.items() if f != OURS and (choice := row[budget]) is not None}
        if ours is None or not others:
            continue
        best = max(others, key=lambda family: _quality(others[family]))
        gain = quality_gain(ours.results, others[best])
        lead = "not comparable" if gain is None else f"{OURS} {gain}"
        percent = 100 * budget / full
        share = f"{budget:,.0f} tokens ({percent:.0f} % of full answers of all candidates, prompts included)"
        sentences.append(f"At {share}: {lead} to {best}, the best other family, selected by these results.")
    return sentences
