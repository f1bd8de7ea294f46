"""Answer keys: equal answers have equal keys, and a response without a short answer has none."""

import gzip
import json
import random
import re
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lightrouter_graph.answer_keys import (
    AnswerKey,
    ExactText,
    canonical_tool_calls,
    canonical_value,
    default_key,
    find_closing_number,
    find_marked,
)
from lightrouter_graph.answer_keys.extractors import UNCLEAR

HOW_MANY = "Ann has 12 apples and eats 5. How many apples are left?"
OPTIONS = "Which is the largest?\nA. Mercury\nB. Jupiter\nC. 2,000 km\nD. The Moon"
CODE = 'Complete the assertion.\ndef f(s):\n    return s[::-1]\nassert f("cba") =='
ESSAY = "Write a short essay on the answer that history is."
QUESTIONS = ["", HOW_MANY, OPTIONS, CODE, "What percentage of 50 is 25?", ESSAY]


# --- canonical values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("1,234.50", "1234.5"),
        ("$12", "12"),
        (r"\$12.00", "12"),
        ("12 dollars", "12"),
        ("-3", "-3"),
        ("\u22123", "-3"),
        ("007", "7"),
        (".5", "0.5"),
        (r"\frac{1}{2}", "0.5"),
        (r"$\dfrac12$", "0.5"),
        (r"-\frac{2}{4}", "-0.5"),
        ("1 1/2", "1.5"),
        ("2/6", "1/3"),
        (r"\(\frac{1}{3}\)", "1/3"),
        ("1e3", "1000"),
        (r"1.2 \times 10^{5}", "120000"),
        ("3.5 million", "3500000"),
        ("50%", "50%"),
        (r"50\%", "50%"),
        ("50 percent", "50%"),
        (r"90^\circ", "90"),
        ("90 degrees", "90"),
        ("12 km/h", "12"),
        (r"12\text{ cm}^2", "12"),
        ("**12**", "12"),
        ("about 12.", "12"),
        ("x = 5", "5"),
        ("f(x) = 5", "5"),
        (r"3\sqrt{2}", "3sqrt(2)"),
        ("3*sqrt(2)", "3sqrt(2)"),
        (r"x^{2} + 1", "x^2+1"),
        (r"\left( 1, 2 \right)", "(1, 2)"),
        ("[1,2]", "[1, 2]"),
        ("3 Doors Down", "3 doors down"),
        ('"Paris."', "paris"),
        ("The Nile", "nile"),
        ("True", "true"),
    ],
)
def test_equal_answers_have_one_canonical_form(written: str, canonical: str) -> None:
    assert canonical_value(written) == canonical


@pytest.mark.parametrize(
    ("one", "other"), [("1/3", "0.333"), ("[1, 2]", "(1, 2)"), ("12", "1.2"), ("-5", "5"), ("50%", "50")]
)
def test_different_answers_have_different_canonical_forms(one: str, other: str) -> None:
    assert canonical_value(one) != canonical_value(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "___",
        "...",
        "<answer>",
        "I cannot tell",
        "Cannot be determined",
        "unknown",
        "N/A",
        "word " * 13,
        "x" * 9_000,
    ],
)
def test_placeholders_refusals_and_prose_have_no_canonical_form(text: str) -> None:
    assert canonical_value(text) is None


def test_a_question_for_a_quantity_ignores_the_unit_and_the_sentence() -> None:
    for written in ("7", "7 red apples", "Ann has 7 apples left.", "12 - 5 = 7 apples", "Of 12 apples, 7 are left"):
        assert canonical_value(written, HOW_MANY) == "7"
    for written in ("7 or 8", "7 apples and 3 pears", "between 7 and 9", "x = 2 or x = 3"):
        assert canonical_value(written, HOW_MANY) not in {"7", "8", "2", "3"}


def test_a_question_for_a_percentage_ignores_the_percent_sign() -> None:
    assert (
        canonical_value("50%", "What percentage is left?") == canonical_value("50", "What percentage is left?") == "50"
    )


@pytest.mark.parametrize(
    "written", ["B", "(B)", "b) Jupiter".upper(), "**B**", "B. Jupiter", "Option B", "jupiter", r"\text{B}"]
)
def test_an_option_is_its_letter(written: str) -> None:
    assert canonical_value(written, OPTIONS) == "B"


