"""What runs in the worker processes of `mathematics`: one comparison by `math-verify`."""

import logging
from functools import cache
from typing import Any

from lightrouter_graph.evaluation.extras import need

NOT_READ = -1
"""Returned where the reference is nothing that can be compared."""

_MOST_BYTES = 2 * 2**30
_LONGEST_TEXT = 20_000
"""Of a longer text, only so many characters of its end are read."""


def compare(reference: str, text: str) -> int:
    """Say whether the expression in `text` equals the reference: 1, 0, or `NOT_READ`.

    Must run in the main thread.
    """
    library = _library()
    right = library.parse(_as_formula(reference)) or library.parse(reference)
    if not right:
        return NOT_READ
    try:
        said = library.parse(text[-_LONGEST_TEXT:])
        return int(bool(said) and library.verify(right, said))
    except (MemoryError, RecursionError):
        return 0


def _as_formula(reference: str) -> str:
    return reference if "$" in reference or "\\boxed" in reference else f"${reference}$"


@cache
def _library() -> Any:
    _limit_memory()
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it reports each answer it cannot read
    return need("math_verify", extra="math", what="scoring mathematical answers")


def _limit_memory() -> None:
    try:
        import resource  # noqa: PLC0415 - only POSIX has it
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _MOST_BYTES if hard == resource.RLIM_INFINITY else min(_MOST_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
