"""Run over live models, or over the cassette of an earlier live run."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.datasets.base import sampled
from lightrouter_graph.evaluation.datasets.recordings import write_recording
from lightrouter_graph.evaluation.datasets.registry import load
from lightrouter_graph.evaluation.live_runner import LiveRunner, Roles
from lightrouter_graph.evaluation.methods.base import Method, Need
from lightrouter_graph.evaluation.methods.error_injection import ErrorInjection
from lightrouter_graph.evaluation.methods.lightrouter import LightRouter
from lightrouter_graph.evaluation.methods.registry import named
from lightrouter_graph.evaluation.models.candidates import CandidateFacts, facts_of_candidate, replay_only
from lightrouter_graph.evaluation.models.cassette import Cassette
from lightrouter_graph.evaluation.models.recording_model import WallClock, with_cassette
from lightrouter_graph.evaluation.models.spend_limit import SpendLimit
from lightrouter_graph.evaluation.questions import DataSet, Question, Scoring
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.evaluation.replay_runner import Models, Replay
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run import (
    MethodResults,
    PreparedRun,
    Progress,
    RunSettings,
    RunSpec,
    have_history,
)
from lightrouter_graph.evaluation.runs.run_directory import RECORDING, questions_of, spec_of
from lightrouter_graph.evaluation.scoring import Scorer, scorer_for
from lightrouter_graph.evaluation.scoring.judge import JudgeScorer
from lightrouter_graph.pool import Pool
from lightrouter_graph.testing.clock import VirtualClock

CALLS = "calls.jsonl"


@checked_choices(EvaluationError)
@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Models of a live run, and the settings of their calls.

    `scoring` None uses that of the data set; `max_tokens` limits full answers; `max_usd` is the spend limit of the run.
    """

    roles: Roles
    scoring: Scoring | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    concurrency: int = 4


