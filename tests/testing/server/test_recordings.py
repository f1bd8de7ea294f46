"""Recordings from untrusted files."""

import gzip
import json

import pytest

from lightrouter_graph.testing.jsonl import MAX_LINE_BYTES, read_json_lines
from lightrouter_graph.testing.server.recordings import Recordings

GOOD = json.dumps({"question": "q", "outputs": {"m": "a"}})


def write(path, *lines):
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


@pytest.fixture(params=[".jsonl", ".jsonl.gz"])
def path(request, tmp_path):
    return tmp_path / f"records{request.param}"


def test_a_line_has_a_limit(path):
    write(path, GOOD, json.dumps({"question": "x" * MAX_LINE_BYTES, "outputs": {}}))
    with pytest.raises(ValueError, match=rf"{path.name}, line 2: longer than the limit of {MAX_LINE_BYTES} bytes"):
        Recordings(path)


def test_a_line_of_exactly_the_limit_is_read(path):
    write(path, GOOD)
    assert list(read_json_lines(path, max_line_bytes=len(GOOD) + 1))
    with pytest.raises(ValueError, match=f"line 1: longer than the limit of {len(GOOD)} bytes"):
        list(read_json_lines(path, max_line_bytes=len(GOOD)))


def test_a_file_has_a_decompressed_size_limit(path):
    write(path, *[GOOD] * 3)
    with pytest.raises(ValueError, match=rf"{path.name}, line 3: the file exceeds the limit of 100 bytes"):
        list(read_json_lines(path, max_total_bytes=100))


def test_lines_before_the_first_error_are_read(path):
    write(path, GOOD, "x" * 200)
    lines = read_json_lines(path, max_line_bytes=100)
    assert next(lines) == (f"{path}, line 1", json.loads(GOOD))


@pytest.mark.parametrize(
    "data",
    [b"not gzip", gzip.compress(GOOD.encode())[:-9], b"\x1f\x8b\x08\x00" + b"\xff" * 50],
    ids=["plain", "cut short", "damaged"],
)
def test_a_damaged_file_raises_with_its_name(tmp_path, data):
    (tmp_path / "bad.jsonl.gz").write_bytes(data)
    with pytest.raises(ValueError, match=r"bad\.jsonl\.gz: damaged or not a gzip file"):
        Recordings(tmp_path / "bad.jsonl.gz")


@pytest.mark.parametrize(
    "line", [b"{oops", b"", b"\xff\xfe", b"[" * 100_000], ids=["cut short", "empty", "not UTF-8", "too deep"]
)
def test_invalid_json_raises_with_its_line(tmp_path, line):
    (tmp_path / "bad.jsonl").write_bytes(GOOD.encode() + b"\n" + line + b"\n")
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 2: not JSON"):
        Recordings(tmp_path / "bad.jsonl")


@pytest.mark.parametrize(
    ("record", "cause"),
    [
        ([], "list indices"),
        ({"outputs": {}}, "'question' is missing"),
        ({"question": "q"}, "'outputs' is missing"),
        ({"question": 3, "outputs": {}}, "expected a string, got '3'"),
        ({"question": " ", "outputs": {}}, "the question is empty"),
        ({"question": "q", "outputs": []}, "no attribute 'items'"),
        ({"question": "q", "outputs": {"m": None}}, "no attribute 'get'"),
        ({"question": "q", "outputs": {"m": {"text": None}}}, "expected a string, got 'None'"),
        ({"question": "q", "outputs": {"m": {}}}, "'text' is missing"),
        ({"question": "q", "outputs": {"m": {"tool_calls": [{"name": 1}]}}}, "'args' and 'id'"),
    ],
)
def test_an_invalid_record_raises_with_its_line(tmp_path, record, cause):
    path = write(tmp_path / "bad.jsonl", GOOD, json.dumps(record))
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 2: a record needs") as error:
        Recordings(path)
    assert cause in str(error.value)
    with pytest.raises(ValueError, match="record 1: a record needs"):
        Recordings([record])
