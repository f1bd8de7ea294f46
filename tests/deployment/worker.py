"""A worker process: connection pool, graph and model clients.

python -m deployment.worker DATABASE_URI BASE_URL THREAD      answers QUESTION on that thread
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from helpers import QUESTION, long
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter

NAMES = "abcd"
ASKED = {"messages": [("user", QUESTION)]}
OUTPUTS = {"a": long("1"), "b": long("2", words=400), "c": long("2", words=30), "d": long("4")}
RECORD = {"question": QUESTION, "outputs": {name: {"text": text} for name, text in OUTPUTS.items()}}
SETTINGS = Context(width=None, boot_tokens=10, top_k=2, agree=None, aggregator="top_ranked")


@asynccontextmanager
async def connected(database: str, connections: int = 2) -> AsyncIterator[AsyncPostgresSaver]:
    """Open a pool of connections and a checkpointer over it."""
    kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(
        database, min_size=1, max_size=connections, kwargs=kwargs, open=False
    ) as connection_pool:
        yield AsyncPostgresSaver(connection_pool)


def router_at(base_url: str) -> "StateGraph[Any, Any, Any, Any]":
    """Wire a router over the recorded models behind an address."""
    models = [ChatOpenAI(model=name, base_url=base_url, api_key="none", max_retries=0) for name in NAMES]
    return create_lightrouter(
        Pool([Candidate(name, model) for name, model in zip(NAMES, models, strict=True)]), context=SETTINGS
    )


def thread(name: str) -> dict[str, Any]:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": name}}


async def answer(database: str, base_url: str, name: str) -> None:
    """Run the question on a thread."""
    async with connected(database) as saver:
        await router_at(base_url).compile(checkpointer=saver).ainvoke(ASKED, thread(name))


if __name__ == "__main__":
    asyncio.run(answer(*sys.argv[1:]))
