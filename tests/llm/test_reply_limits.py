"""Replies that are endless, compressed, split oddly or redirected, from raw sockets on loopback."""

import asyncio
import functools
import gzip
import itertools
import json
import resource
import zlib
from collections.abc import Iterable
from contextlib import asynccontextmanager

import pytest
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.runtime.event_loops import bound_to_loop
from lightrouter_graph.runtime.reply_limits import MAX_BODY, MAX_EVENT

MB = 2**20
ASKED = [HumanMessage("2 + 2?")]
WHOLE = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "four"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
}


def event(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": reason}
    return b"data: " + json.dumps({**WHOLE, "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"


STREAM = event("fo") + event("ur") + event("", "stop") + b"data: [DONE]\n\n"


@asynccontextmanager
async def endpoint(body: Iterable[bytes], *headers: str, status: int = 200):
    """Serve one body, which may be endless, to every request; the second value counts requests and bytes sent."""
    seen = {"requests": 0, "sent": 0, "head": ""}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            seen["requests"] += 1
            seen["head"] = head
            length = next(int(line.split(":")[1]) for line in head.lower().split("\r\n") if "content-length" in line)
            await reader.readexactly(length)
            writer.write("\r\n".join([f"HTTP/1.1 {status} X", "connection: close", *headers, "", ""]).encode())
            for piece in body:
                writer.write(piece)
                seen["sent"] += len(piece)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            seen["cut"] = True
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", seen
    finally:
        server.close()


async def ask(url: str, *, stream: bool, **settings):
    model = ChatOpenAI(model="m", base_url=url, api_key="key-of-the-model", **settings)
    call = Call(stage="generate", layer=1, timeout_s=20, stream_internally=stream)
    return await complete(Candidate("a", model), ASKED, call)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@functools.cache
def bomb(size: int, *, rounds: int = 1) -> list[bytes]:
    zeros = b" " * MB
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(zeros) for _ in range(size // MB)) + packer.flush()
    for _ in range(rounds - 1):
        packed = gzip.compress(packed, mtime=0)
    return [packed]


ENDLESS = {
    "words": itertools.repeat(b'{"a": "' + b"word " * 10_000),
    "nothing but spaces": itertools.repeat(b" " * 65_536),
    "brackets": itertools.repeat(b"[" * 65_536),
    "one line of a stream": itertools.chain([b"data: "], itertools.repeat(b"x" * 65_536)),
    "one event of a stream": itertools.chain([b"data: x\n"], itertools.repeat(b"data: word\n" * 5_000)),
    "comments": itertools.repeat((b": " + b"wait " * 1_000 + b"\n\n") * 10),
    "empty lines": itertools.repeat(b"\r\n" * 30_000),
    "a page": itertools.chain([b"<html>"], itertools.repeat(b"<p>\n\n" * 10_000)),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("body", ENDLESS)
async def test_an_endless_reply_ends_at_the_limit_and_its_connection_is_closed(body, stream):
    before = peak_mb()
    async with endpoint(ENDLESS[body]) as (url, seen):
        reply = await ask(url, stream=stream)
        await asyncio.sleep(0.05)
    assert reply.failure["cause"] == "bad_response"
    assert "of the reply" in reply.failure["message"] or "the reply exceeds 16 MB" in reply.failure["message"]
    assert seen["cut"]
    assert seen["sent"] < 2 * MAX_BODY
    assert reply.call_cost["outcome"] == "lost"  # the provider may bill it
    assert peak_mb() - before < 10 * MAX_BODY / MB


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_an_endless_error_page_is_cut_and_keeps_its_status(status, stream):
    async with endpoint(itertools.repeat(b"<p>sorry</p>\n\n" * 5_000), status=status) as (url, seen):
        reply = await ask(url, stream=stream, max_retries=0)
    causes = {429: "rate_limited", 500: "unavailable", 503: "unavailable"}
    assert reply.failure["cause"] == causes.get(status, "bad_response")
    assert seen["sent"] < 4 * MB


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [200, 500])
async def test_a_compressed_bomb_is_not_unpacked(status, stream):
    packed, before = bomb(500 * MB), peak_mb()
    async with endpoint(packed, "content-encoding: gzip", status=status) as (url, _):
        reply = await ask(url, stream=stream, max_retries=0)
    assert reply.failure["cause"] == ("bad_response" if status == 200 else "unavailable")
    assert peak_mb() - before < 100


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "identity, br", "x" * 5000])
async def test_an_encoding_that_was_not_requested_is_refused(encoding):
    async with endpoint(bomb(20 * MB, rounds=2), f"content-encoding: {encoding}") as (url, seen):
        reply = await ask(url, stream=False)
    assert "accept-encoding: gzip\r\n" in seen["head"].lower()
    assert reply.failure["cause"] == "bad_response"
    assert "encoding" in reply.failure["message"]


@pytest.mark.parametrize(
    "body", [b"", b"no gzip at all", gzip.compress(b"{" * 1000, mtime=0)[:-20], b"\x1f\x8b\x08" + b"x" * 999]
)
async def test_a_damaged_encoding_is_a_bad_response(body):
    async with endpoint([body], "content-encoding: gzip") as (url, _):
        reply = await ask(url, stream=False)
    assert reply.failure["cause"] == "bad_response"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("size", [1, 2, 7, 4096])
async def test_a_reply_in_any_pieces_is_read_whole(size, packed):
    body = json.dumps(WHOLE, indent=1).replace("\n", "\n\n").encode()
    body = gzip.compress(body, mtime=0) if packed else body
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    async with endpoint(pieces, *["content-encoding: gzip"] * packed) as (url, _):
        reply = await ask(url, stream=False)
    assert (reply.failure, reply.text, reply.usage["output_tokens"]) == (None, "four", 1)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 3, 50, 100_000])
