"""LightRouter (arXiv 2505.16221) as a LangGraph component: many models boot, the best answer, one answer is returned.

`__init__.pyi` lists the public names and their modules. Each is imported at its first use, so that importing the
package is fast and needs no API key, network or client.
"""

from typing import Any

import lazy_loader

_lazy_getattr, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_RENAMED = {"BestAggregator": "TopRankedAggregator", "Spending": "CallCost"}
"""Names of version 0.1 and their successors."""


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        from lightrouter_graph.errors import warn_deprecated  # noqa: PLC0415 - only for an old name

        warn_deprecated(f"lightrouter_graph.{name}", _RENAMED[name])
        name = _RENAMED[name]
    return _lazy_getattr(name)