@pytest.mark.parametrize(
    "written", ["Venus", "J", "A and B", "(A), (B)", "A or B", "A planet", "none of the above", "17"]
)
def test_anything_but_a_single_option_is_no_answer(written: str) -> None:
    assert canonical_value(written, OPTIONS) is None


def test_an_option_is_found_by_its_text() -> None:
    assert canonical_value("2000 km", OPTIONS) == "C"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("'abc'", '"abc"'),
        ("'abc'", "abc"),
        ("[1, 2]", "[1,2]"),
        ("[1, 2,]", "[1,2]"),
        ("{'b': 1, 'a': 2}", '{"a": 2, "b": 1}'),
        ("{2, 1}", "{1, 2}"),
        ("True", "`True`"),
        ("None", "null"),
        ("8.50", "8.5"),
        ("'a\\nb'", "a\nb"),
        ("'2'", "2"),
        ("(1)", "1"),
    ],
)
def test_equal_literals_are_equal(one: str, other: str) -> None:
    assert canonical_value(one, CODE) == canonical_value(other, CODE) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [("'abc'", "'Abc'"), ("'1 '", "'1'"), ("1 ", "1"), ("'00019'", "'019'"), ("(1,)", "1"), ("[]", "()"), ("''", "[]")],
)
def test_letter_case_and_white_space_count_in_code(one: str, other: str) -> None:
    assert canonical_value(one, CODE) != canonical_value(other, CODE)


# --- forms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"reasoning": "12 - 5 = 7", "answer": "7"}', "7"),
        ('```json\n{"answer": 7}\n```', "7"),
        (
            'Sure!\n{"reasoning": "so \\boxed{9} \\frac{1}{2}", "answer": "\\frac{1}{2}"}\nThe key steps are easy.',
            "0.5",
        ),
        ('{"reasoning": "so", "answer": "7", "confi', "7"),
        ('{"answer": "___"} as in the form, so {"answer": "7"}', "7"),
        ('{"answer": "5"}\nNo, wait.\n{"answer": "7"}', "7"),
        (r"Thus \boxed{3}, then \boxed{\dfrac{1}{2}}.", "0.5"),
        (r"\boxed{\text{x^{2}}}", "x^2"),
        ("<answer>7</answer>", "7"),
        ("First 3. The answer is 7.", "7"),
        ("The answer is 5. This means we are done.", "5"),
        ("**Answer:** 7", "7"),
        ("**Final Answer**\n\n7", "7"),
        ("Final answer: $7.50$", "7.5"),
        ("The final answer is **7**, since 3 + 4 = 7.", "7"),
        ("so 3 + 4\n#### 7", "7"),
        ("The correct answer is: `[1, 2]`.", "[1, 2]"),
        ("The answer is Paris.", "paris"),
        ("Answer: Johann Sebastian Bach", "johann sebastian bach"),
        ("Paris.", "paris"),
        ("<think>The answer is 3.</think>The answer is 7.", "7"),
        ("The answer is 3, hm.</think>\n7", "7"),
    ],
)
def test_a_complete_response_has_a_key(text: str, key: str) -> None:
    assert default_key(text) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 3, so then we go on with the next part of the sum",
        "First, cream the butter.\n#### Ingredients:\n- 2 eggs\n#### 1. Bake\nBake for 20 minutes.",
        "```python\nprint('The answer is 5.')\n```",
        'Use print("Answer is:") here and everything will be fine.',
        "The answer is that it depends on the weather and on many other things.",
        "1. Capital of France? Answer: Paris\n2. Of Italy? Answer: Rome",
        "The answer is 5. But no: the answer is 6.",
        '{"answer": "I cannot determine it from what is given."} Perhaps 5.',
        "<think>The answer is 7.",
        "Once upon a time there were 3 bears. They lived happily for 20 years.",
    ],
)
def test_open_ended_or_unclear_responses_have_no_key(text: str) -> None:
    assert default_key(text) is None
    assert default_key(text, ESSAY) is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("12 - 5 = 7.\nSo Ann has 7 apples left.", "7"),
        ("She eats 5 of the 12 apples, so 7 are left.", "7"),
        ("She has 12 - 5 = <<12-5=7>>7 apples left.", "7"),
        ("work\nA: 7", "7"),
        ("There are 3 ways to see it and 4 to count it.", None),
        ("Hence 12 - 5", None),
    ],
)
def test_the_last_sentence_counts_if_the_question_asks_for_a_number(text: str, key: str | None) -> None:
    assert default_key(text, HOW_MANY) == key
    assert default_key(text, HOW_MANY, finished=False) is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Big. The answer is (B).", "B"),
        ("Big. The answer is B. Jupiter", "B"),
        ("It must be Jupiter, which is (B).", "B"),
        ("The closest option is B.", "B"),
        (r"r = \boxed{2000}. The answer is (B).", "B"),
        (r"Therefore $\boxed{\text{B}}$", "B"),
        ("The answer is (B).\n\nQuestion: Who?\nThe answer is (A).", "B"),
        ("The answer is (B). Wait, the answer is (A).", None),
        ("The answer is (A) and (B).", None),
        ("(A) is small, (B) is big.", None),
    ],
)
def test_options_are_found_by_letter(text: str, key: str | None) -> None:
    assert default_key(text, OPTIONS) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"answer": "7"}', "7"),
        ('{"answer": "7",\n', "7"),
        ('{"answer": "7', None),
        ('{"answer": 7', None),
        ('{"answer": "[\\"a\\", ', None),
        ('{"answer": "7"}\n```\n\nTo verify, let us calculate', None),
        (r"So \boxed{7}", "7"),
        (r"So \boxed{\frac{1}{2}", None),
        ("<answer>7", None),
        ("The answer is 7.\n", "7"),
        ("The answer is 7", None),
        ("The answer is 7.", None),
        ("The answer is **7**", "7"),
        ("The answer is 7. However, we", None),
        ("#### 7\n", "7"),
        ("#### 7", None),
        ("The answer is 7.\n\nThe sum of the first three of these is 12, that of the others is 30, which is why", None),
        ("Paris", None),
        ("So 7 apples are left.", None),
    ],
)
def test_the_key_of_a_truncated_response_is_a_complete_answer(text: str, key: str | None) -> None:
    assert default_key(text, finished=False) == key


