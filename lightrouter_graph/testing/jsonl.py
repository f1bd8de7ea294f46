"""JSON Lines reader with size limits, for files from untrusted sources."""

import gzip
import json
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 16 * 2**20
"""Default limit of a line, in decompressed bytes."""

MAX_TOTAL_BYTES = 2**30
"""Default limit of a file, in decompressed bytes: a few compressed kilobytes may expand to any size."""


def read_json_lines(
    path: Path, *, max_line_bytes: int = MAX_LINE_BYTES, max_total_bytes: int = MAX_TOTAL_BYTES
) -> Iterator[tuple[str, Any]]:
    """Read a `.jsonl` or `.jsonl.gz` file.

    Args:
        path: The file; compressed with gzip if its name ends in `.gz`.
        max_line_bytes: Limit of a line, in decompressed bytes.
        max_total_bytes: Limit of the file, in decompressed bytes.

    Yields:
        Location of each line, for error messages, and its value.

    Raises:
        ValueError: If a line is too long or not JSON, or the file is too large or damaged.
    """
    total = 0
    with _open(path) as file:
        for number, line in enumerate(_read_lines(path, file, max_line_bytes), 1):
            location = f"{path}, line {number}"
            total += len(line)
            if len(line) > max_line_bytes:
                msg = f"{location}: longer than the limit of {max_line_bytes} bytes per line"
                raise ValueError(msg)
            if total > max_total_bytes:
                msg = f"{location}: the file exceeds the limit of {max_total_bytes} bytes (decompressed)"
                raise ValueError(msg)
            yield location, _parse(location, line)


def _open(path: Path) -> BufferedIOBase:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _read_lines(path: Path, file: BufferedIOBase, max_line_bytes: int) -> Iterator[bytes]:
    """Yield lines; of a line that is too long, at most one byte more than the limit."""
    try:
        while line := file.readline(max_line_bytes + 1):
            yield line
    except (gzip.BadGzipFile, EOFError, zlib.error) as exc:
        msg = f"{path}: damaged or not a gzip file ({exc})"
        raise ValueError(msg) from exc


def _parse(location: str, line: bytes) -> Any:
    try:
        return json.loads(line.decode())
    except (ValueError, RecursionError) as exc:
        msg = f"{location}: not JSON ({exc})"
        raise ValueError(msg) from exc
