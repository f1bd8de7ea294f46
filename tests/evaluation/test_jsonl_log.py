"""Append-only files: what a kill leaves of them can be read, and what is not ours is refused in words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.jsonl_log import append_lines, read_lines

RECORDS = [{"key": "a", "text": "one\ntwo"}, {"key": "b", "text": "zwei\u2028drei \u00e9"}]


def read(path: Path) -> list[dict]:
    return list(read_lines(path, ["key"], "a record"))


def test_records_come_back_in_their_order_and_a_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.jsonl"
    assert read(path) == []
    for record in RECORDS:
        append_lines(path, [record])
    assert read(path) == RECORDS
    assert path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("cut", range(1, 25))
def test_a_line_torn_anywhere_is_cut_off_and_the_file_goes_on(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "file.jsonl"
    append_lines(path, RECORDS)
    path.write_bytes(path.read_bytes()[:-cut])
    assert read(path) == RECORDS[:1]
    append_lines(path, RECORDS[1:])
    assert read(path) == RECORDS


@pytest.mark.parametrize(
    "line", [b"not json", b"[1]", b'{"other": 1}', b"", b"\xff\xfe\x00garbage", b"\x1f\x8b\x08 packed"]
)
def test_a_whole_line_that_is_none_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "file.jsonl"
    append_lines(path, RECORDS)
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(EvaluationError, match=r"file\.jsonl, line 3: not a record, got "):
        read(path)


@given(text=st.text(st.characters(codec=None), max_size=40))
def test_any_text_survives_even_half_a_character(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("lines") / "file.jsonl"
    append_lines(path, [{"key": text}, {"key": "after"}])
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # two halves make a whole
    assert read(path) == [{"key": joined}, {"key": "after"}]