async def test_a_stream_in_any_pieces_and_line_ends_is_read_whole(size, end):
    body = STREAM.replace(b"\n", end)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    async with endpoint(pieces, "content-type: text/event-stream") as (url, _):
        reply = await ask(url, stream=True)
    assert (reply.failure, reply.text, reply.finish_reason) == (None, "four", "stop")


async def test_a_long_reply_within_the_limit_is_read():
    text = "word " * (MAX_EVENT // 6)
    whole = json.loads(json.dumps(WHOLE).replace("four", text))
    async with endpoint([json.dumps(whole).encode()]) as (url, _):
        assert len((await ask(url, stream=False)).text) == len(text)
    async with endpoint([event(text), event("", "stop")]) as (url, _):
        assert len((await ask(url, stream=True)).text) == len(text)


async def test_events_arrive_before_the_stream_has_ended():
    more = asyncio.Event()

    async def late(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n" + event("fo"))
        await asyncio.wait_for(more.wait(), 10)
        writer.write(event("ur", "stop"))
        writer.close()

    server = await asyncio.start_server(late, "127.0.0.1", 0)
    model = ChatOpenAI(model="m", base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", api_key="x")
    texts = []
    async for chunk in bound_to_loop(model).astream("2 + 2?"):
        texts.append(chunk.text)
        more.set()
    server.close()
    assert "".join(texts) == "four"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_never_carries_the_conversation_to_another_host(status, stream):
    async with (
        endpoint([STREAM if stream else json.dumps(WHOLE).encode()]) as (other, reached),
        endpoint([b""], f"location: {other}/chat/completions", status=status) as (url, seen),
    ):
        reply = await ask(url, stream=stream, default_headers={"x-extra-key": "secret"})
    assert (seen["requests"], reached["requests"]) == (1, 0)
    assert reply.failure["cause"] == "bad_response"
    assert other.split("//")[1].split("/")[0] in reply.failure["message"]
    assert reply.call_cost["usage"]["input_tokens"] == 0  # it was not read by any model


@pytest.mark.parametrize("target", ["/v1/chat/completions/", "//127.0.0.2/v1", "file:///etc/passwd", "http://[", ""])
async def test_no_target_of_a_redirect_is_followed(target):
    async with endpoint([b"moved"], f"location: {target}", status=307) as (url, seen):
        reply = await ask(url, stream=False)
    assert seen["requests"] == 1
    assert reply.failure["cause"] == "bad_response"
