"""Append-only files of JSON lines: on the disk when a call returns, readable after a kill."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lightrouter_graph.errors import EvaluationError


def append_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records at the end of a file, which is made if need be, and wait until the disk has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(b"".join(_line(record) for record in records))
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path, required: Iterable[str], what: str) -> Iterator[dict[str, Any]]:
    """Read the records of a file, after cutting off a last line that a kill left torn.

    Args:
        path: The file; one that is not there has no records.
        required: The keys each record has.
        what: What a record is, for errors.

    Raises:
        EvaluationError: If a whole line is not such a record; it names the line.
    """
    if not path.exists():
        return
    keys = set(required)
    for number, line in enumerate(_without_torn_end(path).split(b"\n")[:-1], 1):
        record = _parsed(line)
        if not isinstance(record, dict) or not record.keys() >= keys:
            msg = f"{path}, line {number}: not {what}, got {line[:80].decode(errors='replace')!r}"
            raise EvaluationError(msg)
        yield record


def _line(record: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half a character, which models do write, has no UTF-8: an escape keeps it
        return json.dumps(record).encode() + b"\n"


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _without_torn_end(path: Path) -> bytes:
    """Cut off what follows the last line end: a line that was being written when its writer was killed."""
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        with path.open("r+b") as file:
            file.truncate(end)
    return content[:end]
