"""`BudgetError`: nothing can be asked within the budget."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from lightrouter_graph.errors import LightRouterError


class BudgetError(LightRouterError, RuntimeError):
    """Not even one short answer is sure to stay within the budget; nothing was spent.

    Attributes:
        needed: What the cheapest way may take: `usd`, `tokens`, `calls` or `seconds`, those that are short.
        left: What is left of the same.
        scope: Whose budget it is, "run" or "thread".
    """

    def __init__(self, problem: str, *, needed: Mapping[str, float], left: Mapping[str, float], scope: str) -> None:
        self.needed = dict(needed)
        self.left = dict(left)
        self.scope = scope
        super().__init__(problem)

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive a pickle, as exceptions of worker processes must."""
        return partial(type(self), str(self), needed=self.needed, left=self.left, scope=self.scope), ()
