"""Nothing that reads a text of a model, a provider or a client takes more than linear time.

Every compiled pattern of these packages is found by import, and every reader of texts is run, on repeated units that
make patterns backtrack. Twice the text may cost at most three times as much: a quadratic step costs four times as much.
"""

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator

import pytest

import lightrouter_graph
from lightrouter_graph import default_key
from lightrouter_graph.answer_keys import ExactText, canonical_value
from lightrouter_graph.answer_keys.question_type import read_question
from lightrouter_graph.cli.formatting import one_line
from lightrouter_graph.llm.failures import failure_of
from lightrouter_graph.llm.output_schema import read_json
from lightrouter_graph.llm.tool_calls import tool_calls_in
from lightrouter_graph.prompts import defuse
from lightrouter_graph.rate_limits.retry_after import retry_after_s
from lightrouter_graph.reasoning import split_reasoning, streamable_prefix
from lightrouter_graph.redaction import redact
from lightrouter_graph.selectors.agreement import lexical_similarity
from lightrouter_graph.selectors.judge_call import read_judgement
from lightrouter_graph.selectors.lexical import clean, evidence, informative_share
from lightrouter_graph.testing import ScriptedChatModel

OF_OWN_TEXTS = ("evaluation", "testing", "cli.evaluate", "pocket.train")
"""Packages that read data sets and templates of the user, not replies; `evaluation.scoring` reads replies."""

MATCHED_AT_ONE_PLACE = {
    "answer_keys.json_field._STRING",
    "answer_keys.json_field._LOOSE_STRING",
    "answer_keys.json_field._RECONSIDERED",
    "answer_keys.literals._TOKEN",
    "llm.tool_calls._TAGGED",
}
"""Called by `match`, at up to 8 places or token by token: here the search from every place is left out."""

UNITS = [
    "<|x|>", "</s>", "<x>", "<think>", "<tool_call>", "<tools></tools>", "</think>", "<", "<s", "[INST]", "```",
    "``` ", '```\n', "`", "`a`",
    '"answer": "', '{"answer": "', '"answer": ', '"a": 1, ', '"', "'", '\\"', "\\", "\\\\", "{", "}", "[", "(",
    "()", "[]", "eyJaaaaaaaa-", "eyJaaaaaaaa.", "sk-", "sk-a", "sk-**", "key=", "api_key: ", "bearer ", "://a",
    "password=a,", "secret ", "&#", "&#65;", "\\u", "\\u0041", "%", "%41", " ", '\n', ' \n', '\t', '\r\n',
    '\u3000', '\x00', '\u200b', "1", "1,", "1,234", "1.", "1 / ", "-", "- 1", "$", "$1 ", "$$", "*", "**", "**a",
    "_", "#", '\n#### ', '\n**Answer**\n', "\\boxed{", "\\frac{1}{", "\\frac{", "\\sqrt{", "^{", "\\text{", "\\(",
    "\\[", "<<1", "a", "A ", "aB1", "a-", "a_", "a/", "a@", "the answer is ", "The answer is 1. ", "Answer: ",
    "answer is (A) ", "(A) or ", "(A)(", 'A. b\n', "1. ", "1) ", ".", ". ", "...", "…", "•", "!", "? ", "what is ",
    "how many ", "🎉", "🎉 ", "✅", "漢", "é", "́", "as an ai ", "I'm sorry, ", "let us ", "To find x, we ",
    "Certainly! ", "okay, ", "i can't ", "and (A)", "wait ", ", ", "or 1 ", "10^", "1e9", "°", "1 % ", "million ",
    "1s", "1h", "1.5ms", "'code': '", "x = ", "=", "1+", "|",
]  # fmt: skip

QUESTION = "A shop sells 12 red apples for 3 coins each. How many coins does it take in?"
OPTIONS = "Which?\nA. one\nB. two\nC. three"
KEYS = ("sk-Verysecret-K3y_77", "eyJ" + "a1B2" * 300)


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    prefix = f"{lightrouter_graph.__name__}."
    for found in pkgutil.walk_packages(lightrouter_graph.__path__, prefix):
        name = found.name.removeprefix(prefix)
        if (name.startswith(OF_OWN_TEXTS) and not name.startswith("evaluation.scoring")) or name.endswith("__main__"):
            continue
        for variable, value in vars(importlib.import_module(found.name)).items():
            for pattern in _patterns_in(value):
                yield f"{name}.{variable}", pattern


def _patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _patterns_in(item)


PATTERNS = {(pattern.pattern, pattern.flags): (name, pattern) for name, pattern in patterns()}


def seconds(read: Callable[[str], object], text: str, times: int) -> float:
    """Return the least time of several: the others waited for a processor."""
    spent = []
    for _ in range(times):
        before = time.perf_counter()
        read(text)
        spent.append(time.perf_counter() - before)
    return min(spent)


