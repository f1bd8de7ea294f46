"""Fakes for testing graphs: a scripted chat model, clocks, and a server that replays recorded models.

The public names are listed in `__init__.pyi` and loaded on first use. The server needs the extra `[testing]`, the rest
nothing more than the package.
"""

import warnings
from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "Habits":
        warnings.warn("`Habits` is now `ServerBehaviour`", DeprecationWarning, stacklevel=2)
        name = "ServerBehaviour"
    return _load(name)
