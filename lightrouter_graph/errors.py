"""The exceptions a user can meet, all under `LightRouterError`."""

from collections.abc import Mapping


class LightRouterError(Exception):
    """Base of every error this package raises on purpose."""


class PoolError(LightRouterError, ValueError):
    """A pool, a candidate, a model spec or a pool file is not usable as written."""


class ContextError(LightRouterError, ValueError):
    """A setting is outside what `Context` allows."""


class SelectionError(LightRouterError, ValueError):
    """A selector, a prior or an aggregator was built or used in a way that cannot work."""


class QueryError(LightRouterError, ValueError):
    """The conversation given to the graph holds nothing to answer."""


class NoSurvivorError(LightRouterError):
    """No candidate is left that could answer.

    Attributes:
        layer: The 1-based layer in which the last candidate was lost.
        failures: What happened to each candidate, by name.
    """

    def __init__(self, *, layer: int, failures: Mapping[str, str]) -> None:
        self.layer = layer
        self.failures = dict(failures)
        causes = "; ".join(f"{name}: {what}" for name, what in self.failures.items())
        super().__init__(f"no candidate could answer (layer {layer}): {causes or 'none was asked'}")