def test_the_first_format_found_decides() -> None:
    text = r'The answer is 3. \boxed{4} {"answer": "5"}'
    assert default_key(text) == "5"
    assert default_key(text.partition(" {")[0]) == "4"
    assert default_key("The answer is 3.") == "3"


def test_an_unclear_format_ends_the_search() -> None:
    text = "The answer is 5. No, the answer is 6."
    assert find_marked(text, HOW_MANY, finished=True) == UNCLEAR
    assert find_closing_number(text, HOW_MANY, finished=True) == "6"
    assert default_key(text, HOW_MANY) is None


def test_exact_text_compares_whole_texts() -> None:
    assert ExactText()(" Some\n TEXT ") == ExactText()("some text") == "some text"
    assert ExactText(case_sensitive=True)("Some") == "Some"
    assert ExactText()("some text", finished=False) is None
    assert ExactText()("  ") is None


def test_any_function_of_the_signature_is_a_key() -> None:
    def first_word(text: str, question: str = "", *, finished: bool = True) -> str | None:
        return text.split(maxsplit=1)[0] if text.strip() else None

    assert isinstance(first_word, AnswerKey)
    assert isinstance(default_key, AnswerKey)
    assert isinstance(ExactText(), AnswerKey)


# --- tool calls -------------------------------------------------------------------------------------------------


def test_equal_tool_calls_are_equal_in_any_order_and_form() -> None:
    one = [{"name": "a", "args": {"x": 1, "y": [2.0]}, "id": "1"}, {"name": "b", "args": {}, "id": "2"}]
    other = [
        {"function": {"name": "b", "arguments": "{}"}},
        {"function": {"name": "a", "arguments": '{"y": [2], "x": 1}'}},
    ]
    assert canonical_tool_calls(one) == canonical_tool_calls(other) is not None


def test_different_or_unreadable_tool_calls() -> None:
    call = {"name": "a", "args": {"x": 1}}
    assert canonical_tool_calls([call]) != canonical_tool_calls([call, call])
    assert canonical_tool_calls([call]) != canonical_tool_calls([{"name": "a", "args": {"x": "1"}}])
    for unreadable in (
        [],
        [{}],
        [{"name": "a", "args": "{"}],
        [call, {"name": "", "args": {}}],
        [{"name": "a", "args": {"x": object()}}],
    ):
        assert canonical_tool_calls(unreadable) is None


# --- any text at all --------------------------------------------------------------------------------------------

