"""Which models the graphs use: `lightrouter.toml`, else what the environment offers, else stand-ins."""

import logging
from functools import cache
from pathlib import Path

from graphs.stand_ins import stand_ins
from lightrouter_graph import NoModelsError, Pool

logger = logging.getLogger(__name__)

POOL_FILE = Path("lightrouter.toml")


@cache
def open_pool() -> Pool:
    """Choose once for all graphs of the process, and say in one line of the log what was chosen.

    Raises:
        PoolError: If what is configured is not usable.
    """
    pool, place = _choose()
    logger.info("LightRouter asks %s (%s)", ", ".join(pool.names), place)
    return pool


def _choose() -> tuple[Pool, str]:
    if POOL_FILE.is_file():
        return Pool.from_toml(POOL_FILE), f"from ./{POOL_FILE}"
    try:
        return Pool.from_env(), "found in the environment"
    except NoModelsError as exc:
        return stand_ins(), f"stand-ins that only do arithmetic: {exc}"
