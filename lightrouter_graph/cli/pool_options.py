"""Options that select the models, and the default search: pool file, environment, demo models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lightrouter_graph.cli.formatting import count
from lightrouter_graph.errors import NoModelsError, PoolError

if TYPE_CHECKING:
    from lightrouter_graph.aggregators import Aggregator
    from lightrouter_graph.pool import Pool

DEFAULT_FILE = Path("lightrouter.toml")
_PANEL = "Models"

PoolFile = Annotated[
    Path | None,
    typer.Option(
        "--pool",
        metavar="FILE",
        rich_help_panel=_PANEL,
        help=f"TOML file with the candidates. Default: ./{DEFAULT_FILE} if it exists, else the models found in the "
        "environment.",
    ),
]
Specs = Annotated[
    list[str] | None,
    typer.Option(
        "--candidate",
        "-m",
        metavar="SPEC",
        rich_help_panel=_PANEL,
        help="A model: provider:model or provider:model@http://host:port/v1. Repeat the option for each model, most "
        "trusted first.",
    ),
]


POCKET = (
    "no model is configured: using the bundled demo models (grade-school word problems only); for real models set "
    f"OPENAI_API_KEY or another key, start Ollama, or write ./{DEFAULT_FILE} (lightrouter pool --init)"
)


class Source(NamedTuple):
    """A pool, a message that names its source if no option did, and the aggregator of the demo models."""

    pool: "Pool"
    announcement: str
    aggregator: "Aggregator | None" = None


def open_pool(file: Path | None, specs: list[str] | None) -> Source:
    """Build the pool from the options, else from `lightrouter.toml`, the environment or the demo models.

    Sends no request except to local servers that list models.

    Args:
        file: Value of --pool.
        specs: Values of --candidate.

    Returns:
        The pool and its source.

    Raises:
        PoolError: If both options are given, or a candidate is not usable.
    """
    from lightrouter_graph.pool import Pool  # noqa: PLC0415 - slow import, not needed by --help

    if file is not None and specs:
        msg = (
            "--pool and --candidate exclude each other: add the model to the file, or name all models with --candidate"
        )
        raise PoolError(msg)
    if specs:
        return Source(Pool(specs), "")
    if file is not None:
        return Source(Pool.from_toml(file), "")
    if DEFAULT_FILE.is_file():
        pool, place = Pool.from_toml(DEFAULT_FILE), f"./{DEFAULT_FILE}"
    else:
        try:
            pool, place = Pool.from_env(), "the environment"
        except NoModelsError:
            return _pocket()
    return Source(pool, f"{count(len(pool), 'model')} from {place}")


def _pocket() -> Source:
    from lightrouter_graph.aggregators import AutoAggregator, LLMAggregator  # noqa: PLC0415 - as above
    from lightrouter_graph.pool import Candidate, Pool  # noqa: PLC0415

    return Source(Pool.pocket(), POCKET, AutoAggregator(synthesis=LLMAggregator(Candidate("merger", "pocket:merger"))))
