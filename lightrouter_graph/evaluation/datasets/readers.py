"""Rows of a table, whatever file they come in: JSON, JSON lines, CSV or Parquet, alone or in a folder."""

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
"""One row by column names. `FILE` holds the stem of the file it comes from."""

FILE = "__file__"

_SUFFIXES = (".json", ".jsonl", ".jsonl.gz", ".csv", ".parquet")
_TOKENS = re.compile(r"[^a-z]+")


def read_rows(
    path: Path, *, split: str | None = None, wanted: str | None = None, columns: Sequence[str] = ()
) -> Iterator[tuple[str, Row]]:
    """Read all rows of a file, or of the files in a folder and below it, in the order of their paths.

    Args:
        path: The file or folder.
        split: In a folder, only files whose name, or a folder of theirs, has this word in it.
        wanted: The same, but where no file has it, all are read.
        columns: Names of the columns of a CSV file without a header.

    Yields:
        Where the row stands, to be named in errors, and the row.

    Raises:
        EvaluationError: If there is no such file, or one is damaged.
    """
    for file in _files(path, split, wanted):
        for place, row in _read_file(file, columns):
            if not isinstance(row, Mapping):
                msg = f"{place}: not a row with named columns"
                raise EvaluationError(msg)
            yield place, {FILE: file.name.partition(".")[0], **row}


def text_of(row: Row, *names: str) -> str:
    """Return the text in the first of these columns that the row has.

    Raises:
        EvaluationError: If it has none of them, or there is no text in it.
    """
    found = next((row[name] for name in names if row.get(name) is not None), None)
    if not isinstance(found, str | int | float) or isinstance(found, bool) or not str(found).strip():
        has = ", ".join(sorted(name for name in row if name != FILE))
        msg = f"no text in the column {' or '.join(map(repr, names))} (columns: {has})"
        raise EvaluationError(msg)
    return str(found)


def _files(path: Path, split: str | None, wanted: str | None) -> list[Path]:
    if path.is_file():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.name.endswith(_SUFFIXES) and file.is_file())
    word = split or wanted
    of_split = [file for file in files if word in _words(file.relative_to(path))] if word else files
    found = of_split or ([] if split else files)
    if not found:
        which = f" of split {split!r}" if split else ""
        msg = f"no file{which} at {path}: a file or folder of {', '.join(_SUFFIXES)} is needed"
        raise EvaluationError(msg)
    return found


def _words(path: Path) -> set[str]:
    return {word for part in path.parts for word in _TOKENS.split(part.lower())}


def _read_file(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
    try:
        if file.name.endswith(".parquet"):
            yield from _numbered(file, _read_parquet(file))
        elif file.name.endswith(".csv"):
            yield from _read_csv(file, columns)
        elif file.name.endswith(".json"):
            yield from _read_json(file)
        else:
            yield from read_json_lines(file)
    except EvaluationError:
        raise
    except (ValueError, OSError, EOFError, csv.Error, zlib.error) as exc:
        known = str(exc) if str(file) in str(exc) else f"{file}: {exc}"
        raise EvaluationError(known) from exc


def _numbered(file: Path, rows: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    return ((f"{file}, row {number}", row) for number, row in enumerate(rows, 1))


def _read_parquet(file: Path) -> list[dict[str, Any]]:
    parquet = need("pyarrow.parquet", extra="datasets", what="a Parquet file")
    rows: list[dict[str, Any]] = parquet.read_table(file).to_pylist()
    return rows


def _read_csv(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        header: Sequence[str] = columns or next(reader, [])
        for cells in reader:
            place = f"{file}, line {reader.line_num}"
            if len(cells) != len(header):
                msg = f"{place}: {len(cells)} cells instead of {len(header)}"
                raise EvaluationError(msg)
            yield place, dict(zip(header, cells, strict=True))


def _read_json(file: Path) -> Iterator[tuple[str, Any]]:
    """Read a list of rows, or the one row that the file is."""
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except RecursionError as exc:
        msg = f"{file}: nested too deep"
        raise EvaluationError(msg) from exc
    except json.JSONDecodeError as exc:
        msg = f"{file}, line {exc.lineno}: not JSON ({exc.msg})"
        raise EvaluationError(msg) from exc
    if isinstance(held, list):
        yield from _numbered(file, held)
    else:
        yield str(file), held