@dataclass(frozen=True, slots=True)
class _LiveRun:
    """A prepared run over live models; see `prepare_live` and `prepare_cassette_replay`."""

    settings: RunSettings
    live: LiveSettings
    scoring: Scoring
    asked: tuple[Question, ...]
    cassette: Cassette
    spend_limit: SpendLimit | None
    clock: WallClock | VirtualClock = field(default_factory=WallClock)

    @property
    def offered(self) -> frozenset[Need]:
        """Samples and live models; a judge, a writer and a history if there is one."""
        ids = [question.id for question in self.asked]
        fulfilled: dict[Need, bool] = {
            "samples": True,
            "live": True,
            "judge": self.live.roles.judge is not None,
            "writer": self.live.roles.writer_follows_instructions,
            "history": have_history(ids, ids, self.settings.folds),
        }
        return frozenset(need for need, there in fulfilled.items() if there)

    @property
    def spec(self) -> RunSpec:
        """Content of `run.json`."""
        models = _facts_of(self.live.roles)
        return {
            "data": self.settings.data,
            "mode": "live",
            "candidates": list(self.live.roles.pool.names),
            "prices": {model["name"]: model["price"] for model in models if model["role"] == "candidate"},
            "questions": [question.id for question in self.asked],
            "scoring": self.scoring,
            "seed": self.settings.seed,
            "folds": self.settings.folds,
            "settings": {"cast": models, "max_tokens": self.live.max_tokens, "changes": self.settings.changes},
        }

    def run_methods(self, methods: Sequence[str], progress: Progress) -> MethodResults:
        """Collect and score the full answers, then run the methods over the questions without a result."""
        return asyncio.run(self._run_methods([named(name, self.settings.changes) for name in methods], progress))

    async def _run_methods(self, methods: Sequence[Method], progress: Progress) -> MethodResults:
        runner = LiveRunner(
            roles=self.live.roles,
            cassette=self.cassette,
            spend_limit=self.spend_limit,
            clock=self.clock,
            seed=self.settings.seed,
            folds=self.settings.folds,
            max_tokens=self.live.max_tokens,
            concurrency=self.live.concurrency,
        )
        progress.begin(f"full answers of {len(self.live.roles.pool)} models", len(self.asked))
        answered = await runner.collect(self.asked, lambda _: progress.advance(1))
        runner.score = self.scorer(self._baseline(answered)).score
        progress.begin("scores of the full answers", len(self.asked))
        answered = await runner.score_outputs(answered, lambda _: progress.advance(1))
        write_recording(self.settings.folder / RECORDING, DataSet("recording", tuple(answered), "recorded"))
        results = ResultsFile(self.settings.folder / "results.jsonl")
        left = {method.name: [q for q in answered if (method.name, q.id) not in results.done] for method in methods}
        progress.begin(f"{len(methods)} methods", sum(map(len, left.values())))

        def keep(result: Result) -> None:
            results.append([result])
            progress.advance(1)

        for method in methods:
            if _calls_models(method):
                await runner.run(method, answered, left[method.name], keep)
        replayed = [method for method in methods if not _calls_models(method)]
        await asyncio.to_thread(self._replay, replayed, answered, left, results, progress)
        return MethodResults(tuple(answered), results, (*self._notes(), *_failures(answered)))

    def scorer(self, baseline: Mapping[str, str] = MappingProxyType({})) -> Scorer:
        """Return the scorer of the answers; a judge compares with the text of the baseline, by question id."""
        judge = self.live.roles.judge
        recorded = None if judge is None else with_cassette(judge, self.cassette, self.clock, self.spend_limit)
        if self.scoring == "judge" and recorded is not None:
            return JudgeScorer(recorded, baseline=baseline)
        return scorer_for(self.scoring, judge=recorded)

    def _baseline(self, answered: Sequence[Question]) -> dict[str, str]:
        """Return the answer of the first candidate to each question without a reference."""
        first = self.live.roles.pool.names[0]
        return {q.id: q.outputs[first].text for q in answered if q.reference is None and q.outputs[first].text}

    def _replay(
        self,
        methods: Sequence[Method],
        answered: Sequence[Question],
        left: Mapping[str, Sequence[Question]],
        results: ResultsFile,
        progress: Progress,
    ) -> None:
        """Replay the full answers in virtual time for the methods that need nothing else."""
        pool = self.live.roles.pool
        prices = {c.name: (c.price.input, c.price.output) for c in pool if c.price is not None}
        replay = Replay(answered, Models(pool.names, prices), seed=self.settings.seed, folds=self.settings.folds)
        for method in methods:
            results.append(replay.run(method, [question.id for question in left[method.name]]))
            progress.advance(len(left[method.name]))

    def _notes(self) -> Iterator[str]:
        judge, first = self.live.roles.judge, self.live.roles.pool.names[0]
        if self.scoring == "judge" and judge is not None:
            yield (
                f"{judge.name} judges the answers against the reference or, without one, against the answer of "
                f"{first}, which then scores 0.5 by definition. A judge may prefer its own answers and long ones."
            )
        calls = "no model was called: the calls of an earlier run were replayed"
        if self.spend_limit is not None:
            priced = all(c.price is not None for c in self.live.roles.pool)
            usd = f" ({self.spend_limit.usd:.4f} USD)" if priced else ""
            calls = f"{self.spend_limit.calls} calls were sent in this run{usd}, {len(self.cassette)} are recorded"
        yield f"Equal calls are sent once and shared by all methods, each with the full cost; {calls}."
        yield "Baselines that need only full answers are replayed from the recorded ones, with their times."
        parallel = f"{self.live.concurrency} parallel questions"
        yield f"Times were measured with {parallel}; calls recorded at other times had another load."


