"""The commands of `lightrouter eval`."""

import inspect
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightrouter_graph.cli.evaluate import options
from lightrouter_graph.cli.pool_options import PoolFile, Specs

if TYPE_CHECKING:
    from lightrouter_graph.evaluation.runs.run import RunReport

_EPILOG = """
[bold]Examples[/bold]
  lightrouter eval run recording.jsonl.gz --max-price 1.3 --max-models 8
  lightrouter eval run recording.jsonl.gz --method lightrouter:top_k=3 --method majority
  lightrouter eval run gsm8k:test.jsonl -n 200 --pool team.toml --max-tokens 800 --budget 2
  lightrouter eval run pocket:200
  lightrouter eval equal-cost recording.jsonl.gz
  lightrouter eval ablate top-k recording.jsonl.gz
  lightrouter eval compare lightrouter-eval/before lightrouter-eval/after

A run writes a directory: report.md, index.html, plots, summary.json,
results.jsonl. The same command resumes a stopped run. A live run records all
calls: none is paid twice, and `eval again` replays them without a key.
"""

app = typer.Typer(
    help="Measure quality, cost and latency of LightRouter and baselines, on recordings or live models.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
ablate = typer.Typer(
    help="The paper's ablations, one factor at a time.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(ablate, name="ablate")


def _command(name: str, text: str) -> Callable[..., None]:
    """Return the command of an experiment; all have the same options, and `run` has --method."""

    def _run(
        *,
        data: options.Data,
        method: options.Methods = None,
        models: options.Models = None,
        max_price: options.MaxPrice = None,
        max_models: options.MaxModels = None,
        live: options.Live = False,
        pool: PoolFile = None,
        candidate: Specs = None,
        writer: options.Writer = None,
        judge: options.Judge = None,
        questions: options.Questions = None,
        set_: options.Changes = None,
        seed: options.Seed = 0,
        folds: options.Folds = 2,
        overhead: options.Overhead = 0,
        out: options.Out = None,
        jobs: options.Jobs = options.JOBS,
        concurrency: options.Concurrency = 4,
        budget: options.Budget = None,
        tape: options.Tape = None,
        max_tokens: options.MaxTokens = None,
        scoring: options.Scoring = None,
        quiet: options.Quiet = False,
    ) -> None:
        _experiment(name, dict(locals()))

    own = inspect.signature(_run)
    parameters = [parameter for parameter in own.parameters.values() if name == "run" or parameter.name != "method"]
    _run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    _run.__doc__ = text
    return _run


_EXPERIMENTS = {
    "run": "Compare methods: single models, votes, oracles, Mixture-of-Agents, cascades, routers, LightRouter.",
    "predictiveness": "Correlation and AUC of selector scores with full-answer quality, by boot length.",
    "equal-cost": "Quality at equal token budgets, for each family of methods.",
    "corruption": "Loss of quality by errors injected into the boots of layer 1, 2 or 3. Live only.",
}
_ABLATIONS = {
    "boot-tokens": "Vary the boot length from 16 to 400 tokens.",
    "top-k": "Vary top-k from 1 to 4.",
    "layers": "Vary the number of layers from 1 to 4. Live only: a recorded model cannot read a draft.",
}
for _name, _text in _EXPERIMENTS.items():
    app.command(_name)(_command(_name, _text))
for _name, _text in _ABLATIONS.items():
    ablate.command(_name)(_command(f"ablate-{_name}", _text))


@app.command("again")
def again(
    *,
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a live run.")],
    out: options.Out = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="NAME", help="A method; repeatable. Default: those of the run."),
    ] = None,
    tape: options.Tape = None,
    quiet: options.Quiet = False,
) -> None:
    """Replay the recorded calls of a live run: same answers and costs, without a key and without cost."""
    _check_extra()
    from lightrouter_graph.cli.evaluate.run import play_again  # noqa: PLC0415 - slow import, not needed by --help

    _print(play_again(run_folder, out, method or [], _command_line(), tape=tape, quiet=quiet), quiet=quiet)


@app.command("compare")
def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="Directory of a run.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Directory of another run.")],
    show_all: Annotated[
        bool, typer.Option("--all", metavar="", help="Show also the figures without a significant change.")
    ] = False,
) -> None:
    """Show the significant differences between two runs, with confidence intervals."""
    _check_extra()
    from lightrouter_graph.cli.evaluate.compare import print_comparison  # noqa: PLC0415 - as above

    print_comparison(before, after, show_all=show_all)


@app.command("overview")
def overview(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Directories of runs.")],
    method: Annotated[
        list[str] | None, typer.Option("--method", metavar="NAME", help="A method, one row each. Default: a selection.")
    ] = None,
) -> None:
    """Print several runs as a Markdown table: one row per method, one column per run."""
    from lightrouter_graph.cli.evaluate.tables import print_overview  # noqa: PLC0415 - as above

    print_overview(runs, method or [])


@app.command("methods")
def methods() -> None:
    """List the methods."""
    from lightrouter_graph.cli.evaluate.tables import print_methods  # noqa: PLC0415 - as above

    print_methods()


@app.command("export")
def export(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run.")],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", metavar="NAME", help="Name of the data set in LangSmith. Default: name of the directory."
        ),
    ] = None,
) -> None:
    """Export a run to LangSmith: a data set and one experiment per method. Needs LANGSMITH_API_KEY."""
    from lightrouter_graph.cli.evaluate.export import export_run  # noqa: PLC0415 - as above

    export_run(run_folder, dataset)


def _experiment(name: str, given: dict[str, Any]) -> None:
    _check_extra()
    from lightrouter_graph.cli.evaluate.run import run_experiment  # noqa: PLC0415 - as above

    _print(run_experiment(name, given, _command_line()), quiet=bool(given["quiet"]))


def _check_extra() -> None:
    """Raise EvaluationError before the run if a package of the extra `eval` is missing."""
    from lightrouter_graph.evaluation.optional_dependencies import need  # noqa: PLC0415 - as above

    for module in ("scipy", "sklearn", "matplotlib", "textalloc", "jinja2"):
        need(module, extra="eval", what="lightrouter eval")


def _print(reported: "RunReport", *, quiet: bool) -> None:
    from lightrouter_graph.cli.evaluate.tables import print_results  # noqa: PLC0415 - as above

    print_results(reported, quiet=quiet)


def _command_line() -> str:
    """Return the command line for the report, redacted: a URL may hold a password."""
    from lightrouter_graph.redaction import redact  # noqa: PLC0415 - as above

    return redact(shlex.join(["lightrouter", *sys.argv[1:]]))
