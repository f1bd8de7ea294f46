"""A study over models that are called, or over the tape of one that was."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import sampled
from lightrouter_graph.evaluation.datasets.recordings import write_recording
from lightrouter_graph.evaluation.datasets.registry import load
from lightrouter_graph.evaluation.live_runner import Cast, Live
from lightrouter_graph.evaluation.methods.base import Method, Need
from lightrouter_graph.evaluation.methods.error_injection import ErrorInjection
from lightrouter_graph.evaluation.methods.lightrouter import LightRouter
from lightrouter_graph.evaluation.methods.registry import named
from lightrouter_graph.evaluation.models.cassette import Cassette
from lightrouter_graph.evaluation.models.recording_model import EvaluationClock, WallClock, with_cassette
from lightrouter_graph.evaluation.models.replay_only import CandidateFacts, facts_of_candidate, replay_only
from lightrouter_graph.evaluation.models.spend_limit import SpendLimit
from lightrouter_graph.evaluation.questions import DataSet, Question, Scoring
from lightrouter_graph.evaluation.replay_runner import Models, Replay
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run import Ran, Study, Terms, Watcher, have_history
from lightrouter_graph.evaluation.runs.run_directory import RECORDING, questions_of, terms_of
from lightrouter_graph.evaluation.scoring import Scorer, scorer_for
from lightrouter_graph.evaluation.scoring.judge import JudgeScorer
from lightrouter_graph.pool import Pool
from lightrouter_graph.testing.clock import VirtualClock

CALLS = "calls.jsonl"


def _calls_models(method: Method) -> bool:
    """Return True if a method needs more calls than one full answer per candidate; the others are replayed."""
    return isinstance(method, LightRouter | ErrorInjection) or "writer" in method.needs


@dataclass(frozen=True, slots=True)
class Calls:
    """How models are called.

    Attributes:
        cast: Who takes part.
        scoring: How answers are scored; None for the data set's way.
        max_tokens: Cap on a full answer.
        max_usd: What the whole evaluation may take.
        concurrency: How many questions are asked at once.
    """

    cast: Cast
    scoring: Scoring | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    concurrency: int = 4


@dataclass(frozen=True, slots=True)
class Called:
    """A study over models, ready to run. Make it with `over_models` or `over_tape`."""

    study: Study
    calls: Calls
    scoring: Scoring
    asked: tuple[Question, ...]
    tape: Cassette
    purse: SpendLimit | None
    clock: EvaluationClock = field(default_factory=WallClock)

    @property
    def offered(self) -> frozenset[Need]:
        """All but a judge where there is none, a writer that knows one prompt only, a history of too few questions."""
        needs: frozenset[Need] = frozenset({"samples", "live"})
        ids = [question.id for question in self.asked]
        can: dict[Need, bool] = {
            "judge": self.calls.cast.judge is not None,
            "writer": self.calls.cast.follows,
            "history": have_history(ids, ids, self.study.folds),
        }
        return needs | {need for need, there in can.items() if there}

    @property
    def terms(self) -> Terms:
        """What it is run under."""
        members = _members(self.calls.cast)
        return {
            "data": self.study.data,
            "mode": "live",
            "candidates": list(self.calls.cast.pool.names),
            "prices": {member["name"]: member["price"] for member in members if member["role"] == "candidate"},
            "questions": [question.id for question in self.asked],
            "scoring": self.scoring,
            "seed": self.study.seed,
            "folds": self.study.folds,
            "settings": {"cast": members, "max_tokens": self.calls.max_tokens, "changes": self.study.changes},
        }

    def answer(self, methods: Sequence[str], watcher: Watcher) -> Ran:
        """Let every candidate answer everything in full, then the methods what they have not answered yet."""
        return asyncio.run(self._answer([named(name, self.study.changes) for name in methods], watcher))

    async def _answer(self, methods: Sequence[Method], watcher: Watcher) -> Ran:
        live = self._live()
        watcher.begin(f"full answers of {len(self.calls.cast.pool)} models", len(self.asked))
        answered = await live.collect(self.asked, lambda _: watcher.advance(1))
        live.score = self.scorer(self._baseline(answered)).score
        watcher.begin("scores of the full answers", len(self.asked))
        answered = await live.score_outputs(answered, lambda _: watcher.advance(1))
        write_recording(self.study.folder / RECORDING, DataSet("recording", tuple(answered), "recorded"))
        results = ResultsFile(self.study.folder / "results.jsonl")
        watcher.begin(f"{len(methods)} methods", self._left(methods, results))
        await self._run_calling(methods, answered, live, results, watcher)
        await asyncio.to_thread(self._run_calculated, methods, answered, results, watcher)
        return Ran(tuple(answered), results, (*self._notes(), *_failures(answered)))

    def _live(self) -> Live:
        return Live(
            cast=self.calls.cast,
            tape=self.tape,
            purse=self.purse,
            clock=self.clock,
            seed=self.study.seed,
            folds=self.study.folds,
            max_tokens=self.calls.max_tokens,
            concurrency=self.calls.concurrency,
        )

    def scorer(self, baseline: Mapping[str, str] = MappingProxyType({})) -> Scorer:
        """Return what scores the answers; its own calls are on the tape, too.

        Args:
            baseline: What a judge compares with, by question id; empty for the references.

        Raises:
            EvaluationError: If there is no judge where one is needed, or a package is missing.
        """
        judge = self.calls.cast.judge
        kept = None if judge is None else with_cassette(judge, self.tape, self.clock, self.purse)
        if self.scoring == "judge" and kept is not None:
            return JudgeScorer(kept, baseline=baseline)
        return scorer_for(self.scoring, judge=kept)

    def _baseline(self, answered: Sequence[Question]) -> dict[str, str]:
        """Let a judge compare with the first candidate's answer, where a question has no reference."""
        first = self.calls.cast.pool.names[0]
        return {q.id: q.outputs[first].text for q in answered if q.reference is None and q.outputs[first].text}

    async def _run_calling(
        self,
        methods: Sequence[Method],
        answered: Sequence[Question],
        live: Live,
        results: ResultsFile,
        watcher: Watcher,
    ) -> None:
        def keep(result: Any) -> None:
            results.append([result])
            watcher.advance(1)

        for method in methods:
            if _calls_models(method):
                done = results.done
                left = [question for question in answered if (method.name, question.id) not in done]
                await live.run(method, answered, left, keep)

    def _run_calculated(
        self, methods: Sequence[Method], answered: Sequence[Question], results: ResultsFile, watcher: Watcher
    ) -> None:
        """Replay the full answers for every method that asks for nothing else, in virtual time."""
        pool = self.calls.cast.pool
        prices = {c.name: (c.price.input, c.price.output) for c in pool if c.price is not None}
        replayed = Replay(answered, Models(pool.names, prices), seed=self.study.seed, folds=self.study.folds)
        for method in methods:
            if not _calls_models(method):
                done = results.done
                left = [question.id for question in answered if (method.name, question.id) not in done]
                results.append(replayed.run(method, left))
                watcher.advance(len(left))

    def _left(self, methods: Sequence[Method], results: ResultsFile) -> int:
        done = results.done
        return sum((method.name, question.id) not in done for method in methods for question in self.asked)

    def _notes(self) -> tuple[str, ...]:
        judge, first = self.calls.cast.judge, self.calls.cast.pool.names[0]
        judged: tuple[str, ...] = ()
        if self.scoring == "judge" and judge is not None:
            judged = (
                f"{judge.name} judges the answers, against the reference or, where there is none, the answer of "
                f"{first}, which then scores 0.5 by definition. A judge may prefer its own answers and long ones.",
            )
        paid = "nothing was called: the calls of an earlier run were played"
        if self.purse is not None:
            spent = f" ({self.purse.usd:.4f} USD)" if all(c.price is not None for c in self.calls.cast.pool) else ""
            paid = (
                f"{self.purse.calls} calls were made in this sitting{spent}, {len(self.tape)} replies are on the tape"
            )
        return (
            *judged,
            f"Equal calls are made once and shared by all methods, which pay for each as if it were theirs; {paid}.",
            "Baselines that need nothing but full answers are worked out from the recorded ones, with their times.",
            f"Times are those of the calls when they were made, {self.calls.concurrency} questions at once; what ran "
            "at other times met another load.",
        )


