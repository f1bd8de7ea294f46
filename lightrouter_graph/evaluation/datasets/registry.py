"""Loads data sets by name: a recording, a public set from files or from the hub, or generated problems."""

from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

from lightrouter_graph.errors import EvaluationError, did_you_mean
from lightrouter_graph.evaluation.datasets.base import Fetch, load_from_hub, sampled
from lightrouter_graph.evaluation.datasets.public_sets import PUBLIC
from lightrouter_graph.evaluation.datasets.recordings import SUFFIXES, load_recording
from lightrouter_graph.evaluation.problems import draw_problems
from lightrouter_graph.evaluation.questions import DataSet, Question

POCKET, POCKET_NEW = "pocket", "pocket-new"
_POCKET_NOTE = "Generated grade-school problems for the small models of this package."
_POCKET_COUNT = 200

SAMPLE = "sample"
"""Recording of the small models of this package on 400 generated problems."""

SAMPLE_NOTE = (
    "Five models of 427,000 parameters, trained for these generated grade-school problems: the results do not transfer "
    "to other models."
)


def known_names() -> tuple[str, ...]:
    """Return the names that `load` accepts in addition to paths of recordings."""
    return (*PUBLIC, POCKET, POCKET_NEW, SAMPLE)


def load(name: str, *, split: str | None = None, limit: int | None = None, fetch: Fetch = load_from_hub) -> DataSet:
    """Load a data set.

    Args:
        name: Path of a recording (`.jsonl` or `.jsonl.gz`); `gsm8k:PATH` for a public set from a file or folder;
            `gsm8k` for one from the hub; `pocket` or `pocket:300` for that many generated problems, `pocket-new` for
            problems in held-out phrasings; `sample` for the recording in the package.
        split: Split of a public set; None for the split of published results.
        limit: Maximum number of questions, >= 1; a hash of their ids selects them, so the selection is stable.
        fetch: Function that downloads a split from the hub.

    Raises:
        EvaluationError: If the name or the split is unknown, the data cannot be read, or `limit` < 1.

    >>> load("pocket:3").questions[0].id
    'pocket-00000'
    """
    return sampled(_load(name, split, fetch), limit)


def _load(name: str, split: str | None, fetch: Fetch) -> DataSet:
    known, colon, rest = name.partition(":")
    if known in PUBLIC:
        public = PUBLIC[known]
        return public.from_files(_path(rest, name), split=split) if colon else public.from_hub(fetch, split=split)
    if split is not None:
        msg = f"{name!r} has no splits, got split={split!r}"
        raise EvaluationError(msg)
    if name == SAMPLE:
        with as_file(files(__package__) / "sample.jsonl.gz") as path:
            return replace(load_recording(path), note=SAMPLE_NOTE)
    if known in {POCKET, POCKET_NEW}:
        return _pocket(known, _count(rest, name) if colon else _POCKET_COUNT)
    if name.endswith(SUFFIXES) or Path(name).is_file():
        return load_recording(Path(name))
    hint = did_you_mean(known, known_names())
    msg = f"unknown data set {name!r}{hint}: known are {', '.join(known_names())}, and paths of {' or '.join(SUFFIXES)}"
    raise EvaluationError(msg)


def _pocket(name: str, count: int) -> DataSet:
    drawn = draw_problems(count, wording="seen" if name == POCKET else "held out")
    questions = tuple(
        Question(f"{name}-{number:05}", problem.question, category=problem.kind, reference=str(problem.answer))
        for number, problem in enumerate(drawn)
    )
    return DataSet(name, questions, "number", _POCKET_NOTE)


def _path(text: str, name: str) -> Path:
    path = Path(text).expanduser()
    if not text or not path.exists():
        msg = f"no file or folder at {text!r} (in {name!r})"
        raise EvaluationError(msg)
    return path


def _count(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        msg = f"the colon in {name!r} needs a number of problems >= 1, as in pocket:300"
        raise EvaluationError(msg)
    return int(text)
