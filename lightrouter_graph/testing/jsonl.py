"""JSON lines from a file that somebody else wrote: read line by line, and never more than was agreed on."""

import gzip
import json
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 16 * 2**20
"""The longest line that is read, unpacked."""

MAX_TOTAL_BYTES = 2**30
"""The most that is read of a file, unpacked: a few packed kilobytes may hold any amount."""


def read_json_lines(
    path: Path, *, max_line_bytes: int = MAX_LINE_BYTES, max_total_bytes: int = MAX_TOTAL_BYTES
) -> Iterator[tuple[str, Any]]:
    """Read a `.jsonl` or `.jsonl.gz` file.

    Args:
        path: The file; packed when its name ends in `.gz`.
        max_line_bytes: The longest line that is read.
        max_total_bytes: The most that is read, unpacked.

    Yields:
        The place of each line, to be named in errors, and its value.

    Raises:
        ValueError: If a line is too long or not JSON, or the file too big or damaged.
    """
    total = 0
    with _open(path) as file:
        for number, line in enumerate(_read_lines(path, file, max_line_bytes), 1):
            place = f"{path}, line {number}"
            total += len(line)
            if len(line) > max_line_bytes:
                msg = f"{place}: longer than the limit of {max_line_bytes} bytes for a line"
                raise ValueError(msg)
            if total > max_total_bytes:
                msg = f"{place}: the file is bigger than the limit of {max_total_bytes} bytes, unpacked"
                raise ValueError(msg)
            yield place, _parse(place, line)


def _open(path: Path) -> BufferedIOBase:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _read_lines(path: Path, file: BufferedIOBase, max_line_bytes: int) -> Iterator[bytes]:
    """Read lines, of a longer one no more than one byte too many."""
    try:
        while line := file.readline(max_line_bytes + 1):
            yield line
    except (gzip.BadGzipFile, EOFError, zlib.error) as exc:
        msg = f"{path}: damaged, or not packed by gzip ({exc})"
        raise ValueError(msg) from exc


def _parse(place: str, line: bytes) -> Any:
    try:
        return json.loads(line.decode())
    except (ValueError, RecursionError) as exc:
        msg = f"{place}: not JSON ({exc})"
        raise ValueError(msg) from exc
