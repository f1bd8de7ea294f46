"""Data sets by name: a recording, a public set from files or from the hub, or generated problems."""

from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import Fetch, PublicSet, load_from_hub, sampled
from lightrouter_graph.evaluation.datasets.gpqa import GPQA
from lightrouter_graph.evaluation.datasets.gsm8k import GSM8K
from lightrouter_graph.evaluation.datasets.math import MATH, MATH_500
from lightrouter_graph.evaluation.datasets.mmlu import MMLU
from lightrouter_graph.evaluation.datasets.mmlu_pro import MMLU_PRO
from lightrouter_graph.evaluation.datasets.mt_bench import MT_BENCH
from lightrouter_graph.evaluation.datasets.pocket import DEFAULT_COUNT, POCKET, POCKET_NEW, draw_pocket
from lightrouter_graph.evaluation.datasets.recordings import SUFFIXES, load_recording
from lightrouter_graph.evaluation.problems.drawing import Wording
from lightrouter_graph.evaluation.questions import DataSet

SAMPLE_NOTE = (
    "Five models of 427,000 parameters, made for these generated grade-school problems: nothing of it carries over to "
    "the models you use."
)

PUBLIC: dict[str, PublicSet] = {known.name: known for known in (GSM8K, MATH, MATH_500, MMLU, MMLU_PRO, GPQA, MT_BENCH)}
"""The public sets by name."""

SAMPLE = "sample"
"""What the models that come with the package were recorded to say to 400 generated problems; it ships with it."""


def known_names() -> tuple[str, ...]:
    """Return the names that `load` knows, beside paths of recordings."""
    return (*PUBLIC, POCKET, POCKET_NEW, SAMPLE)


def load(name: str, *, split: str | None = None, limit: int | None = None, fetch: Fetch = load_from_hub) -> DataSet:
    """Load a data set.

    Args:
        name: The path of a recording (`.jsonl` or `.jsonl.gz`); `gsm8k:PATH` for a public set from a file or folder;
            `gsm8k` for one from the hub; `pocket` or `pocket:300` for so many generated problems, `pocket-new` for
            some in new wordings; `sample` for the recording that ships.
        split: Which part of a public set; None for the one that is usually reported.
        limit: Most questions, >= 1; which, a hash of their ids decides, so it is always the same ones.
        fetch: How rows come from the hub.

    Raises:
        EvaluationError: If nothing is known by that name, it has no such split, it cannot be read, or `limit` < 1.

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
        with as_file(files("lightrouter_graph.evaluation.datasets") / "sample.jsonl.gz") as path:
            return replace(load_recording(path), note=SAMPLE_NOTE)
    if known in {POCKET, POCKET_NEW}:
        wording: Wording = "seen" if known == POCKET else "held out"
        return draw_pocket(_count(rest, name) if colon else DEFAULT_COUNT, wording=wording)
    if name.endswith(SUFFIXES) or Path(name).is_file():
        return load_recording(Path(name))
    msg = f"unknown data set {name!r}: known are {', '.join(known_names())}, and paths of {' or '.join(SUFFIXES)} files"
    raise EvaluationError(msg)


def _path(written: str, name: str) -> Path:
    path = Path(written).expanduser()
    if not written or not path.exists():
        msg = f"no file or folder at {written!r} (in {name!r})"
        raise EvaluationError(msg)
    return path


def _count(written: str, name: str) -> int:
    if not written.isascii() or not written.isdigit():
        msg = f"a number of problems must follow the colon in {name!r}, as in pocket:300"
        raise EvaluationError(msg)
    return int(written)
