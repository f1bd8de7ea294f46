"""Append-only JSON Lines files: written to disk before a call returns, readable after a kill."""

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lightrouter_graph.errors import EvaluationError


def append_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Append records to a file and wait until they are on disk; the file is created if it does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(b"".join(map(json_line, records)))
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file atomically: readers see the old or the new content, never a part of it."""
    written = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with written.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def json_line(record: Mapping[str, Any]) -> bytes:
    """Return a record as one line of UTF-8; lone surrogates, which models do generate, are escaped."""
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(record).encode() + b"\n"


def read_lines(path: Path, required: Iterable[str], what: str) -> Iterator[dict[str, Any]]:
    """Yield the records of a file. An incomplete last line, left by a kill, is removed from the file.

    Args:
        path: The file; a missing file has no records.
        required: Keys of each record.
        what: Name of a record for errors, such as "a result".

    Raises:
        EvaluationError: If a complete line is not such a record; it names the line.
    """
    if not path.exists():
        return
    keys = set(required)
    for number, line in enumerate(_complete_lines(path), 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict) or not record.keys() >= keys:
            msg = f"{path}, line {number}: not {what}, got {line[:80].decode(errors='replace')!r}"
            raise EvaluationError(msg)
        yield record


def _complete_lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        os.truncate(path, end)
    return content[:end].split(b"\n")[:-1]