def over_models(study: Study, calls: Calls, data: DataSet | None = None, *, tape: Path | None = None) -> Called:
    """Prepare a study over models.

    Args:
        study: Its settings.
        calls: Who is called, and how.
        data: What `study.data` names, where it is loaded already.
        tape: Where replies are kept; None for the study's folder.

    Raises:
        EvaluationError: If the answers cannot be scored.
    """
    data = load(study.data) if data is None else data
    scoring = calls.scoring or data.scoring
    if scoring == "recorded":
        msg = f"{study.data} holds scores of recorded texts only: say how new ones are scored, with --scoring"
        raise EvaluationError(msg)
    chosen = sampled(data, study.questions).questions
    asked = tuple(replace(question, outputs={}) for question in chosen)
    called = Called(study, calls, scoring, asked, Cassette(tape or study.folder / CALLS), SpendLimit(calls.max_usd))
    _check_prices(calls)
    called.scorer()  # a missing judge or package is found before anything is paid for
    return called


def over_tape(study: Study, earlier: Path, *, tape: Path | None = None) -> Called:
    """Prepare to play the calls of an earlier run again: no key, no call, virtual time.

    Args:
        study: Its settings; the folder is another than the earlier one's.
        earlier: The folder of the run.
        tape: Where its replies are; None for that folder.

    Raises:
        EvaluationError: If there is no such run.
    """
    terms = terms_of(earlier)
    members: list[CandidateFacts] = terms["settings"].get("cast", [])
    if not members:
        msg = f"{earlier} holds no live run: a replay is simply run again"
        raise EvaluationError(msg)
    questions = questions_of(earlier)
    calls = Calls(_cast_of(members), terms["scoring"], max_tokens=terms["settings"]["max_tokens"])
    asked = tuple(replace(question, outputs={}) for question in questions)
    changes = terms["settings"].get("changes", "")
    study = replace(study, data=terms["data"], seed=terms["seed"], folds=terms["folds"], changes=changes)
    once = replace(calls, concurrency=1)
    return Called(study, once, terms["scoring"], asked, Cassette(tape or earlier / CALLS), None, VirtualClock())


