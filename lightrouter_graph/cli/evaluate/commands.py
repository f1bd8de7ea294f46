"""The commands of `lightrouter eval`."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightrouter_graph.cli.evaluate import options
from lightrouter_graph.cli.pool_options import PoolFile, Specs

if TYPE_CHECKING:
    from lightrouter_graph.evaluation.runs.run import Reported

_EPILOG = """
[bold]Examples[/bold]
  lightrouter eval run recording.jsonl.gz --max-price 1.3 --max-models 8
  lightrouter eval run recording.jsonl.gz --method lightrouter:top_k=3 --method majority
  lightrouter eval run gsm8k:test.jsonl -n 200 --pool team.toml --max-tokens 800 --budget 2
  lightrouter eval run pocket:200
  lightrouter eval equal-cost recording.jsonl.gz
  lightrouter eval ablate top-k recording.jsonl.gz
  lightrouter eval compare lightrouter-eval/before lightrouter-eval/after

Every run leaves a folder: report.md, index.html, pictures, summary.json, results.jsonl. The same command again goes on
where it stopped; live runs pay for no call twice, and can be played again without a key (eval again).
"""

app = typer.Typer(
    help="Measure pools and policies, on recordings or live, against simpler ways to use the same models.",
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


@app.command("run")
def run(
    *,
    data: options.Data,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method", metavar="NAME", help="A method; give it once for each. Default: all (lightrouter eval methods)."
        ),
    ] = None,
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
    """Compare all methods: single models, votes, oracles, Mixture-of-Agents, cascades, routers, LightRouter."""
    given = dict(locals())
    _experiment("run", given | {"method": method or []})


def _command(name: str, text: str) -> Callable[..., None]:
    """Make the command of an experiment; all have the same options."""

    def command(
        *,
        data: options.Data,
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

    command.__doc__ = text
    return command


_EXPERIMENTS = {
    "predictiveness": "Does a boot predict the full answer? Correlation and AUC by boot length, for each selector.",
    "equal-cost": "Quality under the same token budget, for every family of methods.",
    "corruption": "Boots with injected errors in layer 1, 2 or 3: how far does quality fall? Live only.",
}
_ABLATIONS = {
    "boot-tokens": "Boots of 16 to 400 tokens.",
    "top-k": "One to four candidates go on.",
    "layers": "One to four layers. Live only: a recorded model cannot read a draft.",
}
for _name, _text in _EXPERIMENTS.items():
    app.command(_name)(_command(_name, _text))
for _name, _text in _ABLATIONS.items():
    ablate.command(_name)(_command(f"ablate-{_name}", _text))


@app.command("again")
def again(
    *,
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a live run.")],
    out: options.Out = None,
    method: Annotated[
        list[str] | None, typer.Option("--method", metavar="NAME", help="A method; default: those of the run.")
    ] = None,
    tape: options.Tape = None,
    quiet: options.Quiet = False,
) -> None:
    """Play the calls of a live run again: the same answers and costs, without a key, without a cent, in seconds."""
    _check_extra()
    from lightrouter_graph.cli.evaluate.running import play_again  # noqa: PLC0415 - seconds, and --help needs none

    _show(play_again(run_folder, out, method or [], _command_line(), tape=tape, quiet=quiet), quiet=quiet)


@app.command("compare")
def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="The folder of a run.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The folder of another.")],
    show_all: Annotated[
        bool, typer.Option("--all", metavar="", help="Show the figures too that have not changed for sure.")
    ] = False,
) -> None:
    """Say with intervals what changed from one run to another."""
    _check_extra()
    from lightrouter_graph.cli.evaluate.comparing import print_comparison  # noqa: PLC0415 - as above

    print_comparison(before, after, show_all=show_all)


@app.command("overview")
def overview(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    method: Annotated[
        list[str] | None, typer.Option("--method", metavar="NAME", help="A row; default: a choice of all kinds.")
    ] = None,
) -> None:
    """Print several runs as one Markdown table: a row per method, a column per run."""
    from lightrouter_graph.cli.evaluate.listing import print_overview  # noqa: PLC0415 - as above

    print_overview(runs, method or [])


@app.command("methods")
def methods() -> None:
    """List the methods there are."""
    from lightrouter_graph.cli.evaluate.listing import print_methods  # noqa: PLC0415 - as above

    print_methods()


@app.command("export")
def export(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="NAME", help="The data set's name in LangSmith. Default: the folder's."),
    ] = None,
) -> None:
    """Send a run to LangSmith: a data set, and an experiment per method. Needs LANGSMITH_API_KEY."""
    from lightrouter_graph.cli.evaluate.exporting import export_run  # noqa: PLC0415 - as above

    export_run(run_folder, dataset)


def _experiment(name: str, given: dict[str, Any]) -> None:
    _check_extra()
    from lightrouter_graph.cli.evaluate.running import run_experiment  # noqa: PLC0415 - as above

    _show(run_experiment(name, given, _command_line()), quiet=bool(given["quiet"]))


def _check_extra() -> None:
    """Refuse at once what a missing package would end after all was run and paid for.

    Raises:
        EvaluationError: If a package of the extra is not installed; it says how to get it.
    """
    from lightrouter_graph.evaluation.optional_dependencies import need  # noqa: PLC0415 - as above

    for module in ("scipy", "sklearn", "matplotlib", "textalloc", "jinja2"):
        need(module, extra="eval", what="lightrouter eval")


def _show(reported: "Reported", *, quiet: bool) -> None:
    from lightrouter_graph.cli.evaluate.showing import show  # noqa: PLC0415 - as above

    show(reported, quiet=quiet)


def _command_line() -> str:
    """Return the command as it goes into the report: an address may hold a password."""
    from lightrouter_graph.redaction import redact  # noqa: PLC0415 - as above

    return redact(shlex.join(["lightrouter", *sys.argv[1:]]))