def worse_than_linear(read: Callable[[str], object], characters: int, unit: str, end: str, limit: float) -> str:
    """Return "" if the reader is fast, or twice the text costs at most three times as much."""
    short, long = (f"{unit * (count // len(unit))}{end}" for count in (characters, 2 * characters))
    if seconds(read, long, 1) < limit or seconds(read, long, 2) < limit:
        return ""
    for _ in range(3):
        ratio = seconds(read, long, 3) / seconds(read, short, 3)
        if ratio <= 3:
            return ""
    return f"{unit!r} * n + {end!r}: {ratio:.1f} times"


def test_the_patterns_are_found():
    names = {name for name, _ in PATTERNS.values()}
    assert {"redaction.strings._SHAPED", "answer_keys.numbers._NUMBER", "selectors.lexical._SHELL_KEY"} <= names
    assert names >= MATCHED_AT_ONE_PLACE
    assert len(PATTERNS) > 80


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("name", "pattern"), PATTERNS.values(), ids=[name for name, _ in PATTERNS.values()])
def test_no_pattern_takes_more_than_linear_time(name, pattern):
    def read(text):
        text = text.encode() if isinstance(pattern.pattern, bytes) else text
        pattern.match(text)
        pattern.fullmatch(text)
        if name not in MATCHED_AT_ONE_PLACE:
            for _ in pattern.finditer(text):
                pass

    found = [worse_than_linear(read, 4000, unit, end, 0.06) for unit in UNITS for end in ("", "\x00")]
    assert not any(found), [one for one in found if one]


class Limited(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.body = {
            "error": {"message": text, "metadata": {"headers": {"retry-after": text, "x-ratelimit-reset": text}}}
        }


MODEL = ScriptedChatModel(responses="")
READERS: dict[str, Callable[[str], object]] = {
    "key": lambda text: default_key(text, QUESTION),
    "key of a truncated text": lambda text: default_key(text, QUESTION, finished=False),
    "key among options": lambda text: default_key(f"{text}\nThe answer is (B).", OPTIONS),
    "exact text": ExactText(),
    "canonical value": lambda text: canonical_value(text, QUESTION),
    "question": read_question,
    "clean": lambda text: clean(text, QUESTION),
    "evidence": lambda text: evidence(text, text),
    "informative share": lambda text: informative_share(text, QUESTION),
    "similarity": lambda text: lexical_similarity([text, f"a {text}"], QUESTION),
    "reasoning": split_reasoning,
    "reasoning in a text": lambda text: split_reasoning(f"a <think>{text}</think> b {text}"),
    "streamable prefix": streamable_prefix,
    "template tokens": defuse,
    "redaction": lambda text: redact(text, KEYS),
    "redaction of a page with a key": lambda text: redact(f"{text}{KEYS[0]}{text}{' '.join(KEYS[0])}", KEYS),
    "failure": lambda text: failure_of(Limited(text), MODEL),
    "retry after": lambda text: retry_after_s(Limited(text)),
    "judgement": lambda text: read_judgement(text, ["A", "B"]),
    "terminal": one_line,
    "tool calls": lambda text: tool_calls_in(text, [{"type": "function", "function": {"name": "f", "parameters": {}}}]),
}  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("reader", READERS)
def test_no_reader_of_texts_takes_more_than_linear_time(reader):
    read = READERS[reader]
    found = [worse_than_linear(read, 6_000, unit, "", 0.15) for unit in UNITS]
    assert not any(found), [one for one in found if one]


def nested(text: str) -> object:
    try:
        return read_json(text)
    except ValueError:
        return None


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["[", '{"a":', "```json\n", "1", '"\\u0041', "{}", "```json\n{"])
def test_json_is_read_in_linear_time(unit):
    assert not worse_than_linear(nested, 500_000, unit, "", 0.25)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reader", ["key", "clean", "informative share", "similarity", "failure", "judgement"])
@pytest.mark.parametrize("unit", ["word and ", "The answer is 1. ", '"answer": "', "<th"])
def test_a_text_of_megabytes_is_cut_before_it_is_read(reader, unit):
    read, text = READERS[reader], unit * (5_000_000 // len(unit))
    assert seconds(read, text, 2) < 1.5  # on a busy machine; a cut text takes a tenth of it


@pytest.mark.timeout(60)
@pytest.mark.parametrize("nested", ["<th" * 4000 + "<think>" + "ink>" * 4000, '{"answer": ' * 8000, "okay, " * 8000])
def test_cleaning_ends_after_a_few_passes(nested):
    assert seconds(lambda text: clean(text, QUESTION), nested, 2) < 1
