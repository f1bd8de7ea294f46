"""Selects the models of the graphs: `lightrouter.toml`, else the environment, else demo models."""

import logging
from functools import cache
from pathlib import Path

from graphs.demo_models import tool_calling_pool
from lightrouter_graph import NoModelsError, Pool

logger = logging.getLogger(__name__)

POOL_FILE = Path("lightrouter.toml")


@cache
def open_pool(*, tools: bool = False) -> Pool:
    """Return the pool of all graphs of the process; logs one line that names the models.

    Args:
        tools: Whether the models must call tools. Pocket models cannot; without a configured pool, scripted demo
            models are used instead.

    Raises:
        PoolError: If the configured pool is invalid.
    """
    configured = configured_pool()
    if isinstance(configured, Pool):
        return configured
    if tools:
        return _logged(tool_calling_pool(), f"scripted demo models, arithmetic tool calls only: {configured}")
    return _logged(Pool.pocket(), f"small pocket models, grade-school word problems only: {configured}")


@cache
def configured_pool() -> Pool | NoModelsError:
    """Return the configured pool; without one, the error that explains how to configure models.

    Raises:
        PoolError: If the configured pool is invalid.
    """
    if POOL_FILE.is_file():
        return _logged(Pool.from_toml(POOL_FILE), f"from ./{POOL_FILE}")
    try:
        return _logged(Pool.from_env(), "from the environment")
    except NoModelsError as exc:
        return exc


def _logged(pool: Pool, source: str) -> Pool:
    logger.info("LightRouter uses %s (%s)", ", ".join(pool.names), source)
    return pool
