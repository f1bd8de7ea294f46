"""What many runs came to, in a few lines."""

from collections import Counter
from dataclasses import dataclass, field

from resilience.chaos_checks import causes_of
from resilience.chaos_runs import Outcome


@dataclass
class Summary:
    """Ends, causes, calls and times of many runs."""

    ends: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    again: int = 0
    deadlines: int = 0
    late: int = 0
    worst_s: float = -1.0
    longest_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        decision = outcome.messages[0].response_metadata["lightrouter"] if outcome.messages else None
        if decision is None:
            self.ends[type(outcome.error).__name__] += 1
        else:
            self.ends["complete" if decision["complete"] else "incomplete"] += 1
        self.causes += causes_of(outcome)
        self.calls += Counter(call_cost["outcome"] for call_cost in outcome.records["call_costs"])
        self.calls["reached the server"] += sum(outcome.asked.values())
        self.longest_s = max(self.longest_s, outcome.seconds)
        deadline = outcome.plan.settings["deadline_s"]
        if deadline is not None:
            self.deadlines += 1
            self.late += outcome.seconds >= deadline
            self.worst_s = max(self.worst_s, outcome.seconds - deadline)

    def __str__(self) -> str:
        """Tell it all."""
        return "\n".join(
            (
                f"ends       {_told(self.ends)}",
                f"causes     {_told(self.causes)}",
                f"calls      {_told(self.calls)}",
                f"deadlines  {self.deadlines}, reached {self.late}, at worst {self.worst_s * 1000:+.0f} ms; "
                f"played again {self.again}; longest run {self.longest_s:.2f} s",
            )
        )


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {count}" for what, count in counts.most_common())
