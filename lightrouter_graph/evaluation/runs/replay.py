"""A study over recorded outputs: nothing is called, nothing is paid."""

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
from lightrouter_graph.evaluation.rescore import OFFLINE, rescored
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run import Ran, Study, Terms, Watcher, have_history
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
class Recorded:
    """A study over recordings, ready to run. Make it with `over_recordings`."""

    study: Study
    data: DataSet
    models: Models
    asked: tuple[Question, ...]

    @property
    def offered(self) -> frozenset[Need]:
        """A stand-in for a writer, history where every part has scored others, samples where they were recorded."""
        scored = [q.id for q in self.data.questions if self._is_scored(q)]
        can: dict[Need, bool] = {
            "writer": True,
            "history": have_history([q.id for q in self.asked], scored, self.study.folds),
            "samples": all(q.outputs[name].samples for q in self.asked for name in self.models.names),
        }
        return frozenset(need for need, there in can.items() if there)

    def _is_scored(self, question: Question) -> bool:
        names = self.models.names
        return is_complete(question, names) and any(question.outputs[name].score is not None for name in names)

    @property
    def terms(self) -> Terms:
        """What it is run under."""
        return {
            "data": self.study.data,
            "mode": "replay",
            "candidates": list(self.models.names),
            "prices": {name: self.models.prices.get(name) for name in self.models.names},
            "questions": [question.id for question in self.asked],
            "scoring": self.data.scoring,
            "seed": self.study.seed,
            "folds": self.study.folds,
            "settings": {"overhead": self.study.overhead, "changes": self.study.changes},
        }

    def answer(self, methods: Sequence[str], watcher: Watcher) -> Ran:
        """Let the methods answer what they have not answered yet."""
        results = ResultsFile(self.study.folder / "results.jsonl")
        plan = Plan(
            self.study.data,
            self.models,
            tuple(question.id for question in self.asked),
            seed=self.study.seed,
            folds=self.study.folds,
            changes=self.study.changes,
            scoring=self.study.scoring,
        )
        done = results.done
        left = sum((method, question.id) not in done for method in methods for question in self.asked)
        there = len(methods) * len(self.asked) - left
        if there:
            watcher.say(f"{there:,} of {there + left:,} results are there already")
        watcher.begin(f"{len(methods)} methods, {len(self.asked)} questions", left)
        run_replay(plan, methods, results, jobs=self.study.jobs, tell=lambda new: watcher.advance(len(new)))
        return Ran(self.asked, results, (*CAVEATS, *self._notes()))

    def _notes(self) -> list[str]:
        complete = sum(is_complete(question, self.models.names) for question in self.data.questions)
        missing = len(self.data.questions) - complete
        left_out = (
            f"{missing:,} of {len(self.data.questions):,} questions are left out: not every candidate answered them."
        )
        return [*([left_out] if missing else []), *([self.data.note] if self.data.note else [])]


def over_recordings(study: Study, data: DataSet | None = None) -> Recorded:
    """Prepare a study over recordings.

    Args:
        study: Its settings.
        data: What `study.data` names, where it is loaded already.

    Raises:
        EvaluationError: If no question has the outputs of all candidates, none of them is scored, or there are fewer
            than two candidates, or one of them twice.
    """
    data = rescored(load(study.data) if data is None else data, study.scoring)
    facts = _facts_beside(study.data)
    names = study.models or _chosen(data, facts, study)
    _check_names(data, study.models)
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        msg = f"{study.data}: {', '.join(twice)} is named twice among the models"
        raise EvaluationError(msg)
    complete = [question for question in data.questions if is_complete(question, names)]
    if len(names) < 2 or not complete:
        msg = f"{study.data}: {_coverage(data, names)}"
        raise EvaluationError(msg)
    if not any(question.outputs[name].score is not None for question in complete for name in names):
        msg = (
            f"{study.data}: no output of {', '.join(names)} is scored, and a replay compares scores; where the "
            f"questions have answers, --scoring ({', '.join(OFFLINE)}) scores them"
        )
        raise EvaluationError(msg)
    asked = sampled(DataSet(data.name, tuple(complete), data.scoring), study.questions).questions
    known = {name: facts[name] for name in names if name in facts}
    models = Models(
        tuple(names),
        {name: (f.price.input, f.price.output) for name, f in known.items() if f.price is not None},
        {name: pace for name, f in known.items() if (pace := _pace(f)) is not None},
        study.overhead,
    )
    return Recorded(study, data, models, asked)


def _check_names(data: DataSet, names: Sequence[str]) -> None:
    """Refuse a model that nobody recorded, with the name that may have been meant."""
    recorded = {name for question in data.questions for name in question.outputs}
    for name in names:
        if name not in recorded:
            hint = did_you_mean(name, recorded)
            msg = f"no output of a model {name!r} is recorded{hint}; there are {', '.join(sorted(recorded)) or 'none'}"
            raise EvaluationError(msg)


def _chosen(data: DataSet, facts: dict[str, ModelFacts], study: Study) -> tuple[str, ...]:
    """Choose candidates by price alone, so that nobody can have chosen them by their results; the dearest first."""
    prices = {name: f.price.output for name, f in facts.items() if f.price is not None}
    recorded = sorted({name for question in data.questions for name in question.outputs})
    limit = study.max_price
    affordable = [name for name in recorded if limit is None or prices.get(name, limit + 1) <= limit]
    return tuple(sorted(affordable, key=lambda name: -prices.get(name, 0.0))[: study.max_models])


def _facts_beside(data: str) -> dict[str, ModelFacts]:
    path = Path(data).parent / "models.json"
    return load_models(path) if path.is_file() else {}


def _pace(facts: ModelFacts) -> Timing | None:
    if facts.ttft_s is None and facts.tokens_per_s is None:
        return None
    first = DEFAULT_TIMING.ttft_s if facts.ttft_s is None else facts.ttft_s
    return Timing(first, facts.tokens_per_s or DEFAULT_TIMING.tokens_per_s)


def _coverage(data: DataSet, names: Sequence[str]) -> str:
    counts = Counter(name for question in data.questions for name in question.outputs)
    if not counts:
        return "nothing is recorded in it; to call models, give --live"
    held = ", ".join(f"{name} ({count})" for name, count in counts.most_common(30))
    if len(names) < 2:
        few = f"only {names[0]} is" if names else "no model is"
        return f"{few} left of what was asked for (--models, --max-price, --max-models), and two are needed: {held}"
    return f"no question was answered by all of {', '.join(names)}: {held}, of {len(data.questions)} questions"
