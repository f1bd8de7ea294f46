"""`results.jsonl`: what every method made of every question, written as it goes so that a killed run goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from lightrouter_graph.evaluation.jsonl_log import append_lines, read_lines
from lightrouter_graph.evaluation.records import Result


class ResultsFile:
    """An append-only file of results.

    Args:
        path: The file; made on the first result.

    Raises:
        EvaluationError: If a line of it is not a result.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._by_place: dict[tuple[str, str], Result] = {}
        self._hold(cast("list[Result]", list(read_lines(path, Result.__required_keys__, "a result"))))

    @property
    def results(self) -> list[Result]:
        """The last result of each method on each question, in the order in which they were first written."""
        return list(self._by_place.values())

    @property
    def done(self) -> set[tuple[str, str]]:
        """The pairs of method and question that need not be run again: those that did not fail."""
        return {place for place, result in self._by_place.items() if not result["error"]}

    def append(self, results: Sequence[Result]) -> None:
        """Write results down."""
        append_lines(self.path, results)
        self._hold(results)

    def _hold(self, results: Sequence[Result]) -> None:
        for result in results:
            self._by_place[result["method"], result["question"]] = result