_MARKUP = r"""The answer is |Answer: |"answer": "|"answer": |\boxed{|\frac{|\text{|\n|#### |<think>|</think>|<answer>"""
_SIGNS = r"""} { [ ( ) ] " ' \ $ ** ` ``` % . - = 7 1,2 1/2 0 e9 A (B) B. True None x^2 sqrt( ½ </answer>"""
_PIECES = st.sampled_from([*_MARKUP.split("|"), *_SIGNS.split(), "\n", " and "])
_TEXTS = st.one_of(st.text(max_size=200), st.lists(_PIECES, max_size=25).map("".join))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=_TEXTS, question=st.one_of(st.sampled_from(QUESTIONS), _TEXTS), finished=st.booleans())
def test_any_string_has_a_deterministic_key(text: str, question: str, finished: bool) -> None:
    key = default_key(text, question, finished=finished)
    canonical_value.cache_clear()
    assert default_key(text, question, finished=finished) == key
    assert key is None or key


@settings(max_examples=500, deadline=None)
@given(text=_TEXTS, question=st.sampled_from(QUESTIONS))
def test_a_canonical_form_is_its_own(text: str, question: str) -> None:
    key = canonical_value(text, question)
    assert key is None or canonical_value(key, question) == key


@given(number=st.decimals(-(10**9), 10**9, allow_nan=False, places=3))
def test_notations_of_one_number_are_equal(number) -> None:
    notations = {
        f"{number}",
        f"{number:,}",
        f"${number:,}$",
        f"**{number}**",
        f"{number} km",
        f"\\boxed{{{number}}}"[7:-1],
    }
    assert len({canonical_value(notation) for notation in notations}) == 1


@given(
    value=st.recursive(
        st.integers() | st.text(max_size=5) | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=6,
    )
)
def test_a_python_literal_and_its_json_are_the_same(value: object) -> None:
    written = [value]
    assert canonical_value(repr(written), CODE) == canonical_value(json.dumps(written), CODE)


