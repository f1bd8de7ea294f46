"""Where the models of a run come from: a file, specs, or the environment."""

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
        help=f"A TOML file with the models. Default: ./{DEFAULT_FILE} if there, else what the environment offers.",
    ),
]
Specs = Annotated[
    list[str] | None,
    typer.Option(
        "--candidate",
        "-m",
        metavar="SPEC",
        rich_help_panel=_PANEL,
        help="One model, as provider:model or provider:model@http://host:port/v1; give it once per model, the one "
        "you trust most first.",
    ),
]


POCKET = (
    "no model is configured: these are small ones that come along and know grade-school word problems only "
    "(OPENAI_API_KEY or another key, Ollama, or ./lightrouter.toml make a pool)"
)


class Source(NamedTuple):
    """A pool and, where the user did not name it, a line that says where it was found.

    `aggregator` is who merges, where the pool brings a model made for that.
    """

    pool: "Pool"
    announcement: str
    aggregator: "Aggregator | None" = None


def open_pool(file: Path | None, specs: list[str] | None) -> Source:
    """Build the pool the options ask for, or else of what is configured, or else of the models that come along.

    Nothing is sent but to local servers that may list models.

    Raises:
        PoolError: If both are given, or a candidate is not usable.
    """
    from lightrouter_graph.pool import Pool  # noqa: PLC0415 - a second, and --help needs none of it

    if file is not None and specs:
        msg = "--pool and --candidate exclude each other: write the model into the file, or name all of them"
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
