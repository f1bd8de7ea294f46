"""Reads table rows from JSON, JSON Lines, CSV and Parquet files, or from folders of them."""

import csv
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.testing.jsonl import read_json_lines

Row = Mapping[str, Any]
"""One row by column name; `FILE` is the stem of its file."""

FILE = "__file__"
_SUFFIXES = (".json", ".jsonl", ".jsonl.gz", ".csv", ".parquet")


def read_rows(
    path: Path, *, split: str | None = None, preferred: str | None = None, columns: Sequence[str] = ()
) -> Iterator[tuple[str, Row]]:
    """Yield all rows of a file, or of all files below a folder in the order of their paths.

    Args:
        path: The file or folder.
        split: In a folder, read only files with this word in their path.
        preferred: As `split`, but all files are read if none has the word.
        columns: Column names of a CSV file without a header.

    Yields:
        Location of the row for error messages, and the row.

    Raises:
        EvaluationError: If there is no such file, or one is invalid.
    """
    for file in _files(path, split, preferred):
        try:
            for location, row in _read_file(file, columns):
                if not isinstance(row, Mapping):
                    msg = f"{location}: not a row with named columns"
                    raise EvaluationError(msg)
                yield location, {FILE: file.name.partition(".")[0], **row}
        except (ValueError, OSError, EOFError, RecursionError, csv.Error, zlib.error) as exc:
            if isinstance(exc, EvaluationError):
                raise
            raise EvaluationError(str(exc) if str(file) in str(exc) else f"{file}: {exc}") from exc


def text_of(row: Row, *names: str) -> str:
    """Return the text of the first of these columns that the row has; an `EvaluationError` if there is no text."""
    found = next((row[name] for name in names if row.get(name) is not None), None)
    if not isinstance(found, str | int | float) or isinstance(found, bool) or not str(found).strip():
        has = ", ".join(sorted(name for name in row if name != FILE))
        msg = f"no text in the column {' or '.join(map(repr, names))} (columns: {has})"
        raise EvaluationError(msg)
    return str(found)


def _files(path: Path, split: str | None, preferred: str | None) -> list[Path]:
    if path.is_file():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.name.endswith(_SUFFIXES) and file.is_file())
    word = split or preferred
    of_split = [file for file in files if word in re.split(r"[^a-z]+", str(file.relative_to(path)).lower())]
    found = of_split or ([] if split else files)
    if not found:
        which = f" of split {split!r}" if split else ""
        msg = f"no file{which} at {path}: a file or folder of {', '.join(_SUFFIXES)} is needed"
        raise EvaluationError(msg)
    return found


def _read_file(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
    if file.name.endswith(".parquet"):
        parquet = need("pyarrow.parquet", extra="datasets", what="a Parquet file")
        yield from _numbered(file, parquet.read_table(file).to_pylist())
    elif file.name.endswith(".csv"):
        yield from _read_csv(file, columns)
    elif file.name.endswith(".json"):
        yield from _read_json(file)
    else:
        yield from read_json_lines(file)


def _numbered(file: Path, rows: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    return ((f"{file}, row {number}", row) for number, row in enumerate(rows, 1))


def _read_csv(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        header: Sequence[str] = columns or next(reader, [])
        for cells in reader:
            location = f"{file}, line {reader.line_num}"
            if len(cells) != len(header):
                msg = f"{location}: {len(cells)} cells instead of {len(header)}"
                raise EvaluationError(msg)
            yield location, dict(zip(header, cells, strict=True))


def _read_json(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as exc:
        msg = f"{file}, line {exc.lineno}: not JSON ({exc.msg})"
        raise EvaluationError(msg) from exc
    except RecursionError:
        msg = f"{file}: JSON that is nested too deep"
        raise EvaluationError(msg) from None
    yield from _numbered(file, value) if isinstance(value, list) else [(str(file), value)]
