"""What changed from one run to another, with intervals: the figures behind `lightrouter eval compare A B`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from typing_extensions import TypedDict

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import Interval, Result
from lightrouter_graph.evaluation.stats.bootstrap import (
    DIFFERENCES,
    SCORES,
    UNBOUNDED,
    Array,
    Phantoms,
    as_interval,
    paired,
    percentile_draws,
    unpaired,
)
from lightrouter_graph.evaluation.stats.table import COSTS, LATENCIES, PERCENTILES, Table, tabulate


class Change(TypedDict):
    """One figure of a method in two runs.

    `figure` is named as in `MethodFigures` and has the same unit. `before` and `after` are over the questions compared;
    `difference` is after minus before. `excludes_zero` says that its interval lies wholly on one side of 0.
    """

    figure: str
    before: float
    after: float
    difference: Interval
    excludes_zero: bool


class MethodChange(TypedDict):
    """One method in two runs.

    `paired` says that the same questions are compared with each other; else the runs have different questions, and
    the intervals are wider by the differences between questions. `before` and `after` count the questions compared.
    `changes` leaves out figures that either run does not have.
    """

    method: str
    paired: bool
    before: int
    after: int
    changes: list[Change]


class Comparison(TypedDict):
    """Two runs: the methods that both have, in the order of the later, and the names of those only one has."""

    methods: list[MethodChange]
    only_before: list[str]
    only_after: list[str]


def compare(before: Sequence[Result], after: Sequence[Result], *, seed: int = 0) -> Comparison:
    """Say what changed from one run to another, for each method that both have.

    A method is compared question by question where one run's questions include the other's (as where one was stopped
    early), over those both have; else as two samples. Ids are all that tells questions apart, so both runs should be
    of one data set.

    Args:
        before: Results of the earlier run.
        after: Results of the later run.
        seed: Of the draws.

    Raises:
        EvaluationError: If either run has no results, two for one question and method, or they share no method.
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
    asked, now = set(old.results[name]), set(new.results[name])
    alike = asked <= now or now <= asked
    pair = _Pair(
        name, old.narrowed(asked & now if alike else asked), new.narrowed(asked & now if alike else now), alike, seed
    )
    changes = [pair.quality(), *(pair.cost(cost) for cost in COSTS)]
    changes += [pair.latency(figure, rank) for figure in LATENCIES for rank in PERCENTILES]
    return {
        "method": name,
        "paired": alike,
        "before": len(pair.old.questions),
        "after": len(pair.new.questions),
        "changes": [change for change in changes if change is not None],
    }


@dataclass(frozen=True, slots=True)
class _Pair:
    """One method in two runs, over the questions compared; `paired` says that they are the same."""

    method: str
    old: Table
    new: Table
    paired: bool
    seed: int

    def quality(self) -> Change | None:
        phantoms = DIFFERENCES if self.paired else SCORES
        return self._means("quality", self.old.quality(self.method), self.new.quality(self.method), phantoms)

    def cost(self, name: str) -> Change | None:
        return self._means(name, self.old.cost(self.method, name), self.new.cost(self.method, name), UNBOUNDED)

    def latency(self, name: str, rank: str) -> Change | None:
        q, figure = PERCENTILES[rank], f"{name}_{rank}"
        columns = [table.column(self.method, LATENCIES[name]) for table in (self.old, self.new)]
        if any(np.isnan(column).all() for column in columns):
            return None
        before, after = (float(np.nanquantile(column, q)) for column in columns)
        streams = (0, 0) if self.paired else (0, 1)
        one, other = (
            percentile_draws(column, q, seed=self.seed, stream=stream)
            for column, stream in zip(columns, streams, strict=True)
        )
        return _change(figure, before, after, as_interval(after - before, other - one))

    def _means(self, figure: str, before: Array, after: Array, phantoms: Phantoms) -> Change | None:
        """Compare means; over the questions that both know where they are the same."""
        if self.paired:
            lost = np.isnan(before) | np.isnan(after)
            before, after = np.where(lost, np.nan, before), np.where(lost, np.nan, after)
        difference = (paired if self.paired else unpaired)(after, before, phantoms, seed=self.seed)
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
