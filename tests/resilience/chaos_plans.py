"""One plan of a chaos test: six candidates, a judge and a writer, what goes wrong with each, and the settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pprint import pformat
from random import Random
from typing import Any

from resilience.chaos_faults import KINDS, OTHERS, draw_behaviour, draw_fault, draw_timing

from lightrouter_graph import Budget
from lightrouter_graph.testing import Fault, FaultPlan, ServerBehaviour, Timing

CANDIDATES = "abcdef"
ROLES = (*CANDIDATES, "judge", "writer")
BOOT_TIMEOUT_S, TIMEOUT_S, GRACE_S = 0.25, 0.4, 0.05
WAYS = ("ainvoke", "values", "updates", "messages+custom+values", "debug+updates")
SCHEMA = {
    "title": "Reply",
    "type": "object",
    "properties": {"why": {"type": "string"}, "answer": {"type": "integer"}},
    "required": ["answer"],
}


@dataclass(frozen=True)
class Role:
    """How one model behaves in a plan: what it says, what goes wrong with its calls, and how it is called."""

    says: str
    fault: FaultPlan | None = None
    kinds: frozenset[str] = frozenset()
    behaviour: ServerBehaviour | None = None
    timing: Timing | None = None
    continues: bool = False
    priced: bool = False

    @property
    def texts(self) -> set[str]:
        """Every whole answer it may give."""
        return {self.says, *OTHERS} if "other words" in self.kinds else {self.says}

    @property
    def is_honest(self) -> bool:
        """Whether it keeps to its caps and says why it stopped."""
        return self.behaviour is None and not self.kinds & {"mood", "finish reason"}


@dataclass(frozen=True)
class Plan:
    """What one seed makes of it all.

    `way` is how the graph is called; `own_judge` and `own_writer` say whether those are models apart from the pool,
    `own_keys` whether each model has a key, and so a lane, of its own.
    """

    seed: int
    way: str
    settings: Mapping[str, Any]
    roles: Mapping[str, Role] = field(repr=False)
    structured: bool = False
    own_judge: bool = True
    own_writer: bool = True
    own_keys: bool = False

    def __str__(self) -> str:
        """Tell all of it, to be read when it failed."""
        roles = "\n".join(f"  {name}: {pformat(role, width=160)}" for name, role in self.roles.items())
        return f"{self!r}\n{roles}"


def draw_plan(seed: int) -> Plan:
    """Draw a plan; the same one for the same seed."""
    chance = Random(seed)
    badness = chance.choice((0.2, 0.5, 0.8, 1.0))
    structured = chance.random() < 0.2
    verdict = chance.choice(("4", "4", "4 or 5", "any", "none"))
    return Plan(
        seed,
        chance.choice(WAYS),
        _settings(chance, seed),
        {name: _role(chance, name, badness, _says(chance, name, verdict, structured)) for name in ROLES},
        structured=structured,
        own_judge=chance.random() < 0.7,
        own_writer=chance.random() < 0.7,
        own_keys=chance.random() < 0.5,
    )


def _settings(chance: Random, seed: int) -> dict[str, Any]:
    deadline_s = chance.choice((None, 0.6, 1.0))
    # Beside time-outs as short as these a deadline has little to do.
    patient = deadline_s is not None and chance.random() < 0.5
    return {
        "boot_tokens": 10,
        "top_k": 2,
        "layers": chance.choice((1, 2)),
        "agree": chance.choice((None, 2)),
        "width": chance.choice((None, 3)),
        "conditioning": chance.choice(("own", "shared")),
        "selector": chance.choice(("consistency", "llm", "llm", "hybrid", "random")),
        "aggregator": chance.choice(("vote", "llm", "llm", "auto", "top_ranked")),
        "calls": {
            "boot_quorum": chance.choice((None, 3, 4)),
            "boot_grace_s": GRACE_S,
            "answer_quorum": chance.choice((None, 1)),
            "answer_grace_s": GRACE_S,
            "boot_timeout_s": 60.0 if patient else BOOT_TIMEOUT_S,
            "timeout_s": 300.0 if patient else TIMEOUT_S,
            "max_retries": chance.randint(0, 4),
        },
        "deadline_s": deadline_s,
        "max_tokens": chance.choice((None, None, None, 24)),
        "budget": _budget(chance) if chance.random() < 0.15 else None,
        "seed": seed,
    }


def _budget(chance: Random) -> Budget:
    limits = ({"calls": chance.randint(1, 12)}, {"tokens": chance.choice((300, 1500, 6000))})
    return Budget(**chance.choice((*limits, {"usd": chance.choice((0.0003, 0.002, 0.01))})))


def _role(chance: Random, name: str, badness: float, says: str) -> Role:
    kinds, fault = _fault_plan(chance, name) if chance.random() < badness else (frozenset(), None)
    return Role(
        says,
        fault,
        frozenset(kinds),
        draw_behaviour(chance) if chance.random() < 0.2 else None,
        draw_timing(chance) if chance.random() < 0.35 else None,
        continues=name in CANDIDATES and chance.random() < 0.4,
        priced=chance.random() < 0.7,
    )


def _fault_plan(chance: Random, name: str) -> tuple[set[str], FaultPlan]:
    """Draw one fault for every call, or a list of some for the first few."""
    if name not in CANDIDATES and chance.random() < 0.25:
        return {"endless"}, KINDS["endless"](chance)  # those that come last are the ones to make a run late
    if chance.random() < 0.4:
        kind, fault = draw_fault(chance)
        return {kind}, fault
    drawn = [draw_fault(chance) if chance.random() < 0.6 else None for _ in range(chance.randint(1, 5))]
    calls: list[Fault | None] = [None if call is None else call[1] for call in drawn]
    return {call[0] for call in drawn if call is not None}, calls


def _says(chance: Random, name: str, verdict: str, structured: bool) -> str:
    number = {"4": 4, "4 or 5": chance.choice((4, 5)), "any": chance.randint(0, 99), "none": 0}[verdict]
    words = " ".join(f"{name}{place}" for place in range(chance.choice((2, 2, 30))))
    if structured:
        return json.dumps({"why": words, "answer": number})
    return f"{words}." if verdict == "none" else f"{words}. The answer is {number}."


def judge(body: Mapping[str, Any]) -> str:
    """Say how good each boot is, in the form that a judge is asked for."""
    shown = json.loads(body["messages"][1]["content"])["answers"]
    return json.dumps({"scores": [{"label": boot["label"], "score": len(boot["text"]) % 11} for boot in shown]})
