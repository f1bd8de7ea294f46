"""What runs in the worker processes of `mathematics`: a script that compares expressions by `math-verify`.

It reads lines of JSON, `[reference, text]`, and answers each with one: `EQUAL`, `DIFFERENT` or `NOT_READ`.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any

EQUAL, DIFFERENT, NOT_READ = 1, 0, -1
"""What a comparison can find; the last where the reference is nothing that can be compared."""

_MOST_BYTES = 2 * 2**30
_LONGEST_TEXT = 20_000
"""Of a longer text, only so many characters of its end are read."""


def compare(library: Any, reference: str, text: str) -> int:
    """Say whether the expression in `text` is the reference.

    Args:
        library: The module `math_verify`. It stops itself by a signal, so this must be the main thread.
        reference: With or without dollar signs.
        text: The whole answer.
    """
    right = library.parse(_as_formula(reference)) or library.parse(reference)
    if not right:
        return NOT_READ
    try:
        said = library.parse(text[-_LONGEST_TEXT:])
        return EQUAL if said and library.verify(right, said) else DIFFERENT
    except (MemoryError, RecursionError):
        return DIFFERENT


def _as_formula(reference: str) -> str:
    return reference if "$" in reference or "\\boxed" in reference else f"${reference}$"


def _limit_memory() -> None:
    try:
        import resource  # noqa: PLC0415 - only POSIX has it
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _MOST_BYTES if hard == resource.RLIM_INFINITY else min(_MOST_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def main() -> None:
    """Compare until nobody asks any more."""
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print is no reply
    _limit_memory()
    library = import_module("math_verify")  # without which this package can do
    for line in sys.stdin:
        reference, text = json.loads(line)
        print(compare(library, reference, text), file=told, flush=True)


if __name__ == "__main__":
    main()