def prepare_live(
    settings: RunSettings, live: LiveSettings, data: DataSet | None = None, *, cassette: Path | None = None
) -> PreparedRun:
    """Prepare a run over live models.

    Args:
        settings: Settings of the run.
        live: Models and settings of their calls.
        data: The data set of `settings.data`, if it is already loaded.
        cassette: File of the recorded responses; None for `calls.jsonl` in the directory of the run.

    Raises:
        EvaluationError: If the answers cannot be scored, or the budget needs a price that is unknown.
    """
    data = load(settings.data) if data is None else data
    scoring = live.scoring or data.scoring
    if scoring == "recorded":
        msg = f"{settings.data} has scores of recorded texts only: select a scoring method for new ones with --scoring"
        raise EvaluationError(msg)
    asked = _without_outputs(sampled(data, settings.questions).questions)
    recorded = Cassette(cassette or settings.folder / CALLS)
    run = _LiveRun(settings, live, scoring, asked, recorded, SpendLimit(live.max_usd))
    _check_prices(live)
    run.scorer()  # reports a missing judge or package before the first call
    return run


def prepare_cassette_replay(settings: RunSettings, earlier: Path, *, cassette: Path | None = None) -> PreparedRun:
    """Prepare the replay of an earlier live run: without API key, without calls, in virtual time.

    Args:
        settings: Settings of the run, with another directory than the earlier run.
        earlier: Directory of the earlier run.
        cassette: File of its recorded responses; None for `calls.jsonl` in its directory.

    Raises:
        EvaluationError: If the directory has no live run.
    """
    spec = spec_of(earlier)
    models: list[CandidateFacts] = spec["settings"].get("cast", [])
    if not models:
        msg = f"{earlier} holds no live run: to repeat a replay, run the same command with another --out"
        raise EvaluationError(msg)
    changes = spec["settings"].get("changes", "")
    settings = replace(settings, data=spec["data"], seed=spec["seed"], folds=spec["folds"], changes=changes)
    live = LiveSettings(_roles_of(models), spec["scoring"], spec["settings"]["max_tokens"], concurrency=1)
    asked = _without_outputs(questions_of(earlier))
    return _LiveRun(settings, live, spec["scoring"], asked, Cassette(cassette or earlier / CALLS), None, VirtualClock())


def _calls_models(method: Method) -> bool:
    """Return True if a method needs more calls than one full answer per candidate; the others are replayed."""
    return isinstance(method, LightRouter | ErrorInjection) or "writer" in method.needs


def _without_outputs(questions: Sequence[Question]) -> tuple[Question, ...]:
    return tuple(replace(question, outputs={}) for question in questions)


def _failures(answered: Sequence[Question]) -> Iterator[str]:
    for name in answered[0].outputs if answered else ():
        if failed := sum(not question.outputs[name].text for question in answered):
            yield f"{name} gave no answer to {failed:,} of {len(answered):,} questions; each scores 0."


def _check_prices(live: LiveSettings) -> None:
    if live.max_usd is None:
        return
    others = [model for model in (live.roles.writer, live.roles.judge) if model is not None]
    if unpriced := [f"{m.name} ({m.model_name})" for m in [*live.roles.pool, *others] if m.price is None]:
        msg = (
            f"a budget in USD needs the price of every model, and the price of {', '.join(unpriced)} is unknown: set "
            "it in a pool file; --writer and --judge accept the name of a candidate"
        )
        raise EvaluationError(msg)


def _facts_of(roles: Roles) -> list[CandidateFacts]:
    facts = [facts_of_candidate(candidate) for candidate in roles.pool]
    facts += [facts_of_candidate(roles.writer, "writer")] if roles.writer is not None else []
    return facts + ([facts_of_candidate(roles.judge, "judge")] if roles.judge is not None else [])


def _roles_of(facts: Sequence[CandidateFacts]) -> Roles:
    by_role = {role: [replay_only(f) for f in facts if f["role"] == role] for role in ("candidate", "writer", "judge")}
    writer, judge = (by_role[role][0] if by_role[role] else None for role in ("writer", "judge"))
    return Roles(Pool(by_role["candidate"]), writer, judge)
