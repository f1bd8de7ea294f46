"""Cost of runs that are in flight on one thread at once, so that the thread's budget holds over all of them.

Each of them begins with the same state and cannot see the others; the last one to end replaces the state. One account
per thread, in memory: it does not know the runs of other processes.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from weakref import WeakValueDictionary

from lightrouter_graph.budget.amounts import NOTHING, Amount

_MAX_THREADS = 1024
"""Threads whose ended runs are remembered."""


class RunShare:
    """What one run has spent and reserved so far."""

    def __init__(self, account: "ThreadAccount") -> None:
        self.account, self.amount = account, NOTHING

    def others(self) -> Amount:
        """Return what the other runs in flight have spent and reserved."""
        return sum((share.amount for share in self.account.in_flight.values() if share is not self), NOTHING)

    def change(self, reserved: Amount, settled: Amount = NOTHING) -> None:
        """Add a reserved amount, or replace it by the settled one."""
        mine = self.amount
        self.amount = Amount(
            mine.usd + reserved.usd - settled.usd,
            mine.tokens + reserved.tokens - settled.tokens,
            mine.calls + reserved.calls - settled.calls,
        )


class ThreadAccount:
    """The runs in flight on one thread, and those that ended beside another one."""

    def __init__(self) -> None:
        self.in_flight: dict[str, RunShare] = {}
        self._ended: dict[str, Amount] = {}

    def join(self, run: str) -> RunShare:
        """Begin a run; returns its share."""
        share = self.in_flight[run] = _shares[run] = RunShare(self)
        return share

    def leave(self, run: str) -> None:
        """End a run. If others are in flight or have ended beside it, its cost may be lost from the state: keep it."""
        share = self.in_flight.pop(run, None)
        if share is not None and (self.in_flight or self._ended):
            self._ended[run] = share.amount

    def take_missing(self, recorded: Iterable[str]) -> Amount:
        """Return the cost of ended runs that a state does not contain, once.

        Args:
            recorded: Runs whose cost is in the state.
        """
        missing = [amount for run, amount in self._ended.items() if run not in set(recorded)]
        if not self.in_flight:
            self._ended.clear()
        return sum(missing, NOTHING)


_accounts: OrderedDict[Hashable, ThreadAccount] = OrderedDict()
_shares: WeakValueDictionary[str, RunShare] = WeakValueDictionary()


def account_of(thread: Hashable) -> ThreadAccount:
    """Return the account of a thread."""
    account = _accounts.setdefault(thread, ThreadAccount())
    _accounts.move_to_end(thread)
    while len(_accounts) > _MAX_THREADS:
        _accounts.popitem(last=False)
    return account


def share_of(run: str) -> RunShare | None:
    """Return the share of a run in flight; None for a run without a thread, or resumed in another process."""
    return _shares.get(run)
