"""Results as columns for statistics: one value per question, NaN if a value is unknown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.evaluation.stats.bootstrap import Array

COSTS: Mapping[str, Callable[[Result], float | None]] = {
    "output_tokens": lambda result: result["output_tokens"],
    "total_tokens": lambda result: result["input_tokens"] + result["output_tokens"],
    "calls": lambda result: result["calls"],
    "usd": lambda result: None if result["usd"] is None else 1000 * result["usd"],
}
"""Costs of an answer by the name of the statistic; USD per 1,000 questions."""

LATENCIES: Mapping[str, Callable[[Result], float | None]] = {
    "first_token": lambda result: result["first_token_s"],
    "seconds": lambda result: result["seconds"],
}
"""Seconds since the question, by the name of the statistic."""

PERCENTILES: Mapping[str, float] = {"p50": 0.50, "p95": 0.95}


@dataclass(frozen=True, slots=True)
class Table:
    """The results of a run.

    Attributes:
        methods: Names in the order of their first result.
        questions: Sorted ids, so that statistics do not depend on the order of the results.
        results: Results by method and question; a method may lack results for some questions.
    """

    methods: tuple[str, ...]
    questions: tuple[str, ...]
    results: Mapping[str, Mapping[str, Result]]

    @property
    def scored(self) -> bool:
        """True if any answer has a score."""
        return any(result["score"] is not None for rows in self.results.values() for result in rows.values())

    def of(self, method: str) -> list[Result]:
        """Return the results of a method, in the order of `questions`."""
        rows = self.results[method]
        return [rows[question] for question in self.questions if question in rows]

    def column(self, method: str, read: Callable[[Result], float | None]) -> Array:
        """Return one value per question, shape (questions,); NaN for None and for a missing result."""
        rows = self.results[method]
        return as_column([read(rows[question]) if question in rows else None for question in self.questions])

    def cost(self, method: str, name: str) -> Array:
        """Return the cost of each answer, shape (questions,), in the unit of `COSTS[name]`.

        All values are NaN if one is unknown: a mean over the calls with a known price would be too low.
        """
        costs = [COSTS[name](result) for result in self.of(method)]
        return self.column(method, COSTS[name] if None not in costs else lambda _: None)

    def quality(self, method: str) -> Array:
        """Return the scores of a method, shape (questions,): 0 for a failure, NaN for an answer without a score.

        All values are NaN if no answer has a score: failures alone are no measure of quality.
        """
        answered = [result for result in self.of(method) if not result["error"]]
        known = any(result["score"] is not None for result in answered) if answered else self.scored
        return self.column(method, score_of) if known else np.full(len(self.questions), np.nan)

    def narrowed(self, questions: Iterable[str]) -> "Table":
        """Return the table with a subset of the questions."""
        return replace(self, questions=tuple(sorted(questions)))

    def unscored(self, method: str) -> int:
        """Return the number of answers of a method without a score."""
        return sum(score_of(result) is None for result in self.of(method))


def score_of(result: Result) -> float | None:
    """Return the score of a result: 0 for a failure, None for an answer without a score."""
    return 0.0 if result["error"] else result["score"]


def as_column(values: Sequence[float | None]) -> Array:
    """Return values as an array with NaN for None."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def tabulate(results: Sequence[Result]) -> Table:
    """Return the table of results; raise an `EvaluationError` without any, or if a method has two for a question."""
    if not results:
        msg = "statistics need at least one result, got none"
        raise EvaluationError(msg)
    rows: dict[str, dict[str, Result]] = {}
    for result in results:
        row = rows.setdefault(result["method"], {})
        if result["question"] in row:
            msg = f"method {result['method']!r} has two results for question {result['question']!r}; one is allowed"
            raise EvaluationError(msg)
        row[result["question"]] = result
    return Table(tuple(rows), tuple(sorted({result["question"] for result in results})), rows)
