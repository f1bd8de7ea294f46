"""`results.jsonl`: one line per method and question, appended during the run, so that a stopped run can resume."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from lightrouter_graph.evaluation.jsonl_log import append_lines, read_lines
from lightrouter_graph.evaluation.records import Result


class ResultsFile:
    """An append-only file of results.

    Args:
        path: The file; created with the first result. Another line than a result is an `EvaluationError`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._results: dict[tuple[str, str], Result] = {}
        self._store(cast("list[Result]", list(read_lines(path, Result.__required_keys__, "a result"))))

    @property
    def results(self) -> list[Result]:
        """The last result of each method and question, in the order of their first lines."""
        return list(self._results.values())

    @property
    def done(self) -> set[tuple[str, str]]:
        """Pairs (method, question) with a result that is not a failure."""
        return {key for key, result in self._results.items() if not result["error"]}

    def append(self, results: Sequence[Result]) -> None:
        """Write results to the file."""
        append_lines(self.path, results)
        self._store(results)

    def _store(self, results: Sequence[Result]) -> None:
        for result in results:
            self._results[result["method"], result["question"]] = result