@pytest.mark.parametrize("token", ["<|im_end|>", "<|END_OF_TURN_TOKEN|>", "</s>", "<turn|>", "```", "\n"])
def test_template_tokens_after_the_answer_are_ignored(token: str) -> None:
    assert default_key(f"391{token * 20}") == "391"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        *_MARKUP.split("|"),
        *_SIGNS.split(),
        " ",
        "\n",
        "1",
        "1,",
        "*",
        ". ",
        "(A) ",
        "\nA. x",
        "<<",
        "what is ",
        '"answer": "\\',
        "<|im_end|>",
        "<|END_OF_TURN_TOKEN|>",
        "</s>",
        "<turn|>",
    ],
)
def test_repeated_pieces_take_linear_time(piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    started = time.perf_counter()
    for question in ("", HOW_MANY, OPTIONS, CODE, text):
        default_key(text, question)
        default_key(f"The answer is {text}", question, finished=False)
    assert time.perf_counter() - started < 2.5  # about 0.1 s; quadratic matching takes minutes


# --- recorded outputs of real models ----------------------------------------------------------------------------

REPLAY = Path(__file__).parents[3] / "shared" / "replay"
replay = [
    pytest.mark.replay,
    pytest.mark.skipif(not REPLAY.is_dir(), reason=f"no recorded model outputs at {REPLAY}"),
]
_TOKEN = re.compile(r"[A-Za-z]{1,8}|\d{1,3}|\s*\n+|[^\sA-Za-z\d]{1,2}")


def recorded(name: str, questions: int) -> list[dict]:
    """A fixed sample of the questions of one data set."""
    with gzip.open(REPLAY / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        every = list(lines)
    return [json.loads(line) for line in random.Random(7).sample(every, min(questions, len(every)))]


def cut(text: str, tokens: int) -> str | None:
    """The first tokens of a longer text."""
    for count, found in enumerate(_TOKEN.finditer(text)):
        if count == tokens:
            return text[: found.start()]
    return None


@pytest.mark.parametrize("marks", [pytest.param(None, marks=replay)])
@pytest.mark.parametrize(
    ("name", "coverage", "precision", "recall", "consistency"),
    [
        ("math_l5", 0.93, 0.985, 0.98, 0.99),
        ("gsm8k", 0.99, 0.99, 0.995, 0.99),
        ("gsm8k_plain", 0.97, 0.998, 0.985, 0.998),
        ("crux", 0.99, 0.94, 0.995, 0.975),
        ("mmlu_pro", 0.87, 0.995, 0.965, 0.995),
    ],
)
def test_keys_agree_with_the_recorded_scores(name, coverage, precision, recall, consistency, marks) -> None:
    """Recorded scores lose some right answers to their format, so the precision here is a lower bound."""
    texts, keyed, consistent = 0, 0, 0
    hits: Counter[tuple[bool, bool]] = Counter()
    for row in recorded(name, 120 if name != "mmlu_pro" else 300):
        gold = canonical_value(row["answer"], row["question"])
        groups: dict[str, list[bool]] = defaultdict(list)
        for output in row["outputs"].values():
            key, right = default_key(output["text"], row["question"]), output["score"] >= 0.5
            texts += 1
            hits[key is not None and key == gold, right] += 1
            if key is not None:
                groups[key].append(right)
        keyed += sum(map(len, groups.values()))
        consistent += sum(max(Counter(group).values()) for group in groups.values())
    assert keyed / texts >= coverage
    assert hits[True, True] / (hits[True, True] + hits[True, False]) >= precision
    assert hits[True, True] / (hits[True, True] + hits[False, True]) >= recall
    assert consistent / keyed >= consistency


@pytest.mark.parametrize("marks", [pytest.param(None, marks=replay)])
def test_keys_of_boots_equal_the_keys_of_the_full_responses(marks) -> None:
    keyed = equal = 0
    for name in ("math_l5", "gsm8k", "crux", "mmlu_pro"):
        for row in recorded(name, 100):
            for output in row["outputs"].values():
                full = default_key(output["text"], row["question"])
                for boot in filter(None, (cut(output["text"], 64), cut(output["text"], 200))):
                    key = default_key(boot, row["question"], finished=False)
                    keyed += key is not None
                    equal += key is not None and key == full
    assert keyed >= 150
    assert equal / keyed >= 0.97


@pytest.mark.parametrize("marks", [pytest.param(None, marks=replay)])
@pytest.mark.parametrize(("name", "share"), [("alpaca_eval", 0.01), ("mt_bench", 0.02)])
def test_open_ended_answers_hardly_ever_have_equal_keys(name: str, share: float, marks) -> None:
    equal = pairs = 0
    for row in recorded(name, 150):
        keys = [default_key(output["text"], row["question"]) for output in row["outputs"].values()]
        counts = Counter(key for key in keys if key is not None)
        equal += sum(count * (count - 1) // 2 for count in counts.values())
        pairs += len(keys) * (len(keys) - 1) // 2
    assert equal / pairs <= share


@pytest.mark.parametrize("marks", [pytest.param(None, marks=replay)])
def test_a_key_takes_well_under_a_millisecond(marks) -> None:
    rows = recorded("math_l5", 40) + recorded("alpaca_eval", 40)
    texts = [(row["question"], output["text"]) for row in rows for output in row["outputs"].values()]
    seconds = []
    for question, text in texts:
        started = time.perf_counter()
        default_key(text, question)
        seconds.append(time.perf_counter() - started)
    assert sorted(seconds)[len(seconds) // 2] < 0.0005


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 391 ✅",
        "**391** ✅",
        "✅ 391",
        "✔️ **391**",
        "Final answer: 391 🎉🎉",
        "The answer is: 391 :)",
        "The answer is 391. 👍🏽",
        "\\boxed{391} ✅",
        "#### 391 ✨",
        "So it is 391 ∎",
        "The answer is <391>.",
        "Answer: < 391 >",
    ],
)
def test_marks_around_a_number_are_no_part_of_it(text):
    assert default_key(text, "What is the sum of 340 and 51?") == "391"


@pytest.mark.parametrize(
    ("text", "question", "key"),
    [
        ("The answer is ✅", "Which emoji means yes?", "✅"),
        ("Paris 🇫🇷", "What is the capital of France?", "paris"),
        ("The answer is <B>.", "Which?\nA. one\nB. two", "B"),
        ("✅ B", "Which?\nA. one\nB. two", "B"),
        ("90° ✅", "What is the angle of 45 + 45?", "90"),
        ("<answer>", "What is 1 + 1?", None),
        ("<your final answer>", "What is 1 + 1?", None),
    ],
)
def test_marks_that_are_the_answer_are_kept_and_placeholders_are_none(text, question, key):
    assert default_key(text, question) == key
