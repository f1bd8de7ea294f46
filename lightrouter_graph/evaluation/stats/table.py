"""Results laid out for figures: one row per question, one column per method, NaN where a value is not known."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.evaluation.stats.bootstrap import Array

RIGHT = 0.5
"""The score from which an answer counts as right where a figure needs right or wrong."""

COSTS: Mapping[str, Callable[[Result], float | None]] = {
    "output_tokens": lambda result: result["output_tokens"],
    "total_tokens": lambda result: result["input_tokens"] + result["output_tokens"],
    "calls": lambda result: result["calls"],
    "usd": lambda result: None if result["usd"] is None else 1000 * result["usd"],
}
"""What an answer cost, by the name of the figure; USD per 1,000 questions."""

LATENCIES: Mapping[str, Callable[[Result], float | None]] = {
    "first_token": lambda result: result["first_token_s"],
    "seconds": lambda result: result["seconds"],
}
"""Seconds from the question, by the name of the figure."""

PERCENTILES: Mapping[str, float] = {"p50": 0.50, "p95": 0.95}


@dataclass(frozen=True, slots=True)
class Table:
    """The results of a run.

    Attributes:
        methods: In order of first appearance.
        questions: The ids, sorted, so that the order in which they were answered changes no figure.
        results: By method, then by question; not every method need have answered every question.
    """

    methods: tuple[str, ...]
    questions: tuple[str, ...]
    results: Mapping[str, Mapping[str, Result]]

    @property
    def scored(self) -> bool:
        """Whether any answer has a score."""
        return any(result["score"] is not None for rows in self.results.values() for result in rows.values())

    def of(self, method: str) -> list[Result]:
        """Return a method's results, in the order of `questions`."""
        rows = self.results[method]
        return [rows[question] for question in self.questions if question in rows]

    def column(self, method: str, read: Callable[[Result], float | None]) -> Array:
        """Return what `read` makes of a method's results, shape (questions,); NaN for None and where there is none."""
        rows = self.results[method]
        return as_column([read(rows[question]) if question in rows else None for question in self.questions])

    def cost(self, method: str, name: str) -> Array:
        """Return what each answer of a method cost, shape (questions,), in the unit of `COSTS[name]`.

        All are NaN where one is not known: a mean over the calls that happen to have a price would be too low.
        """
        costs = [COSTS[name](result) for result in self.of(method)]
        return self.column(method, COSTS[name] if None not in costs else lambda _: None)

    def quality(self, method: str) -> Array:
        """Return a method's scores, shape (questions,): 0 where it failed, NaN where its answer cannot be scored.

        All are NaN where not one of the answers it did give has a score: failures alone say nothing of quality.
        """
        answered = [result for result in self.of(method) if not result["error"]]
        known = any(result["score"] is not None for result in answered) if answered else self.scored
        return self.column(method, score_of) if known else np.full(len(self.questions), np.nan)

    def narrowed(self, questions: Iterable[str]) -> "Table":
        """Return the same results over some of the questions."""
        return replace(self, questions=tuple(sorted(questions)))

    def unscored(self, method: str) -> int:
        """Return how many answers of a method have no score."""
        return sum(score_of(result) is None for result in self.of(method))


def score_of(result: Result) -> float | None:
    """Return the score of an answer, 0 where there is no answer; None where it cannot be scored."""
    return 0.0 if result["error"] else result["score"]


def as_column(values: Sequence[float | None]) -> Array:
    """Return values as an array, NaN for None."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def tabulate(results: Sequence[Result]) -> Table:
    """Lay results out.

    Raises:
        EvaluationError: If there are none, or a method answered a question twice.
    """
    if not results:
        msg = "figures need at least one result, got none"
        raise EvaluationError(msg)
    rows: dict[str, dict[str, Result]] = {}
    for result in results:
        row = rows.setdefault(result["method"], {})
        if result["question"] in row:
            msg = f"method {result['method']!r} has two results for question {result['question']!r}; one is allowed"
            raise EvaluationError(msg)
        row[result["question"]] = result
    return Table(tuple(rows), tuple(sorted({result["question"] for result in results})), rows)
