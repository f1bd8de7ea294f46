"""A real Postgres and a real Redis, started once per test process; tests are skipped without them."""

from collections.abc import Iterator
from itertools import count

import pytest
import redis
from deployment.servers import (
    NO_POSTGRES,
    NO_REDIS,
    Postgres,
    find_postgres,
    find_redis,
    running_postgres,
    running_redis,
)
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.store.postgres import PostgresStore

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start Postgres."""
    binaries = find_postgres()
    if binaries is None:
        pytest.skip(NO_POSTGRES)
    with running_postgres(binaries) as server:
        yield server


@pytest.fixture
def empty_database(postgres: Postgres) -> str:
    """Create an empty database."""
    return postgres.create_database(f"test{next(_numbers)}")


@pytest.fixture
def database(empty_database: str) -> str:
    """Create a database with the tables of checkpointer and store."""
    with (
        PostgresSaver.from_conn_string(empty_database) as saver,
        PostgresStore.from_conn_string(empty_database) as store,
    ):
        saver.setup()
        store.setup()
    return empty_database


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Start Redis."""
    program = find_redis()
    if program is None:
        pytest.skip(NO_REDIS)
    with running_redis(program) as uri:
        yield uri


@pytest.fixture
def redis_uri(redis_server: str) -> str:
    """Empty the Redis of this test process."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server
