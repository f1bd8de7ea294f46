"""From the options of `lightrouter eval` to a study that is run."""

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
from lightrouter_graph.evaluation.live_runner import Cast
from lightrouter_graph.evaluation.methods.base import Need
from lightrouter_graph.evaluation.questions import DataSet, Scoring
from lightrouter_graph.evaluation.runs.live import Calls, over_models, over_tape
from lightrouter_graph.evaluation.runs.replay import over_recordings
from lightrouter_graph.evaluation.runs.run import Design, Reported, Run, Study, run_study
from lightrouter_graph.evaluation.runs.run_directory import methods_of
from lightrouter_graph.pool import Candidate, Pool

FOLDER = Path("lightrouter-eval")


def run_experiment(name: str, given: Mapping[str, Any], command: str) -> Reported:
    """Run an experiment as the options say.

    Args:
        name: The experiment's.
        given: The options, by the names of the commands' parameters.
        command: The whole command line.

    Raises:
        EvaluationError: If it cannot be run as asked.
        PoolError: If the pool is not usable.
    """
    with NoBar() if given["quiet"] else Bar() as bar:
        bar.say(f"loading {given['data']}")
        data = load(given["data"])
        folder = given["out"] or FOLDER / f"{_short(data)}-{name}"
        study = _study(given, folder, command, replayed=_is_replayed(given, data))
        run = _run(study, given, data, bar)
        try:
            return run_study(study, run, _design(name, given.get("method", ())), bar)
        except KeyboardInterrupt:
            bar.say(f"what is done is kept in {folder}: the same command goes on from there")
            raise


def play_again(
    earlier: Path, out: Path | None, methods: Sequence[str], command: str, *, tape: Path | None, quiet: bool
) -> Reported:
    """Play the calls of a live run again.

    Args:
        earlier: The folder of the run.
        out: Where to; None for a folder beside it.
        methods: Which methods; empty for those of the run.
        command: The whole command line.
        tape: Where its replies are; None for the run's own folder.
        quiet: Whether to tell nothing.
    """
    folder = out or earlier.with_name(f"{earlier.name}-again")
    chosen = methods or methods_of(earlier)
    with NoBar() if quiet else Bar() as bar:
        study = Study(data="", folder=folder, command=command)
        return run_study(study, over_tape(study, earlier, tape=tape), partial(everything, chosen=chosen), bar)


def _study(given: Mapping[str, Any], folder: Path, command: str, *, replayed: bool) -> Study:
    return Study(
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


def _run(study: Study, given: Mapping[str, Any], data: DataSet, bar: Bar) -> Run:
    if _is_replayed(given, data):
        _refuse(
            given, _LIVE_ONLY, f"{study.data} holds recorded outputs, and these call models: give --live, or leave out"
        )
        return over_recordings(study, data)
    _refuse(given, _REPLAY_ONLY, "models are called here, and these choose among recorded ones: leave out")
    source = open_pool(given["pool"], given["candidate"])
    bar.say(source.announcement)
    calls = Calls(
        cast=_cast(source, given),
        scoring=cast("Scoring | None", given["scoring"]),
        max_tokens=given["max_tokens"],
        max_usd=given["budget"],
        concurrency=given["concurrency"],
    )
    return over_models(study, calls, data, tape=given["tape"])


_LIVE_ONLY = ("pool", "candidate", "writer", "judge", "budget", "tape", "max_tokens")
_REPLAY_ONLY = ("models", "max_price", "max_models", "overhead")


def _is_replayed(given: Mapping[str, Any], data: DataSet) -> bool:
    return not given["live"] and any(question.outputs for question in data.questions)


def _refuse(given: Mapping[str, Any], names: Sequence[str], why: str) -> None:
    """Refuse options that would do nothing."""
    if idle := [f"--{name.replace('_', '-')}" for name in names if given[name]]:
        msg = f"{why} {', '.join(idle)}"
        raise EvaluationError(msg)


def _cast(source: Source, given: Mapping[str, Any]) -> Cast:
    """Say who takes part; the small models that come along have one that merges and none that judges."""
    own = source.aggregator.synthesis if isinstance(source.aggregator, AutoAggregator) else None
    merger = own.model if isinstance(own, LLMAggregator) and isinstance(own.model, Candidate) else None
    first = None if merger is not None else source.pool.candidates[0]
    writer = _member(source.pool, "writer", given["writer"]) if given["writer"] else merger
    judge = _member(source.pool, "judge", given["judge"]) if given["judge"] else first
    return Cast(source.pool, writer, judge, follows=writer is not merger or merger is None)


def _member(pool: Pool, role: str, told: str) -> Candidate:
    """Return a candidate by its name in the pool, with the price it has there, or else a model by its spec."""
    return pool[told] if told in pool.names else Candidate(role, told)


def _design(name: str, methods: Sequence[str]) -> Design:
    def design(candidates: Sequence[str], offered: frozenset[Need]) -> Experiment:
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

    return design


def _short(data: DataSet) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in data.name)
