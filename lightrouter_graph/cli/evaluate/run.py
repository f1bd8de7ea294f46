"""Runs an experiment of `lightrouter eval` from its options."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from lightrouter_graph.aggregators import AutoAggregator, LLMAggregator
from lightrouter_graph.cli.evaluate.progress import Bar, NoBar
from lightrouter_graph.cli.pool_options import Source, open_pool
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.registry import load
from lightrouter_graph.evaluation.experiments.ablations import boot_tokens, layers, top_k
from lightrouter_graph.evaluation.experiments.base import Experiment
from lightrouter_graph.evaluation.experiments.equal_cost import equal_cost
from lightrouter_graph.evaluation.experiments.error_injection import corruption
from lightrouter_graph.evaluation.experiments.main_table import everything
from lightrouter_graph.evaluation.experiments.predictiveness import predictiveness
from lightrouter_graph.evaluation.live_runner import Roles
from lightrouter_graph.evaluation.methods.base import Need
from lightrouter_graph.evaluation.questions import DataSet, Scoring
from lightrouter_graph.evaluation.runs.live import LiveSettings, prepare_cassette_replay, prepare_live
from lightrouter_graph.evaluation.runs.replay import prepare_replay
from lightrouter_graph.evaluation.runs.run import ExperimentFactory, PreparedRun, RunReport, RunSettings, execute_run
from lightrouter_graph.evaluation.runs.run_directory import methods_of
from lightrouter_graph.pool import Candidate, Pool

FOLDER = Path("lightrouter-eval")


def run_experiment(name: str, given: Mapping[str, Any], command: str) -> RunReport:
    """Run one experiment and write its report.

    Args:
        name: Name of the experiment, e.g. "run" or "ablate-top-k".
        given: Options by parameter name of the command.
        command: The command line, for the report.

    Returns:
        The run with its summary and directory.

    Raises:
        EvaluationError: If the options do not fit the data, the methods or an earlier run in the directory.
        PoolError: If a candidate is not usable.
    """
    with NoBar() if given["quiet"] else Bar() as bar:
        bar.say(f"loading {given['data']}")
        data = load(given["data"])
        folder = given["out"] or FOLDER / f"{_short(data)}-{name}"
        settings = _settings(given, folder, command, replayed=_is_replayed(given, data))
        run = _run(settings, given, data, bar)
        try:
            return execute_run(settings, run, _design(name, given["method"] or ()), bar)
        except KeyboardInterrupt:
            bar.say(f"results are kept in {folder}: run the same command to resume")
            raise


def play_again(
    earlier: Path, out: Path | None, methods: Sequence[str], command: str, *, tape: Path | None, quiet: bool
) -> RunReport:
    """Replay the recorded calls of a live run.

    Args:
        earlier: Directory of the live run.
        out: Directory of the replay; None = `RUN-again`.
        methods: Method names; empty = those of the live run.
        command: The command line, for the report.
        tape: Cassette file with the recorded replies; None = calls.jsonl of the live run.
        quiet: Print no progress.

    Returns:
        The run with its summary and directory.

    Raises:
        EvaluationError: If there is no such run, or the cassette lacks a call.
    """
    folder = out or earlier.with_name(f"{earlier.name}-again")
    chosen = methods or methods_of(earlier)
    with NoBar() if quiet else Bar() as bar:
        settings = RunSettings(data="", folder=folder, command=command)
        run = prepare_cassette_replay(settings, earlier, cassette=tape)
        return execute_run(settings, run, partial(everything, chosen=chosen), bar)


def _settings(given: Mapping[str, Any], folder: Path, command: str, *, replayed: bool) -> RunSettings:
    return RunSettings(
        data=given["data"],
        folder=folder,
        questions=given["questions"],
        models=tuple(name.strip() for name in given["models"].split(",")) if given["models"] else (),
        max_price=given["max_price"],
        max_models=given["max_models"],
        seed=given["seed"],
        folds=given["folds"],
        jobs=given["jobs"],
        overhead=given["overhead"],
        changes=",".join(given["set_"] or ()),
        scoring=cast("Scoring | None", given["scoring"]) if replayed else None,
        command=command,
    )


def _run(settings: RunSettings, given: Mapping[str, Any], data: DataSet, bar: Bar) -> PreparedRun:
    if _is_replayed(given, data):
        _refuse(given, _LIVE_ONLY, f"{settings.data} holds recorded outputs; add --live to call models, or remove")
        return prepare_replay(settings, data)
    _refuse(given, _REPLAY_ONLY, "this run calls models, so recorded ones cannot be selected: remove")
    source = open_pool(given["pool"], given["candidate"])
    bar.say(source.announcement)
    live = LiveSettings(
        roles=_roles(source, given),
        scoring=cast("Scoring | None", given["scoring"]),
        max_tokens=given["max_tokens"],
        max_usd=given["budget"],
        concurrency=given["concurrency"],
    )
    return prepare_live(settings, live, data, cassette=given["tape"])


_LIVE_ONLY = ("pool", "candidate", "writer", "judge", "budget", "tape", "max_tokens")
_REPLAY_ONLY = ("models", "max_price", "max_models", "overhead")


def _is_replayed(given: Mapping[str, Any], data: DataSet) -> bool:
    return not given["live"] and any(question.outputs for question in data.questions)


def _refuse(given: Mapping[str, Any], names: Sequence[str], why: str) -> None:
    """Raise an error for options without effect."""
    if idle := [f"--{name.replace('_', '-')}" for name in names if given[name]]:
        msg = f"{why} {', '.join(idle)}"
        raise EvaluationError(msg)


def _roles(source: Source, given: Mapping[str, Any]) -> Roles:
    """Return the models of the run; the demo models have a merger and no judge."""
    own = source.aggregator.synthesis if isinstance(source.aggregator, AutoAggregator) else None
    merger = own.model if isinstance(own, LLMAggregator) and isinstance(own.model, Candidate) else None
    first = None if merger is not None else source.pool.candidates[0]
    writer = _member(source.pool, "writer", given["writer"]) if given["writer"] else merger
    judge = _member(source.pool, "judge", given["judge"]) if given["judge"] else first
    return Roles(source.pool, writer, judge, writer_follows_instructions=writer is not merger or merger is None)


def _member(pool: Pool, role: str, name: str) -> Candidate:
    """Return the pool's candidate of that name, with its price, else a model by its spec."""
    return pool[name] if name in pool.names else Candidate(role, name)


def _design(name: str, methods: Sequence[str]) -> ExperimentFactory:
    def _experiment(candidates: Sequence[str], offered: frozenset[Need]) -> Experiment:
        judged = "judge" in offered
        makers: dict[str, Callable[[], Experiment]] = {
            "run": lambda: everything(candidates, offered, methods),
            "predictiveness": lambda: predictiveness(judged=judged),
            "equal-cost": lambda: equal_cost(candidates),
            "corruption": corruption,
            "ablate-boot-tokens": boot_tokens,
            "ablate-top-k": top_k,
            "ablate-layers": lambda: layers(judged=judged),
        }
        return makers[name]()

    return _experiment


def _short(data: DataSet) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in data.name)
