"""Options of `lightrouter eval`."""

import os
from pathlib import Path
from typing import Annotated

import typer

_WHO, _WHAT, _LIVE = "Models", "What is run", "Calls"


def _option(panel: str, *names: str, metavar: str = "N", help: str, **more: object) -> object:  # noqa: A002
    return typer.Option(*names, metavar=metavar, rich_help_panel=panel, help=help, **more)  # type: ignore[arg-type]


Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A recording (.jsonl, .jsonl.gz); sample (a small one that ships); pocket or pocket:300 (generated "
        "problems, live; pocket-new: in new wordings); a public set from its usual files, as gsm8k:FILE, or from the "
        "hub, as gsm8k (math, math-500, mmlu, mmlu-pro, gpqa, mt-bench).",
    ),
]
Models = Annotated[
    str | None,
    _option(
        _WHO, "--models", metavar="A,B", help="Recorded models, the most trusted first. Default: all, dearest first."
    ),
]
MaxPrice = Annotated[
    float | None,
    _option(
        _WHO,
        "--max-price",
        metavar="USD",
        help="Only recorded models of at most so many USD per 1M output tokens.",
        min=0,
    ),
]
MaxModels = Annotated[
    int | None,
    _option(_WHO, "--max-models", help="Only the so many dearest of them, so that no result chose the pool.", min=2),
]
Live = Annotated[
    bool,
    _option(
        _WHO, "--live", metavar="", help="Call models, also where the data hold recorded outputs; without any, always."
    ),
]
Writer = Annotated[
    str | None,
    _option(
        _WHO,
        "--writer",
        metavar="SPEC",
        help="Who merges answers: a model, or a candidate by its name. Default: the pool's first.",
    ),
]
Judge = Annotated[
    str | None,
    _option(
        _WHO,
        "--judge",
        metavar="SPEC",
        help="Who ranks boots for the LLM selector and judges open-ended answers. Default: the pool's first.",
    ),
]
Questions = Annotated[
    int | None, _option(_WHAT, "--questions", "-n", help="Most questions; always the same ones.", min=1)
]
Changes = Annotated[
    list[str] | None,
    _option(
        _WHAT,
        "--set",
        metavar="SETTING=VALUE",
        help="A setting laid over every LightRouter method that does not set it itself, as boot_tokens=32.",
    ),
]
Seed = Annotated[int, _option(_WHAT, "--seed", help="Of every random choice, and of the intervals.", min=0)]
Folds = Annotated[
    int, _option(_WHAT, "--folds", help="Parts of the data; each is judged by what the others taught.", min=2)
]
Overhead = Annotated[
    int, _option(_WHAT, "--overhead", help="Tokens of instructions that recorded prompts had and do not show.", min=0)
]
Out = Annotated[
    Path | None,
    _option(
        _WHAT,
        "--out",
        "-o",
        metavar="DIR",
        help="Where the report goes; a run that stopped goes on there. Default: ./lightrouter-eval/DATA-EXPERIMENT.",
    ),
]
Jobs = Annotated[int, _option(_WHAT, "--jobs", "-j", help="Processes of a replay.", min=1)]
Concurrency = Annotated[int, _option(_LIVE, "--concurrency", help="Questions asked at once.", min=1)]
Budget = Annotated[
    float | None,
    _option(
        _LIVE,
        "--budget",
        metavar="USD",
        help="What this sitting may take at most; needs --max-tokens and known prices. What is paid for is kept.",
        min=0,
    ),
]
Tape = Annotated[
    Path | None,
    _option(
        _LIVE,
        "--tape",
        metavar="FILE",
        help="Where replies are kept and found again; runs that share one pay once. Default: calls.jsonl in DIR.",
    ),
]
MaxTokens = Annotated[int | None, _option(_LIVE, "--max-tokens", help="Most tokens of a full answer.", min=1)]
Scoring = Annotated[
    str | None,
    _option(
        _LIVE,
        "--scoring",
        metavar="WAY",
        help="exact, number, letter or math, also for a recording; judge, live. Default: the data's own way.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="Print nothing but the table.")]

JOBS = max(1, os.cpu_count() or 1)
