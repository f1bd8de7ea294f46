"""What lives only as long as a run does, and in memory only: its races and its budget of retries."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.runtime.cancellation import when_run_ends
from lightrouter_graph.runtime.early_stop import EarlyStop, EarlyStopRules

_MOST = 1000
"""Runs that are kept, should a graph be compiled by other means than ours and forget none."""


@dataclass(slots=True)
class _Live:
    races: dict[str, EarlyStop] = field(default_factory=dict)
    retries: RetryBudget | None = None


class RunRegistry:
    """The runs of a compiled graph. One that is resumed in another process begins anew here."""

    def __init__(self) -> None:
        self._live: OrderedDict[str, _Live] = OrderedDict()

    def join(
        self, run: str, fan_out: str, rules: EarlyStopRules, answers: Mapping[str, str] = MappingProxyType({})
    ) -> EarlyStop | None:
        """Return the race of a run's fan-out, begun by whoever comes first; None where nothing can decide it.

        With a limit on concurrency branches may come one after the other: the race waits for them, until `end`. A run
        that is resumed in another event loop races anew.
        """
        if not rules:
            return None
        races = self._of(run).races
        race = races.get(fan_out)
        if race is None or race.loop is not asyncio.get_running_loop():
            race = races[fan_out] = EarlyStop(rules, answers)
        return race

    def retries(self, run: str, most: int) -> RetryBudget:
        """Return the budget of retries that all calls of a run share."""
        live = self._of(run)
        if live.retries is None:
            live.retries = RetryBudget(most)
        return live.retries

    def end(self, run: str) -> None:
        """Forget the races of a run, once the step behind its fan-out is reached."""
        live = self._live.get(run)
        if live is not None:
            for race in live.races.values():
                race.forget()
            live.races.clear()

    def forget(self, run: str) -> None:
        """Forget a run that is over."""
        self.end(run)
        self._live.pop(run, None)

    def _of(self, run: str) -> _Live:
        live = self._live.get(run)
        if live is None:
            live = self._live.setdefault(run, _Live())
            when_run_ends(partial(self.forget, run))
        while len(self._live) > _MOST:
            self._live.popitem(last=False)
        return live
