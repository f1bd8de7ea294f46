"""Options of `lightrouter eval`."""

import os
from pathlib import Path
from typing import Annotated

import typer

_MODELS, _RUN, _LIVE = "Models", "Run", "Model calls"


def _option(panel: str, *names: str, metavar: str = "N", help: str, **more: object) -> object:  # noqa: A002
    return typer.Option(*names, metavar=metavar, rich_help_panel=panel, help=help, **more)  # type: ignore[arg-type]


Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A recording (.jsonl, .jsonl.gz); sample (bundled recording); pocket or pocket:300 (generated problems, "
        "live; pocket-new: other wordings); a public data set from files (gsm8k:FILE) or from the Hugging Face hub: "
        "gsm8k, math, math-500, mmlu, mmlu-pro, gpqa, mt-bench.",
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="NAME", help="A method; repeatable. Default: all (see lightrouter eval methods)."),
]
Models = Annotated[
    str | None,
    _option(
        _MODELS,
        "--models",
        metavar="A,B",
        help="Recorded models, most trusted first. Default: all, most expensive first.",
    ),
]
MaxPrice = Annotated[
    float | None,
    _option(
        _MODELS,
        "--max-price",
        metavar="USD",
        help="Use only recorded models up to this price, in USD per 1M output tokens.",
        min=0,
    ),
]
MaxModels = Annotated[
    int | None,
    _option(
        _MODELS,
        "--max-models",
        help="Use only the N most expensive recorded models: a rule independent of results.",
        min=2,
    ),
]
Live = Annotated[
    bool,
    _option(_MODELS, "--live", metavar="", help="Call models although the data holds recorded outputs."),
]
Writer = Annotated[
    str | None,
    _option(
        _MODELS,
        "--writer",
        metavar="SPEC",
        help="Aggregator model: a spec or a candidate's name. Default: first of the pool.",
    ),
]
Judge = Annotated[
    str | None,
    _option(
        _MODELS,
        "--judge",
        metavar="SPEC",
        help="Model of the LLM selector and of the judge of open-ended answers. Default: first of the pool.",
    ),
]
Questions = Annotated[
    int | None, _option(_RUN, "--questions", "-n", help="Maximum number of questions; always the same ones.", min=1)
]
Changes = Annotated[
    list[str] | None,
    _option(
        _RUN,
        "--set",
        metavar="SETTING=VALUE",
        help="Setting for every LightRouter method that does not set it itself, e.g. boot_tokens=32.",
    ),
]
Seed = Annotated[int, _option(_RUN, "--seed", help="Seed of all random choices and of the bootstrap intervals.", min=0)]
Folds = Annotated[
    int,
    _option(_RUN, "--folds", help="Folds of the data: methods learn on the other folds, never on their own.", min=2),
]
Overhead = Annotated[
    int,
    _option(
        _RUN,
        "--overhead",
        help="Tokens of the recorded prompts that the recording does not contain, such as instructions.",
        min=0,
    ),
]
Out = Annotated[
    Path | None,
    _option(
        _RUN,
        "--out",
        "-o",
        metavar="DIR",
        help="Run directory; resumes a stopped run. Default: ./lightrouter-eval/DATA-EXPERIMENT.",
    ),
]
Jobs = Annotated[int, _option(_RUN, "--jobs", "-j", help="Worker processes of a replay.", min=1)]
Concurrency = Annotated[int, _option(_LIVE, "--concurrency", help="Questions processed concurrently.", min=1)]
Budget = Annotated[
    float | None,
    _option(
        _LIVE,
        "--budget",
        metavar="USD",
        help="Maximum cost of this command; needs --max-tokens and known prices. Paid results are kept.",
        min=0,
    ),
]
Tape = Annotated[
    Path | None,
    _option(
        _LIVE,
        "--tape",
        metavar="FILE",
        help="Cassette: file that records all model calls; runs that share it pay each call once. Default: "
        "calls.jsonl in DIR.",
    ),
]
MaxTokens = Annotated[int | None, _option(_LIVE, "--max-tokens", help="Maximum tokens of a full answer.", min=1)]
Scoring = Annotated[
    str | None,
    _option(
        _LIVE,
        "--scoring",
        metavar="NAME",
        help="exact, number, letter or math; judge (live only). Default: the data set's own scoring.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="Print only the results table.")]

JOBS = max(1, os.cpu_count() or 1)