def _failures(answered: Sequence[Question]) -> Iterator[str]:
    """Say of each candidate how often it gave no answer."""
    for name in answered[0].outputs if answered else ():
        if failed := sum(not question.outputs[name].text for question in answered):
            yield f"{name} gave no answer to {failed:,} of {len(answered):,} questions; each counts as wrong."


def _check_prices(calls: Calls) -> None:
    """Refuse a budget, before anything is paid for, that not everybody who takes part has a price for."""
    if calls.max_usd is None:
        return
    others = [member for member in (calls.cast.writer, calls.cast.judge) if member is not None]
    if unpriced := [f"{m.name} ({m.model_name})" for m in [*calls.cast.pool, *others] if m.price is None]:
        msg = (
            f"a budget in USD needs the price of everybody who takes part, and {', '.join(unpriced)} has no known one: "
            "write them into a pool file with a price; --writer and --judge take the name of a candidate, too"
        )
        raise EvaluationError(msg)


def _members(cast: Cast) -> list[CandidateFacts]:
    members = [facts_of_candidate(candidate) for candidate in cast.pool]
    members += [facts_of_candidate(cast.writer, "writer")] if cast.writer is not None else []
    return members + ([facts_of_candidate(cast.judge, "judge")] if cast.judge is not None else [])


def _cast_of(members: Sequence[CandidateFacts]) -> Cast:
    by_role = {
        role: [replay_only(m) for m in members if m["role"] == role] for role in ("candidate", "writer", "judge")
    }
    writer, judge = (by_role[role][0] if by_role[role] else None for role in ("writer", "judge"))
    return Cast(Pool(by_role["candidate"]), writer, judge)
