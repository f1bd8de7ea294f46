"""Differences between two runs with intervals, for `lightrouter eval compare A B`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from typing_extensions import TypedDict

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import Interval, Result
from lightrouter_graph.evaluation.stats import bootstrap
from lightrouter_graph.evaluation.stats.bootstrap import Array, PseudoObservations
from lightrouter_graph.evaluation.stats.table import COSTS, LATENCIES, PERCENTILES, Table, tabulate


class Change(TypedDict):
    """One statistic of `MethodStats` in two runs; `difference` is after minus before.

    `excludes_zero` is True if the interval of the difference does not contain 0.
    """

    figure: str
    before: float
    after: float
    difference: Interval
    excludes_zero: bool


class MethodChange(TypedDict):
    """One method in two runs; `before` and `after` are the numbers of compared questions.

    `paired` is True if the same questions are compared, False for independent samples with wider intervals. `changes`
    has the statistics that both runs have.
    """

    method: str
    paired: bool
    before: int
    after: int
    changes: list[Change]


class Comparison(TypedDict):
    """Two runs: the methods of both, in the order of the later run, and the names of those of one run only."""

    methods: list[MethodChange]
    only_before: list[str]
    only_after: list[str]


def compare(before: Sequence[Result], after: Sequence[Result], *, seed: int = 0) -> Comparison:
    """Compare two runs, for each method that both have.

    A method is compared question by question if the questions of one run include those of the other (as when one was
    stopped early); else as two independent samples.

    Args:
        before: Results of the earlier run.
        after: Results of the later run on the same data set, because questions are identified by their ids.
        seed: Seed of the draws.

    Raises:
        EvaluationError: If a run has no results or two for one question and method, or the runs share no method.
    """
    old, new = tabulate(before), tabulate(after)
    both = [name for name in new.methods if name in old.methods]
    if not both:
        msg = f"the runs share no method: one has {', '.join(old.methods)}, the other {', '.join(new.methods)}"
        raise EvaluationError(msg)
    return {
        "methods": [_compare_method(name, old, new, seed) for name in both],
        "only_before": [name for name in old.methods if name not in new.methods],
        "only_after": [name for name in new.methods if name not in old.methods],
    }


def _compare_method(name: str, old: Table, new: Table, seed: int) -> MethodChange:
    earlier, later = set(old.results[name]), set(new.results[name])
    same = earlier <= later or later <= earlier
    if same:
        earlier = later = earlier & later
    pair = _Pair(name, old.narrowed(earlier), new.narrowed(later), same, seed)
    changes = [pair.quality(), *(pair.cost(cost) for cost in COSTS)]
    changes += [pair.latency(figure, rank) for figure in LATENCIES for rank in PERCENTILES]
    return {
        "method": name,
        "paired": same,
        "before": len(pair.old.questions),
        "after": len(pair.new.questions),
        "changes": [change for change in changes if change is not None],
    }


@dataclass(frozen=True, slots=True)
class _Pair:
    """One method in two runs, over the compared questions."""

    method: str
    old: Table
    new: Table
    paired: bool
    seed: int

    def quality(self) -> Change | None:
        pseudo = bootstrap.DIFFERENCES if self.paired else bootstrap.SCORES
        return self._means("quality", self.old.quality(self.method), self.new.quality(self.method), pseudo)

    def cost(self, name: str) -> Change | None:
        before, after = (table.cost(self.method, name) for table in (self.old, self.new))
        return self._means(name, before, after, bootstrap.UNBOUNDED)

    def latency(self, name: str, rank: str) -> Change | None:
        q, figure = PERCENTILES[rank], f"{name}_{rank}"
        columns = [table.column(self.method, LATENCIES[name]) for table in (self.old, self.new)]
        if any(np.isnan(column).all() for column in columns):
            return None
        before, after = (float(np.nanquantile(column, q)) for column in columns)
        streams = (0, 0) if self.paired else (0, 1)
        one, other = (
            bootstrap.percentile_draws(column, q, seed=self.seed, stream=stream)
            for column, stream in zip(columns, streams, strict=True)
        )
        return _change(figure, before, after, bootstrap.as_interval(after - before, other - one))

    def _means(self, figure: str, before: Array, after: Array, pseudo: PseudoObservations) -> Change | None:
        """Compare means; if paired, over the questions with a value in both runs."""
        if self.paired:
            lost = np.isnan(before) | np.isnan(after)
            before, after = np.where(lost, np.nan, before), np.where(lost, np.nan, after)
        statistic = bootstrap.paired if self.paired else bootstrap.unpaired
        difference = statistic(after, before, pseudo, seed=self.seed)
        if difference is None:
            return None
        return _change(figure, float(np.nanmean(before)), float(np.nanmean(after)), difference)


def _change(figure: str, before: float, after: float, difference: Interval) -> Change:
    return {
        "figure": figure,
        "before": before,
        "after": after,
        "difference": difference,
        "excludes_zero": difference["low"] > 0 or difference["high"] < 0,
    }
