"""What is known of a public set, and how its rows, from files or from the hub, become questions."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.readers import Row, read_rows
from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.questions import DataSet, Question, Scoring


class Fetch(Protocol):
    """Gets one split of a set from the hub: rows by column names."""

    def __call__(self, repo: str, config: str | None, split: str) -> Iterable[Mapping[str, Any]]:
        """Fetch it; may raise whatever the network does."""
        ...


@dataclass(frozen=True, slots=True)
class PublicSet:
    """A public set.

    Attributes:
        name: How it is called on the command line.
        repo: Its name on the hub.
        read: Makes a question of a row; its id may be "", and is then made of the set's name and the row's number.
        scoring: How answers are scored.
        split: What is read unless one says otherwise.
        configs: Its parts on the hub that make up the whole, None for the default one.
        hub_split: Says what a split is called on the hub, and in which configuration.
        columns: Names of the columns of its CSV files, where these have no header.
        note: What a reader of figures must know.
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
        """Read it from a file or folder in one of its usual layouts.

        Raises:
            EvaluationError: If there is none, or a row is damaged; with its place.
        """
        return self._data_set(read_rows(path, split=split, wanted=self.split, columns=self.columns))

    def from_hub(self, fetch: Fetch, *, split: str | None = None) -> DataSet:
        """Read it from the hub.

        Raises:
            EvaluationError: If it cannot be fetched, or a row is not what it should be; with its place.
        """
        return self._data_set(self._fetched(fetch, split or self.split))

    def _fetched(self, fetch: Fetch, split: str) -> Iterator[tuple[str, Row]]:
        parts = [(config, split) for config in self.configs] if self.hub_split is None else [self.hub_split(split)]
        for config, name in parts:
            where = ", ".join(filter(None, [self.repo, config, name]))
            try:
                rows = fetch(self.repo, config, name)
            except EvaluationError:
                raise
            except Exception as exc:  # the hub's client raises errors of many kinds and of other packages
                msg = f"{where} could not be fetched from the hub ({exc}); with files of your own: {self.name}:PATH"
                raise EvaluationError(msg) from exc
            for number, row in enumerate(rows, 1):
                yield f"{where}, row {number}", row

    def _data_set(self, rows: Iterable[tuple[str, Row]]) -> DataSet:
        questions = [self._question(place, row, number) for number, (place, row) in enumerate(rows)]
        return checked(DataSet(self.name, tuple(questions), self.scoring, self.note))

    def _question(self, place: str, row: Row, number: int) -> Question:
        try:
            question = self.read(row)
        except EvaluationError as exc:
            msg = f"{place}: {exc}"
            raise EvaluationError(msg) from exc
        return replace(question, id=f"{self.name}-{question.id or format(number, '05')}")


def load_from_hub(repo: str, config: str | None, split: str) -> Iterable[Mapping[str, Any]]:
    """Fetch rows with the library `datasets`, which keeps them on disk.

    Raises:
        EvaluationError: If the library is not installed.
    """
    datasets = need("datasets", extra="datasets", what=f"{repo} from the hub")
    rows: Iterable[Mapping[str, Any]] = datasets.load_dataset(repo, config, split=split)
    return rows


def checked(data: DataSet) -> DataSet:
    """Return the set as it is.

    Raises:
        EvaluationError: If it has no question, or two of the same id.
    """
    ids = [question.id for question in data.questions]
    if not ids:
        msg = f"the set {data.name!r} has no questions"
        raise EvaluationError(msg)
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            msg = f"the set {data.name!r} has two questions with the id {name!r}"
            raise EvaluationError(msg)
        seen.add(name)
    return data


def sampled(data: DataSet, limit: int | None) -> DataSet:
    """Keep at most `limit` questions, in their order.

    A hash of the id decides which, so that a set sorted by subject is not cut to its first subject, equal limits keep
    equal questions, and a lower limit keeps some of those of a higher one.

    Raises:
        EvaluationError: If the limit is below 1.
    """
    if limit is None:
        return data
    if limit < 1:
        msg = f"limit must be >= 1, got {limit}"
        raise EvaluationError(msg)
    kept = {question.id for question in sorted(data.questions, key=_place)[:limit]}
    return replace(data, questions=tuple(question for question in data.questions if question.id in kept))


def _place(question: Question) -> bytes:
    return hashlib.sha256(f"sample:{question.id}".encode()).digest()
