"""Executes one run of an experiment: checks its directory, runs the methods and writes the report."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol, TypedDict

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.experiments.base import Experiment
from lightrouter_graph.evaluation.jsonl_log import replace_file
from lightrouter_graph.evaluation.methods.base import Need
from lightrouter_graph.evaluation.methods.lightrouter import LightRouter
from lightrouter_graph.evaluation.methods.registry import named
from lightrouter_graph.evaluation.questions import REMOVED_SCORING, Question, Scoring, fold_of
from lightrouter_graph.evaluation.records import Result, RunFacts, Summary
from lightrouter_graph.evaluation.report import write_report
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.stats.summary import summarise

ExperimentFactory = Callable[[Sequence[str], frozenset[Need]], Experiment]
"""Function (names of the candidates, fulfilled requirements) -> experiment."""


class Progress(Protocol):
    """Receives the progress of a run."""

    def say(self, line: str) -> None:
        """Show a message."""

    def begin(self, what: str, total: int) -> None:
        """Start a phase with a number of steps."""

    def advance(self, steps: int) -> None:
        """Count completed steps of the phase."""


@checked_choices(EvaluationError, REMOVED_SCORING)
@dataclass(frozen=True, slots=True)
class RunSettings:
    """Settings of a run.

    Attributes:
        data: Name or path for `datasets.load`.
        folder: Directory of the run; a stopped run resumes there.
        questions: Maximum number of questions; None for all.
        models: Candidates of a replay, highest prior first; empty for all recorded models, most expensive first.
        max_price: Maximum output price of a candidate in USD per 1M tokens; None for no limit.
        max_models: Maximum number of candidates, the most expensive ones; None for all.
        seed: Seed of every random choice.
        folds: Number of folds.
        jobs: Number of processes of a replay.
        overhead: Tokens of instructions that every recorded prompt had in addition to the question.
        changes: Settings for every LightRouter method that does not set them itself, as `boot_tokens=16,top_k=3`.
        scoring: Scoring method of recorded outputs; None for the recorded scores.
        command: Command line, for the report.
    """

    data: str
    folder: Path
    questions: int | None = None
    models: tuple[str, ...] = ()
    max_price: float | None = None
    max_models: int | None = None
    seed: int = 0
    folds: int = 2
    jobs: int = 1
    overhead: int = 0
    changes: str = ""
    scoring: Scoring | None = None
    command: str = ""


class RunSpec(TypedDict):
    """Content of `run.json`: what must be equal to resume a run."""

    data: str
    mode: Literal["replay", "live"]
    candidates: list[str]
    prices: dict[str, tuple[float, float] | None]
    questions: list[str]
    scoring: Scoring
    seed: int
    folds: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MethodResults:
    """Questions with recorded outputs, the file of results, and notes for the report."""

    questions: tuple[Question, ...]
    results: ResultsFile
    notes: tuple[str, ...] = ()


class PreparedRun(Protocol):
    """A run that is ready to execute, over recordings or live models."""

    @property
    def spec(self) -> RunSpec:
        """Content of `run.json`."""

    @property
    def offered(self) -> frozenset[Need]:
        """Requirements of methods that the run fulfils."""

    def run_methods(self, methods: Sequence[str], progress: Progress) -> MethodResults:
        """Run the methods over the questions without a result."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """Statistics, directory, experiment and results of a finished run."""

    summary: Summary
    folder: Path
    experiment: Experiment
    results: Sequence[Result] = ()


def have_history(asked: Iterable[str], scored: Iterable[str], folds: int) -> bool:
    """Return True if every asked question has scored questions in another fold; a small set may have one fold only."""
    scored_folds = {fold_of(number, folds) for number in scored}
    return all(scored_folds - {fold_of(number, folds)} for number in asked)


def execute_run(settings: RunSettings, run: PreparedRun, design: ExperimentFactory, progress: Progress) -> RunReport:
    """Run an experiment and write its report.

    Raises:
        EvaluationError: If a method needs what the run does not fulfil, or the directory has a run with another spec.
    """
    experiment = design(run.spec["candidates"], run.offered)
    if experiment.live_only and "live" not in run.offered:
        msg = f"{experiment.name} needs live models: a replayed model returns the same output for every prompt"
        raise EvaluationError(msg)
    methods = _distinct(experiment.methods, settings.changes)
    for name in methods:
        if missing := sorted(named(name).needs - run.offered):
            msg = f"method {name!r} needs {' and '.join(missing)}, which this run does not have"
            raise EvaluationError(msg)
    _write_spec(settings.folder, run.spec)
    done = run.run_methods(methods, progress)
    progress.say(f"writing the report to {settings.folder}")
    return _report(settings, run.spec, experiment, methods, done)


def _distinct(names: Sequence[str], changes: str) -> tuple[str, ...]:
    """Leave out methods that equal an earlier one: `--set` may make two presets equal."""
    by_settings: dict[str, str] = {}
    for name in names:
        method = named(name, changes)
        key = repr(replace(method, name="", label="")) if isinstance(method, LightRouter) else name
        by_settings.setdefault(key, name)
    return tuple(by_settings.values())


def _write_spec(folder: Path, spec: RunSpec) -> None:
    """Write `run.json`, or check that it is equal.

    The questions of a replay may differ: its methods learn from all recorded questions.
    """
    path = folder / "run.json"
    now = json.loads(json.dumps(spec))
    if path.exists():
        then = _read_spec(path)
        free = {"questions"} if then.get("mode") == now["mode"] == "replay" else set()
        differing = [d for name in now if name not in free for d in _differences(name, then.get(name), now[name])]
        if differing:
            held = "; ".join(differing)
            msg = f"{folder} holds a run with {held}: choose another folder with --out, or use the same settings"
            raise EvaluationError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(now, indent=1).encode() + b"\n")


def _differences(name: str, then: Any, now: Any) -> list[str]:
    if then == now:
        return []
    if isinstance(then, dict) and isinstance(now, dict):
        return [d for key in now for d in _differences(f"{name} {key}", then.get(key), now[key])] or [f"other {name}"]
    if name == "questions":
        counts = [len(value) if isinstance(value, list) else 0 for value in (then, now)]
        return [f"{counts[0]} questions, now {counts[1]}" if counts[0] != counts[1] else "other questions"]
    return [f"{name} = {str(then)[:60]}, now {str(now)[:60]}"]


def _read_spec(path: Path) -> Mapping[str, Any]:
    try:
        then = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError):
        then = None
    if not isinstance(then, dict):
        msg = f"{path} is damaged: it is not a JSON object; choose another folder with --out"
        raise EvaluationError(msg)
    return then


def _report(
    settings: RunSettings, spec: RunSpec, experiment: Experiment, methods: Sequence[str], done: MethodResults
) -> RunReport:
    asked = {question.id for question in done.questions}
    kept = [r for r in done.results.results if r["method"] in methods and r["question"] in asked]
    results = sorted(kept, key=lambda result: methods.index(result["method"]))
    by_method = {name: [r for r in results if r["method"] == name] for name in methods}
    findings = experiment.find(by_method, done.questions)
    changes = settings.changes.replace(",", ", ")
    changed = [f"Applied to every LightRouter method that does not set it itself: {changes}."] if changes else []
    facts: RunFacts = {
        "title": f"{experiment.title}: {Path(spec['data']).name.removesuffix('.gz').removesuffix('.jsonl')}",
        "experiment": experiment.name,
        "data": spec["data"],
        "mode": spec["mode"],
        "questions": len(done.questions),
        "candidates": spec["candidates"],
        "prices": spec["prices"],
        "scoring": spec["scoring"],
        "seed": spec["seed"],
        "folds": spec["folds"],
        "command": settings.command,
        "version": version("lightrouter-graph"),
        "notes": [*done.notes, *_fallbacks(by_method), *changed, *experiment.notes],
    }
    labels = {name: named(name).label for name in methods}
    ours = [name for name in methods if isinstance(named(name), LightRouter)]
    against = [name for name in dict.fromkeys([*experiment.against, *ours]) if by_method.get(name)]
    summary = summarise(results, done.questions, facts, labels, against)
    if findings.curves:
        summary["curves"] = findings.curves
    if findings.notes:
        summary["findings"] = list(findings.notes)
    write_report(settings.folder, summary, results, done.questions)
    return RunReport(summary, settings.folder, experiment, results)


def _fallbacks(by_method: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    for name, results in by_method.items():
        selectors = [s for r in results if r["route"] is not None and (s := r["route"]["selector"])]
        if count := sum(selector.startswith("llm, then") for selector in selectors):
            yield (
                f"{named(name).label}: in {count:,} of {len(selectors):,} rankings the judge gave no valid verdict, "
                "and the consistency selector ranked instead."
            )
