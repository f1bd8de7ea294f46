"""Cost of runs that are in flight on one thread at once, so that the thread's budget holds over all of them.

Each of them begins with the same state and cannot see the others; the last one to end replaces the state. One account
per thread, in memory: it does not know the runs of other processes.
"""

from collections import OrderedDict
from collections.abc import Collection, Hashable
from weakref import WeakValueDictionary

from lightrouter_graph.budget.amounts import NOTHING, Amount, minus
from lightrouter_graph.records import Allowance

_MAX_THREADS = 1024
"""Threads whose ended runs are remembered."""


class RunShare:
    """What one run has spent and reserved so far.

    Args:
        account: Account of its thread.
        limit: What the thread's budget left when the run began.
        known: Ended runs whose cost was subtracted from it.
    """

    def __init__(self, account: "ThreadAccount", limit: Allowance, known: frozenset[str]) -> None:
        self.account, self.limit, self.known, self.amount = account, limit, known, NOTHING

    def others(self) -> Amount:
        """Return what the other runs have spent and reserved: those in flight, and those that ended beside this one."""
        account = self.account
        flying = [share.amount for share in list(account.in_flight.values()) if share is not self]
        ended = [share.amount for run, share in list(account.ended.items()) if run not in self.known]
        return sum((*flying, *ended), NOTHING)

    def left(self) -> Allowance:
        """Return what the thread's budget leaves for the next call of any of its runs."""
        return minus(self.limit, self.amount + self.others())

    def change(self, amount: Amount, *, instead_of: Amount = NOTHING) -> None:
        """Add a reserved amount, or replace it by the cost of the call.

        Args:
            amount: Worst-case cost of a call about to be sent, or the cost of one that has ended.
            instead_of: The amount that was reserved for the call.
        """
        self.amount = self.amount.above(instead_of) + amount


class ThreadAccount:
    """The runs in flight on one thread, and those that ended beside another one."""

    def __init__(self) -> None:
        self.in_flight: dict[str, RunShare] = {}
        self.ended: dict[str, RunShare] = {}

    def missing(self, recorded: Collection[str]) -> Amount:
        """Return the cost of ended runs that a state does not contain; call `join` next.

        Args:
            recorded: Runs whose cost is in the state.
        """
        known = frozenset(recorded).union(*(self.ended[run].known for run in recorded if run in self.ended))
        if not self.in_flight:  # no run can begin with an earlier state any more
            self.ended = {run: share for run, share in self.ended.items() if run not in known or run in recorded}
        return sum((share.amount for run, share in self.ended.items() if run not in known), NOTHING)

    def join(self, run: str, limit: Allowance) -> None:
        """Begin a run.

        Args:
            run: Its id.
            limit: What the thread's budget leaves.
        """
        self.in_flight[run] = _shares[run] = RunShare(self, limit, frozenset(self.ended))

    def leave(self, run: str) -> None:
        """End a run. Its cost is kept if others are in flight or have ended beside it: the state may lose it.

        Args:
            run: Its id; an unknown one has no effect.
        """
        share = self.in_flight.pop(run, None)
        if share is not None and (self.in_flight or self.ended):
            self.ended[run] = share


_accounts: OrderedDict[Hashable, ThreadAccount] = OrderedDict()
_shares: WeakValueDictionary[str, RunShare] = WeakValueDictionary()


def account_of(thread: Hashable) -> ThreadAccount:
    """Return the account of a thread.

    Args:
        thread: Key that is equal for all runs of the thread: identity of the pool, and thread id.
    """
    account = _accounts.setdefault(thread, ThreadAccount())
    _accounts.move_to_end(thread)
    while len(_accounts) > _MAX_THREADS:
        _accounts.popitem(last=False)
    return account


def share_of(run: str) -> RunShare | None:
    """Return the share of a run in flight; None for a run without a thread, or resumed in another process.

    Args:
        run: Id of the run.
    """
    return _shares.get(run)
