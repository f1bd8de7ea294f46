"""One run of one experiment: its settings, its folder, and the report that comes out."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, TypedDict

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.experiments.base import Experiment
from lightrouter_graph.evaluation.methods.base import Method, Need
from lightrouter_graph.evaluation.methods.lightrouter import LightRouter
from lightrouter_graph.evaluation.methods.registry import named
from lightrouter_graph.evaluation.questions import Question, Scoring, fold_of
from lightrouter_graph.evaluation.records import Result, RunFacts, Summary
from lightrouter_graph.evaluation.report import write_report
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.stats.summary import summarise

Design = Callable[[Sequence[str], frozenset[Need]], Experiment]
"""(candidates, what data and models offer) -> the experiment."""


class Watcher(Protocol):
    """Is told how a run goes on."""

    def say(self, line: str) -> None:
        """Something to know."""

    def begin(self, what: str, total: int) -> None:
        """A piece of work begins, of so many steps."""

    def advance(self, steps: int) -> None:
        """So many more steps are done."""


class Silence:
    """Tells nobody."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def begin(self, what: str, total: int) -> None:
        """Say nothing."""

    def advance(self, steps: int) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Study:
    """What is run, and where to.

    Attributes:
        data: What `datasets.load` takes.
        folder: Where everything of the run goes; a run that stopped goes on from there.
        questions: Most questions to ask; None for all.
        models: The candidates of a replay, highest prior first; empty for all that were recorded, dearest first.
        max_price: Only candidates with an output price up to that, in USD per 1M tokens; None for any.
        max_models: The so many dearest of them; None for all.
        seed: Of every random choice.
        folds: In how many parts the questions are split.
        jobs: How many processes a replay takes.
        overhead: Tokens of instructions that recorded prompts had and do not show.
        changes: Settings laid over every LightRouter method, as `boot_tokens=16,top_k=3`.
        scoring: How recorded outputs are scored anew; None for the scores that were recorded.
        command: How it was asked for.
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


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of running the methods.

    Attributes:
        questions: Those asked, with what was recorded of them.
        results: Where the results are.
        notes: What a reader must know of how it was run.
    """

    questions: tuple[Question, ...]
    results: ResultsFile
    notes: tuple[str, ...] = ()


class Terms(TypedDict):
    """What must stay the same for a run to go on in its folder."""

    data: str
    mode: str
    candidates: list[str]
    prices: dict[str, tuple[float, float] | None]
    questions: list[str]
    scoring: Scoring
    seed: int
    folds: int
    settings: dict[str, Any]


class Run(Protocol):
    """A study about to be run, over recordings or over models."""

    @property
    def terms(self) -> Terms:
        """What it is run under."""

    @property
    def offered(self) -> frozenset[Need]:
        """What methods can count on."""

    def answer(self, methods: Sequence[str], watcher: Watcher) -> Ran:
        """Let the methods answer what they have not answered yet."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a study brought: its figures, and where the report is."""

    summary: Summary
    folder: Path
    experiment: Experiment
    results: Sequence[Result] = field(default=())


def have_history(asked: Iterable[str], scored: Iterable[str], folds: int) -> bool:
    """Whether each of the questions asked has scored ones in another part; a few may all lie in one.

    Args:
        asked: Their ids.
        scored: The ids of those with scores, or that will have some.
        folds: In how many parts the questions are split.
    """
    taught = {fold_of(number, folds) for number in scored}
    return all(taught - {fold_of(number, folds)} for number in asked)


def run_study(study: Study, run: Run, design: Design, watcher: Watcher) -> Reported:
    """Run an experiment and write its report.

    Args:
        study: Its settings.
        run: How it is run.
        design: Makes the experiment for the candidates.
        watcher: Is told how it goes on.

    Raises:
        EvaluationError: If the experiment needs what is not there, or the folder holds a run under other terms.
    """
    candidates = run.terms["candidates"]
    experiment = design(candidates, run.offered)
    if experiment.live_only and "live" not in run.offered:
        msg = f"{experiment.name} needs models that are called: a recorded one says the same whatever it is given"
        raise EvaluationError(msg)
    methods = _distinct(experiment.methods, study.changes)
    _check(methods, run.offered)
    _settle(study.folder, run.terms)
    ran = run.answer(methods, watcher)
    watcher.say(f"writing the report to {study.folder}")
    return _reported(study, run.terms, experiment, methods, ran)


def _distinct(names: Sequence[str], changes: str) -> tuple[str, ...]:
    """Leave out what is the same as a method before it: under `--set` two settings may become one."""
    by_way: dict[str, str] = {}
    for name in names:
        method = named(name, changes)
        way = repr(replace(method, name="", label="")) if isinstance(method, LightRouter) else name
        by_way.setdefault(way, name)
    return tuple(by_way.values())


