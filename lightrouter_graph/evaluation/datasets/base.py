"""`PublicSet`: reads a public data set from its files or from the hub; sampling and checks of data sets."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.datasets.readers import Row, read_rows
from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.questions import DataSet, Question, Scoring

Fetch = Callable[[str, str | None, str], Iterable[Mapping[str, Any]]]
"""Function (repository, configuration, split) -> rows by column name; may raise any network error."""


@checked_choices(EvaluationError)
@dataclass(frozen=True, slots=True)
class PublicSet:
    """A public data set.

    Attributes:
        name: Name on the command line.
        repo: Repository on the hub.
        read: Function from a row to a question; an empty id is replaced by the number of the row.
        scoring: Scoring method of its answers.
        split: Default split.
        configs: Configurations on the hub that form the whole set; None is the default configuration.
        hub_split: Function from a split to (configuration, split) on the hub, if they differ.
        columns: Column names of CSV files without a header.
        note: Caveat for readers of a report; "" for none.
    """

    name: str
    repo: str
    read: Callable[[Row], Question]
    scoring: Scoring
    split: str = "test"
    configs: Sequence[str | None] = (None,)
    hub_split: Callable[[str], tuple[str | None, str]] | None = None
    columns: Sequence[str] = ()
    note: str = ""

    def from_files(self, path: Path, *, split: str | None = None) -> DataSet:
        """Read the set from a file or folder in a published layout; an invalid row is an `EvaluationError`."""
        return self._data_set(read_rows(path, split=split, preferred=self.split, columns=self.columns))

    def from_hub(self, fetch: Fetch, *, split: str | None = None) -> DataSet:
        """Read the set from the hub; a failed download or an invalid row is an `EvaluationError`."""
        return self._data_set(self._fetched(fetch, split or self.split))

    def _fetched(self, fetch: Fetch, split: str) -> Iterator[tuple[str, Row]]:
        parts = [(config, split) for config in self.configs] if self.hub_split is None else [self.hub_split(split)]
        for config, name in parts:
            where = ", ".join(filter(None, [self.repo, config, name]))
            try:
                rows = fetch(self.repo, config, name)
            except EvaluationError:
                raise
            except Exception as exc:  # the hub client raises errors of many kinds and of other packages
                msg = f"{where} could not be fetched from the hub ({exc}); to read local files, write {self.name}:PATH"
                raise EvaluationError(msg) from exc
            for number, row in enumerate(rows, 1):
                yield f"{where}, row {number}", row

    def _data_set(self, rows: Iterable[tuple[str, Row]]) -> DataSet:
        questions = [self._question(location, row, number) for number, (location, row) in enumerate(rows)]
        return checked(DataSet(self.name, tuple(questions), self.scoring, self.note))

    def _question(self, location: str, row: Row, number: int) -> Question:
        try:
            question = self.read(row)
        except EvaluationError as exc:
            msg = f"{location}: {exc}"
            raise EvaluationError(msg) from exc
        return replace(question, id=f"{self.name}-{question.id or format(number, '05')}")


def load_from_hub(repo: str, config: str | None, split: str) -> Iterable[Mapping[str, Any]]:
    """Download a split with the package `datasets`, which caches it on disk; an error if it is not installed."""
    datasets = need("datasets", extra="datasets", what=f"{repo} from the hub")
    rows: Iterable[Mapping[str, Any]] = datasets.load_dataset(repo, config, split=split)
    return rows


def checked(data: DataSet) -> DataSet:
    """Return the data set; raise an `EvaluationError` if it is empty or two questions have the same id."""
    ids = [question.id for question in data.questions]
    if not ids:
        msg = f"the data set {data.name!r} has no questions"
        raise EvaluationError(msg)
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        msg = f"the data set {data.name!r} has two questions with the id {twice!r}"
        raise EvaluationError(msg)
    return data


def sampled(data: DataSet, limit: int | None) -> DataSet:
    """Return at most `limit` questions, in their order.

    A hash of the id selects them, so the sample spreads over a sorted data set, equal limits select equal questions,
    and a lower limit selects a subset of a higher one.

    Args:
        data: The data set.
        limit: Maximum number of questions, >= 1; None for all.

    Raises:
        EvaluationError: If `limit` < 1.
    """
    if limit is None:
        return data
    if limit < 1:
        msg = f"limit must be >= 1, got {limit}"
        raise EvaluationError(msg)
    by_hash = sorted(data.questions, key=lambda q: hashlib.sha256(f"sample:{q.id}".encode()).digest())
    kept = {question.id for question in by_hash[:limit]}
    return replace(data, questions=tuple(question for question in data.questions if question.id in kept))
