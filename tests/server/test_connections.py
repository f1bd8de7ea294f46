"""Slow clients: their connections are closed, and others are served meanwhile."""

import asyncio
import json
import re
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn
from server.apps import PATH, asking, model

from lightrouter_graph.server import create_app, listen
from lightrouter_graph.server.connections import GuardedConnection
from lightrouter_graph.testing import Reply

LIMIT_S = 0.2
BODY = json.dumps(asking()).encode()
HEAD = (
    b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %%d\r\n\r\n"
    % PATH.encode()
)


@asynccontextmanager
async def serving(*, body_timeout_s=30.0, chat=None, app=None, **limits):
    """Serve an app on guarded connections; yields the port."""
    app = app or create_app(models={"a": chat or model("four", then="repeat_last")}, body_timeout_s=body_timeout_s)
    kind = type("Connection", (GuardedConnection,), {"receive_timeout_s": LIMIT_S, **limits})
    server = uvicorn.Server(uvicorn.Config(app, http=kind, lifespan="off", ws="none", log_config=None))
    with listen("127.0.0.1", 0) as listening:
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await running


async def connect(port, data=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


async def response(reader):
    """Read one whole response."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))


async def until_closed(reader):
    """Read until the server closes the connection; an abort may be a reset."""
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("start", [b"", b"POST /v1/chat", HEAD[:-2] % len(BODY)])
async def test_an_incomplete_header_is_closed(start):
    async with serving() as port:
        reader, writer = await connect(port, start)
        assert await until_closed(reader) == b""
        writer.close()


async def test_a_header_sent_byte_by_byte_has_no_longer_time():
    async with serving() as port:
        reader, writer = await connect(port)
        closed = asyncio.create_task(until_closed(reader))
        while not closed.done():
            writer.write(b"x")
            await asyncio.wait({closed}, timeout=LIMIT_S / 10)
        assert b"200" not in closed.result()
        writer.close()


async def test_an_incomplete_body_gets_408():
    async with serving(body_timeout_s=LIMIT_S) as port:
        reader, writer = await connect(port, HEAD % len(BODY) + BODY[:10])
        answer = await until_closed(reader)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"the request body was not complete within 0.2 s" in answer
        writer.close()


async def test_the_rest_of_a_refused_body_is_not_waited_for():
    async with serving() as port:
        started = asyncio.get_running_loop().time()
        reader, writer = await connect(port, b"GET /v1/models HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\nx")
        assert (await until_closed(reader)).startswith(b"HTTP/1.1 200 ")
        assert asyncio.get_running_loop().time() - started < 5
        writer.close()


async def test_a_pipelined_incomplete_request_is_closed():
    async with serving(body_timeout_s=30) as port:
        whole = b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n"
        reader, writer = await connect(port, whole + b"GET /v1/models HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n")
        assert (await until_closed(reader)).count(b"HTTP/1.1 200 ") == 2
        writer.close()


async def test_slow_clients_do_not_disturb_others_on_one_kept_connection():
    async with serving(receive_timeout_s=30) as port:
        slow = [await connect(port, b"POST /") for _ in range(50)]
        reader, writer = await connect(port)
        for _ in range(3):
            writer.write(HEAD % len(BODY) + BODY)
            assert (await response(reader)).startswith(b"HTTP/1.1 200 ")
        for _, other in [*slow, (reader, writer)]:
            other.close()


async def test_an_answer_longer_than_the_time_limit_is_not_cut():
    chat = model(Reply("one two three", delay_s=LIMIT_S * 2))
    async with serving(chat=chat) as port:
        reader, writer = await connect(port, HEAD % len(BODY) + BODY)
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_a_client_that_does_not_read_is_disconnected():
    ended = asyncio.Event()

    async def endless(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        writing = asyncio.create_task(write(send))
        while (await receive())["type"] != "http.disconnect":
            pass
        writing.cancel()
        ended.set()

    async def write(send):
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)

    async with serving(app=endless, send_timeout_s=LIMIT_S) as port:
        with socket.create_connection(("127.0.0.1", port)) as unread:
            unread.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            async with asyncio.timeout(10):
                await ended.wait()


async def test_more_connections_than_allowed_are_closed_at_once():
    async with serving(max_connections=3, receive_timeout_s=30) as port:
        kept = [await connect(port) for _ in range(3)]
        reader, writer = await connect(port)
        assert await until_closed(reader) == b""
        kept[0][1].write(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        assert (await kept[0][0].readline()).startswith(b"HTTP/1.1 200 ")
        for _, other in [*kept, (reader, writer)]:
            other.close()
