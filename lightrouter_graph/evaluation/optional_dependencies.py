"""Packages that only some evaluations need: imported when first used, and named in one sentence when missing."""

from importlib import import_module
from typing import Any

from lightrouter_graph.errors import EvaluationError


def need(module: str, *, extra: str, what: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: Its dotted name.
        extra: The extra of this package that installs it.
        what: What it is needed for, as the subject of a sentence.

    Returns:
        The module.

    Raises:
        EvaluationError: If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as exc:
        msg = f"{what} needs the package {module.partition('.')[0]!r}: pip install 'lightrouter-graph[{extra}]'"
        raise EvaluationError(msg) from exc
