"""One kill: a worker is killed in the middle of a question, another goes on, and every call is accounted for."""

import functools
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from resilience.routers import THREAD, router_at, serving
from resilience.zygote import Zygote

from lightrouter_graph.testing import RecordedModelServer

Calls = Counter[tuple[str, int | None]]
"""How often each model was asked under each cap: enough to tell all the calls of a run from each other."""


@dataclass(frozen=True)
class Kept:
    """What a database holds of a thread; `paid` are the calls of the run that is or was last under way."""

    run: str | None
    under_way: tuple[str, ...]
    messages: Sequence[Any]
    paid: Calls
    returned: Counter[str]


@dataclass(frozen=True)
class Undisturbed:
    """The first question and the second without a kill: how long each took, its calls and its answer.

    `idle_s` is what a worker takes that is asked nothing.
    """

    setting: str
    synchronous: bool
    idle_s: float
    seconds: Sequence[float]
    calls: Sequence[Calls]
    answers: Sequence[str]
    database: Path
    """What the first question left."""


@dataclass(frozen=True)
class Kill:
    """What a kill did: where it fell, and what of the calls made before it was kept, lost and paid again."""

    setting: str
    turn: int
    moment_s: float
    stage: str
    kept: int
    paid_again: int
    returned_and_lost: int


def read(database: Path) -> Kept:
    """Read what is written down: the last checkpoint, and the results of single nodes since."""
    with SqliteSaver.from_conn_string(str(database)) as saver:
        state = _reader().compile(checkpointer=saver).get_state(THREAD)
        saved = saver.get_tuple(THREAD)
    call_costs = list(state.values.get("call_costs", ()))
    if saved is not None and state.next:
        # The results of tasks are saved one by one, until the node has ended.
        parts = {part: value for part, channel, value in saved.pending_writes or () if channel == "__return__"}
        for part in parts.values():
            call_costs += part["call_costs"] if "call_costs" in part else [*part["earlier"], part["call_cost"]]
    sent = [call_cost for call_cost in call_costs if call_cost["outcome"] in {"completed", "lost"}]
    return Kept(
        run=state.values.get("run"),
        under_way=tuple(task.name.strip("_") for task in state.tasks),
        messages=state.values.get("messages", ()),
        paid=Counter((call_cost["candidate"], call_cost["cap"]) for call_cost in sent),
        returned=Counter(call_cost["candidate"] for call_cost in sent if call_cost["outcome"] == "completed"),
    )


@functools.cache
def _reader() -> Any:
    return router_at("http://127.0.0.1:9/v1", "fixed")  # it is never run


def asked(server: RecordedModelServer) -> Calls:
    """Count what a server was asked."""
    bodies = [request.body for request in server.requests]
    return Counter((body["model"], body.get("max_completion_tokens")) for body in bodies)


def run_undisturbed(zygote: Zygote, setting: str, folder: Path, *, synchronous: bool = False) -> Undisturbed:
    """Ask both questions, each of a worker of its own."""
    name = f"{setting}-{synchronous}"
    database, after_first = folder / f"{name}.sqlite", folder / f"{name}-first.sqlite"
    with serving(setting) as server:

        def seconds_for(*questions: int) -> float:
            server.reset()
            began = time.monotonic()
            zygote.start(setting, server.base_url, database, questions, synchronous=synchronous).join()
            return time.monotonic() - began

        idle_s = seconds_for()
        first_s, first = seconds_for(0), asked(server)
        shutil.copy(database, after_first)
        second_s, second = seconds_for(1), asked(server)
    answers = [message.text for message in read(database).messages if message.type == "ai"]
    return Undisturbed(setting, synchronous, idle_s, (first_s, second_s), (first, second), answers, after_first)


def kill_and_resume(zygote: Zygote, usual: Undisturbed, turn: int, moment_s: float, database: Path) -> Kill:
    """Kill a worker some time after its start, let another go on, and check the thread and the bill.

    Args:
        zygote: Who forks the workers.
        usual: The same without a kill.
        turn: The question during which to kill; after the first the second is asked as well.
        moment_s: When.
        database: Where the thread is to be kept.
    """
    first_run = None
    if turn:
        shutil.copy(usual.database, database)
        first_run = read(database).run
    with serving(usual.setting) as before, serving(usual.setting) as after:
        start = functools.partial(zygote.start, usual.setting, synchronous=usual.synchronous)
        worker = start(before.base_url, database, [turn])
        time.sleep(moment_s)
        worker.kill()
        kept = read(database)
        paid = kept.paid if kept.run != first_run else Counter()
        returned = kept.returned if kept.run != first_run else Counter()
        start(after.base_url, database, [turn]).join()
        assert asked(after) == usual.calls[turn] - paid, (kept, asked(after), usual.calls[turn])
        _check_thread(database, usual, questions=turn + 1)
        before.wait_until_idle()
        lost = _returned(before) - returned
        again = asked(before) + asked(after) - usual.calls[turn]
        if turn == 0:
            start(after.base_url, database, [1]).join()
            _check_thread(database, usual, questions=2)
    return Kill(usual.setting, turn, moment_s, _stage(kept, turn), paid.total(), again.total(), lost.total())


def _check_thread(database: Path, usual: Undisturbed, *, questions: int) -> None:
    state = read(database)
    assert not state.under_way
    assert [message.type for message in state.messages] == ["human", "ai"] * questions
    assert [message.text for message in state.messages[1::2]] == usual.answers[:questions]
    assert state.paid == usual.calls[questions - 1]


def _returned(server: RecordedModelServer) -> Counter[str]:
    """Count the calls that were answered, by model."""
    returned: Counter[str] = Counter()
    for (model, _), bill in server.billed.items():
        returned[model] += bill.calls - bill.cancelled
    return returned


def _stage(kept: Kept, turn: int) -> str:
    if kept.under_way:
        return kept.under_way[0]
    return "end" if len(kept.messages) > 2 * turn else "before"
