"""Which models the graphs use: `lightrouter.toml`, else what the environment has, else small ones that come with it."""

import logging
from functools import cache
from pathlib import Path

from graphs.stand_ins import stand_ins
from lightrouter_graph import NoModelsError, Pool

logger = logging.getLogger(__name__)

POOL_FILE = Path("lightrouter.toml")


@cache
def open_pool(*, tools: bool = False) -> Pool:
    """Choose once for all graphs of the process, and say in one line of the log what was chosen.

    Args:
        tools: Whether the models have to call tools. Pocket models cannot, so stand-ins come in their place.

    Raises:
        PoolError: If what is configured is not usable.
    """
    configured = configured_pool()
    if isinstance(configured, Pool):
        return configured
    if tools:
        return _announced(stand_ins(), f"stand-ins that call a tool with the arithmetic they are asked: {configured}")
    return _announced(Pool.pocket(), f"small pocket models, grade-school word problems only: {configured}")


@cache
def configured_pool() -> Pool | NoModelsError:
    """Open what is configured; where that is nothing, the error says how to configure something.

    Raises:
        PoolError: If what is configured is not usable.
    """
    if POOL_FILE.is_file():
        return _announced(Pool.from_toml(POOL_FILE), f"from ./{POOL_FILE}")
    try:
        return _announced(Pool.from_env(), "found in the environment")
    except NoModelsError as exc:
        return exc


def _announced(pool: Pool, place: str) -> Pool:
    logger.info("LightRouter asks %s (%s)", ", ".join(pool.names), place)
    return pool