def _check(methods: Sequence[str], offered: frozenset[Need]) -> None:
    """Refuse, before anything is paid for, what cannot be run."""
    for name in methods:
        method: Method = named(name)
        if missing := sorted(method.needs - offered):
            msg = f"method {name!r} needs {' and '.join(missing)}, which this run does not have"
            raise EvaluationError(msg)


def _settle(folder: Path, terms: Terms) -> None:
    """Write the terms of a run into its folder, or see that they are the same.

    A replay may ask other questions than before: what a method learns, it learns from all that are recorded.
    """
    path = folder / "run.json"
    now = json.loads(json.dumps(terms))
    if path.exists():
        then = _terms_in(path)
        free = {"questions"} if then.get("mode") == now["mode"] == "replay" else set()
        if differing := [
            told for name in now if name not in free for told in _differences(name, then.get(name), now[name])
        ]:
            held = "; ".join(differing)
            msg = f"{folder} holds a run with {held}: choose another folder with --out, or ask for the same"
            raise EvaluationError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.new")  # a kill leaves no half of it
    written.write_text(json.dumps(now, indent=1) + "\n", "utf-8")
    written.replace(path)


def _differences(name: str, then: Any, now: Any) -> list[str]:
    """Say in a few words where two values of the same thing differ."""
    if then == now:
        return []
    if isinstance(then, dict) and isinstance(now, dict):
        return [told for key in now for told in _differences(f"{name} {key}", then.get(key), now[key])] or [
            f"other {name}"
        ]
    if name == "questions":
        many = [len(value) if isinstance(value, list) else 0 for value in (then, now)]
        return [f"{many[0]} questions, now {many[1]}" if many[0] != many[1] else "other questions"]
    return [f"{name} = {str(then)[:60]}, now {str(now)[:60]}"]


def _terms_in(path: Path) -> Mapping[str, Any]:
    try:
        then = json.loads(path.read_text("utf-8"))
    except ValueError:
        then = None
    if not isinstance(then, dict):
        msg = f"{path} is damaged: it does not say what was run there; choose another folder with --out"
        raise EvaluationError(msg)
    return then


def _reported(study: Study, terms: Terms, experiment: Experiment, methods: Sequence[str], ran: Ran) -> Reported:
    asked = {question.id for question in ran.questions}
    place = {method: number for number, method in enumerate(methods)}
    results = [r for r in ran.results.results if r["method"] in place and r["question"] in asked]
    results.sort(key=lambda result: place[result["method"]])
    by_method = {name: [r for r in results if r["method"] == name] for name in methods}
    findings = experiment.find(by_method, ran.questions)
    facts: RunFacts = {
        "title": f"{experiment.title}: {Path(terms['data']).name.removesuffix('.gz').removesuffix('.jsonl')}",
        "experiment": experiment.name,
        "data": terms["data"],
        "mode": "replay" if terms["mode"] == "replay" else "live",
        "questions": len(ran.questions),
        "candidates": terms["candidates"],
        "prices": terms["prices"],
        "scoring": terms["scoring"],
        "seed": terms["seed"],
        "folds": terms["folds"],
        "command": study.command,
        "version": version("lightrouter-graph"),
        "notes": [*ran.notes, *_fallbacks(by_method), *_laid_over(study.changes), *experiment.notes],
    }
    labels = {name: named(name).label for name in methods}
    ours = [name for name in methods if isinstance(named(name), LightRouter)]
    against = [name for name in dict.fromkeys([*experiment.against, *ours]) if by_method.get(name)]
    summary = summarise(results, ran.questions, facts, labels, against)
    if findings.curves:
        summary["curves"] = findings.curves
    if findings.notes:
        summary["findings"] = list(findings.notes)
    write_report(study.folder, summary, results, ran.questions)
    return Reported(summary, study.folder, experiment, results)


def _fallbacks(by_method: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    """Say where a judge was to rank and gave no usable verdict: such a row is not that of a judge."""
    for name, results in by_method.items():
        selectors = [r["route"]["selector"] for r in results if r["route"] is not None and r["route"]["selector"]]
        if fallen := sum(selector.startswith("llm, then") for selector in selectors if selector is not None):
            yield (
                f"{named(name).label}: in {fallen:,} of {len(selectors):,} rankings the judge gave no usable verdict, "
                "and consistency ranked in its place."
            )


def _laid_over(changes: str) -> list[str]:
    told = changes.replace(",", ", ")
    return [f"Laid over every LightRouter method that does not set it itself: {told}."] if changes else []
