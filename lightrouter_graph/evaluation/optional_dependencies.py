"""Optional dependencies: imported when first used; a missing package is an error that names its extra."""

from importlib import import_module
from typing import Any

from lightrouter_graph.errors import EvaluationError


def need(module: str, *, extra: str, what: str) -> Any:
    """Import a module of an optional package; raise an `EvaluationError` if it is not installed.

    Args:
        module: Dotted name of the module.
        extra: The extra of this package that installs it.
        what: The feature that needs it, as the subject of a sentence.
    """
    try:
        return import_module(module)
    except ImportError as exc:
        msg = f"{what} needs the package {module.partition('.')[0]!r}: pip install 'lightrouter-graph[{extra}]'"
        raise EvaluationError(msg) from exc
