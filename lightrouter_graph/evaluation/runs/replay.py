"""Run over recorded outputs, without any model call."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightrouter_graph.errors import EvaluationError, did_you_mean
from lightrouter_graph.evaluation.datasets.base import sampled
from lightrouter_graph.evaluation.datasets.recordings import ModelFacts, load_models
from lightrouter_graph.evaluation.datasets.registry import load
from lightrouter_graph.evaluation.methods.base import Need
from lightrouter_graph.evaluation.models.replay_model import DEFAULT_TIMING
from lightrouter_graph.evaluation.parallel import Plan, run_replay
from lightrouter_graph.evaluation.questions import DataSet, Question
from lightrouter_graph.evaluation.replay_runner import Models, is_complete
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run import (
    MethodResults,
    PreparedRun,
    Progress,
    RunSettings,
    RunSpec,
    have_history,
)
from lightrouter_graph.evaluation.scoring import OFFLINE, rescored
from lightrouter_graph.testing.timing import Timing

CAVEATS = (
    "Replayed models cannot read the answers of other models: every answer is the recorded output of one model, and a "
    "vote replaces every model that merges.",
    f"Models without recorded timing need {DEFAULT_TIMING.ttft_s:g} s to the first token and generate "
    f"{DEFAULT_TIMING.tokens_per_s:g} tokens per second: times compare the critical path, not the providers.",
    "Every model continues its own boot, as only some providers allow; without it the boot costs extra: "
    "lightrouter:continuation=regenerate.",
    "Input tokens that were not recorded are counted from the text of the question.",
)


@dataclass(frozen=True, slots=True)
class _ReplayRun:
    """A prepared run over recordings; see `prepare_replay`."""

    settings: RunSettings
    data: DataSet
    models: Models
    asked: tuple[Question, ...]

    @property
    def offered(self) -> frozenset[Need]:
        """A writer (the merge stub); a history if every fold has scores; samples if they were recorded."""
        names = self.models.names
        scored = [q.id for q in self.data.questions if is_complete(q, names) and _has_score(q, names)]
        fulfilled: dict[Need, bool] = {
            "writer": True,
            "history": have_history([q.id for q in self.asked], scored, self.settings.folds),
            "samples": all(q.outputs[name].samples for q in self.asked for name in names),
        }
        return frozenset(need for need, there in fulfilled.items() if there)

    @property
    def spec(self) -> RunSpec:
        """Content of `run.json`."""
        return {
            "data": self.settings.data,
            "mode": "replay",
            "candidates": list(self.models.names),
            "prices": {name: self.models.prices.get(name) for name in self.models.names},
            "questions": [question.id for question in self.asked],
            "scoring": self.data.scoring,
            "seed": self.settings.seed,
            "folds": self.settings.folds,
            "settings": {"overhead": self.settings.overhead, "changes": self.settings.changes},
        }

    def run_methods(self, methods: Sequence[str], progress: Progress) -> MethodResults:
        """Run the methods over the questions without a result."""
        settings = self.settings
        results = ResultsFile(settings.folder / "results.jsonl")
        plan = Plan(
            settings.data,
            self.models,
            tuple(question.id for question in self.asked),
            seed=settings.seed,
            folds=settings.folds,
            changes=settings.changes,
            scoring=settings.scoring,
        )
        done, total = results.done, len(methods) * len(self.asked)
        left = sum((method, question.id) not in done for method in methods for question in self.asked)
        if left < total:
            progress.say(f"{total - left:,} of {total:,} results exist already")
        progress.begin(f"{len(methods)} methods, {len(self.asked)} questions", left)
        run_replay(plan, methods, results, jobs=settings.jobs, done=lambda new: progress.advance(len(new)))
        return MethodResults(self.asked, results, (*CAVEATS, *self._notes()))

    def _notes(self) -> list[str]:
        count = len(self.data.questions)
        missing = count - sum(is_complete(question, self.models.names) for question in self.data.questions)
        left_out = f"{missing:,} of {count:,} questions are left out: some candidates have no output for them."
        return [*([left_out] if missing else []), *([self.data.note] if self.data.note else [])]


def prepare_replay(settings: RunSettings, data: DataSet | None = None) -> PreparedRun:
    """Prepare a run over recordings.

    Args:
        settings: Settings of the run.
        data: The data set of `settings.data`, if it is already loaded.

    Raises:
        EvaluationError: If no question has outputs of all candidates, no output has a score, there are less than two
            candidates, or a candidate is listed twice.
    """
    data = rescored(load(settings.data) if data is None else data, settings.scoring)
    facts = _facts_beside(settings.data)
    names = settings.models or _selected(data, facts, settings)
    _check_names(data, settings.models)
    complete = [question for question in data.questions if is_complete(question, names)]
    if len(names) < 2 or not complete:
        msg = f"{settings.data}: {_coverage(data, names)}"
        raise EvaluationError(msg)
    if not any(_has_score(question, names) for question in complete):
        msg = (
            f"{settings.data}: no output of {', '.join(names)} has a score, and a replay compares scores; if the "
            f"questions have answers, add --scoring ({', '.join(OFFLINE)})"
        )
        raise EvaluationError(msg)
    asked = sampled(DataSet(data.name, tuple(complete), data.scoring), settings.questions).questions
    known = {name: facts[name] for name in names if name in facts}
    models = Models(
        tuple(names),
        {name: (f.price.input, f.price.output) for name, f in known.items() if f.price is not None},
        {name: timing for name, f in known.items() if (timing := _timing(f)) is not None},
        settings.overhead,
    )
    return _ReplayRun(settings, data, models, asked)


def _has_score(question: Question, names: Sequence[str]) -> bool:
    return any(question.outputs[name].score is not None for name in names)


def _check_names(data: DataSet, names: Sequence[str]) -> None:
    recorded = {name for question in data.questions for name in question.outputs}
    for name in names:
        if name not in recorded:
            hint = did_you_mean(name, recorded)
            msg = f"no output of a model {name!r} is recorded{hint}; there are {', '.join(sorted(recorded)) or 'none'}"
            raise EvaluationError(msg)
        if names.count(name) > 1:
            msg = f"{data.name}: {name} is listed twice in --models"
            raise EvaluationError(msg)


def _selected(data: DataSet, facts: dict[str, ModelFacts], settings: RunSettings) -> tuple[str, ...]:
    """Select candidates by price only, so that the selection does not depend on results; most expensive first."""
    prices = {name: f.price.output for name, f in facts.items() if f.price is not None}
    recorded = sorted({name for question in data.questions for name in question.outputs})
    limit = settings.max_price
    affordable = [name for name in recorded if limit is None or prices.get(name, limit + 1) <= limit]
    return tuple(sorted(affordable, key=lambda name: -prices.get(name, 0.0))[: settings.max_models])


def _facts_beside(data: str) -> dict[str, ModelFacts]:
    path = Path(data).parent / "models.json"
    return load_models(path) if path.is_file() else {}


def _timing(facts: ModelFacts) -> Timing | None:
    if facts.ttft_s is None and facts.tokens_per_s is None:
        return None
    first = DEFAULT_TIMING.ttft_s if facts.ttft_s is None else facts.ttft_s
    return Timing(first, facts.tokens_per_s or DEFAULT_TIMING.tokens_per_s)


def _coverage(data: DataSet, names: Sequence[str]) -> str:
    counts = Counter(name for question in data.questions for name in question.outputs)
    if not counts:
        return "it has no recorded outputs; to call models, add --live"
    held = ", ".join(f"{name} ({count})" for name, count in counts.most_common(30))
    if len(names) < 2:
        few = f"only {names[0]} is" if names else "no model is"
        return f"{few} selected by --models, --max-price and --max-models, and two are needed; recorded: {held}"
    return f"no question has outputs of all of {', '.join(names)}; recorded: {held}, of {len(data.questions)} questions"
