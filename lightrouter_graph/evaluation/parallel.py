"""Thousands of replayed questions over several processes, with every result on the disk as soon as it is there."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process

from lightrouter_graph.evaluation.datasets.registry import load
from lightrouter_graph.evaluation.methods.registry import named
from lightrouter_graph.evaluation.questions import Scoring
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.evaluation.replay_runner import Models, Replay, is_complete
from lightrouter_graph.evaluation.rescore import rescored
from lightrouter_graph.evaluation.results import ResultsFile

_AT_ONCE = 20
"""Questions a process runs before it hands their results over: what a kill can lose, for each process."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is replayed; all a process needs to know, and all that must be equal for a run to go on.

    Attributes:
        data: What `load` takes: a file of recordings, or a name.
        models: The candidates.
        ids: The questions that are asked.
        seed: Of every random choice.
        folds: In how many parts the questions are split.
        changes: Settings laid over every LightRouter method.
        scoring: How the outputs are scored anew; None for the scores that were recorded.
    """

    data: str
    models: Models
    ids: tuple[str, ...]
    seed: int = 0
    folds: int = 2
    changes: str = ""
    scoring: Scoring | None = None


def make_replay(plan: Plan) -> Replay:
    """Load the data of a plan."""
    data = rescored(load(plan.data), plan.scoring)
    questions = [q for q in data.questions if is_complete(q, plan.models.names)]
    return Replay(questions, plan.models, seed=plan.seed, folds=plan.folds)


def run_replay(
    plan: Plan,
    methods: Sequence[str],
    results: ResultsFile,
    *,
    jobs: int = 1,
    tell: Callable[[Sequence[Result]], None] = lambda _: None,
) -> None:
    """Run what is not in the results yet.

    Args:
        plan: What is replayed.
        methods: Names of methods, as `named` knows them.
        results: Where results go, and which are there already.
        jobs: How many processes; 1 = this one.
        tell: Told of every batch of results that was written.
    """
    work = list(_left(plan, methods, results.done))
    if jobs == 1 or len(work) == 1:
        replay = make_replay(plan) if work else None
        for method, ids in work:
            assert replay is not None
            _keep(results, replay.run(named(method, plan.changes), ids), tell)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (plan,)) as processes:
        with _interrupts_ignored():
            running: list[Future[list[Result]]] = [processes.submit(_run, method, ids) for method, ids in work]
        try:
            for done in as_completed(running):
                _keep(results, done.result(), tell)
        except BaseException:  # an interrupt, or a mistake: nothing new is begun, and what is there is kept
            # Waiting here: the end of the block would take the cancelling back before anybody saw it.
            processes.shutdown(wait=True, cancel_futures=True)
            raise


def _left(plan: Plan, methods: Sequence[str], done: set[tuple[str, str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for method in methods:
        ids = tuple(number for number in plan.ids if (method, number) not in done)
        for start in range(0, len(ids), _AT_ONCE):
            yield method, ids[start : start + _AT_ONCE]


def _keep(results: ResultsFile, new: Sequence[Result], tell: Callable[[Sequence[Result]], None]) -> None:
    results.append(new)
    tell(new)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let processes that are begun inside ignore Ctrl-C, which a terminal sends to all: ending them is our task."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_here: dict[str, tuple[Replay, str]] = {}
"""What this process replays, and the settings laid over its methods."""


def _begin(plan: Plan) -> None:
    """Prepare a process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here["plan"] = make_replay(plan), plan.changes


def _end_with_parent() -> None:
    """Leave nobody behind whose parent was killed: it would wait for work for ever."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _run(method: str, ids: Sequence[str]) -> list[Result]:
    replay, changes = _here["plan"]
    return replay.run(named(method, changes), ids)
