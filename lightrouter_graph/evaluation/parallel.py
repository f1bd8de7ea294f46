"""Replays methods in several processes and writes every batch of results to disk."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.datasets.registry import load
from lightrouter_graph.evaluation.methods.registry import named
from lightrouter_graph.evaluation.questions import Scoring
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.evaluation.replay_runner import Models, Replay, is_complete
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.scoring import rescored

_BATCH = 20
"""Questions per batch: the results that a kill can lose, for each process."""


@checked_choices(EvaluationError)
@dataclass(frozen=True, slots=True)
class Plan:
    """Input of a replay: data set (name or path), candidates, ids of the questions, and settings of the run."""

    data: str
    models: Models
    ids: tuple[str, ...]
    seed: int = 0
    folds: int = 2
    changes: str = ""
    scoring: Scoring | None = None


def _make_replay(plan: Plan) -> Replay:
    data = rescored(load(plan.data), plan.scoring)
    questions = [q for q in data.questions if is_complete(q, plan.models.names)]
    return Replay(questions, plan.models, seed=plan.seed, folds=plan.folds)


def run_replay(
    plan: Plan,
    methods: Sequence[str],
    results: ResultsFile,
    *,
    jobs: int = 1,
    done: Callable[[Sequence[Result]], None] = lambda _: None,
) -> None:
    """Run the methods over the questions without a result, in `jobs` processes; 1 runs in this process.

    `done` is called with every batch of results after it was written.
    """
    work = list(_left(plan, methods, results.done))
    if jobs == 1 or len(work) == 1:
        replay = _make_replay(plan) if work else None
        for method, ids in work:
            assert replay is not None
            _keep(results, replay.run(named(method, plan.changes), ids), done)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start_worker, (plan,)) as processes:
        with _ignoring_interrupts():
            running: list[Future[list[Result]]] = [processes.submit(_run, method, ids) for method, ids in work]
        try:
            for future in as_completed(running):
                _keep(results, future.result(), done)
        except BaseException:  # an interrupt or a bug: start no new batch, keep the written results
            # Wait here: the end of the block would wait without cancelling.
            processes.shutdown(wait=True, cancel_futures=True)
            raise


def _left(plan: Plan, methods: Sequence[str], done: set[tuple[str, str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for method in methods:
        ids = tuple(number for number in plan.ids if (method, number) not in done)
        for start in range(0, len(ids), _BATCH):
            yield method, ids[start : start + _BATCH]


def _keep(results: ResultsFile, new: Sequence[Result], done: Callable[[Sequence[Result]], None]) -> None:
    results.append(new)
    done(new)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Let processes started inside ignore Ctrl-C, which a terminal sends to all of them: this process ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_worker: dict[str, tuple[Replay, str]] = {}
"""The replay of this worker process, and the changes of its methods."""


def _start_worker(plan: Plan) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker["plan"] = _make_replay(plan), plan.changes


def _end_with_parent() -> None:
    """End this worker when its parent was killed; it would wait for work forever."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _run(method: str, ids: Sequence[str]) -> list[Result]:
    replay, changes = _worker["plan"]
    return replay.run(named(method, changes), ids)
