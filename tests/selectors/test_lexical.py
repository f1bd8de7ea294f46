import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lightrouter_graph.selectors.lexical import clean, informative_share

QUESTION = "A shop sells 12 red apples for 3 coins each. How many coins does it take in?"

pieces = st.sampled_from(
    [
        "```json\n",
        "```",
        '{"reasoning": "',
        '", "answer": "',
        '"}',
        "\\n",
        "\\u00e9",
        "\\ud83d",
        "\\",
        "<think>",
        "…",
        "Certainly! ",
        "okay, ",
        "As an AI language model, I cannot ",
        "To solve this, we need to ",
        "12 red apples for 3 coins each ",
        "for 3 coins each. How many ",
        " the answer is ",
        "36",
        "1,000.5",
        "苹果有三十六个",
        "İ",
        "\x00",
        " \t\n",
        "\u2028",
    ]
)
texts = st.text() | st.lists(pieces | st.text(max_size=4), max_size=20).map("".join)


# -- clean


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Certainly!",
        "Sure, let's solve this step by step:",
        "Certainly! To solve this problem, we first need to",
        "Let\u2019s break this down carefully:\n\n```json\n{\n",
        "As an AI language model, I don't have access to prices.",
        "I'm sorry, but I cannot help with that request",
        "<think>\nOkay, ",
        '```json\n{\n    "reasoning": "',
        QUESTION,
        "Certainly! A shop sells 12 red apples for 3 coins each.",
        "...!?",
    ],
)
def test_what_says_nothing_becomes_empty(text: str) -> None:
    assert clean(text, QUESTION) == ""
    assert informative_share(text, QUESTION) == 0.0


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('```json\n{\n  "reasoning": "12 * 3 = 36",\n  "answer": "36"\n}\n```', "12 * 3 = 36\n36"),
        ('{"reasoning": "First,\\n12 * 3', "First,\n12 * 3"),
        ('{"reasoning": "It is 36.", "ans', "It is 36."),
        ('"reasoning": "It is 36.",\n"answer": 36', "It is 36.\n36"),
        ('{"reasoning": "so \\\\(x \\times 3\\) \\"is\\" caf\\u00e9', 'so \\(x \\times 3\\) "is" café'),
        ('{"city": "Paris", "rivers": ["Seine"]}', '{"city": "Paris", "rivers": ["Seine"]}'),
        ("```python\nprint(36)\n```", "print(36)"),
        ("<think>36, I guess</think>", "36, I guess"),
        ("Certainly! Let's solve this step by step. It is 36.", "It is 36."),
        ("As an AI language model, I don't shop, but it is 36.", "it is 36."),
        ("As an AI language model, I would say 36.", "I would say 36."),
        ("They are certainly red. I am sure, it is 36.", "They are certainly red. I am sure, it is 36."),
    ],
)
def test_only_the_evidence_is_left(text: str, left: str) -> None:
    assert clean(text) == left


def test_a_restatement_leaves_a_mark_where_it_stood() -> None:
    text = "The shop sells 12 red apples for 3 coins each, so it takes in 36."
    assert clean(text, QUESTION) == "The …, so it takes in 36."
    assert clean(text) == text


def test_four_words_in_common_are_no_restatement() -> None:
    assert clean("12 red apples for 36", QUESTION) == "12 red apples for 36"


def test_choosing_an_option_is_no_restatement() -> None:
    question = "What is velocity?\nA. The rate at which money circulates\nB. The price of money over time"
    answer = "The rate at which money circulates"
    assert clean(answer, question) == answer


def test_quoting_a_document_is_no_restatement() -> None:
    fact = "the oldest bridge of the town was built in 1741"
    document = f"{'Many words about other towns. ' * 80} We know that {fact}. When was it built?"
    assert clean(fact, document) == fact


@given(texts, texts)
@example("okay, okay, a", "")
@example("a b c d okay, e", "a b c d e")
def test_cleaning_never_adds_and_never_needs_a_second_time(text: str, question: str) -> None:
    once = clean(text, question)
    assert len(once) <= len(text)
    assert clean(once, question) == once
    once.encode()  # an escape cut in half must not become a lone surrogate


@given(texts, texts)
def test_informative_share_is_a_share(text: str, question: str) -> None:
    share = informative_share(text, question)
    assert 0.0 <= share <= 1.0
    assert (share == 0.0) == (clean(text, question) == "")


def test_informative_share_counts_words() -> None:
    assert informative_share("Certainly! It is 36.") == pytest.approx(3 / 4)


@pytest.mark.parametrize("piece", ['{"answer":', "okay, ", "``` ", " \n", '"', "To find x, we ", "1,000"])
def test_cleaning_takes_linear_time(piece: str) -> None:
    def seconds(times: int) -> float:
        start = time.perf_counter()
        clean(piece * times, QUESTION)
        return time.perf_counter() - start

    # A quadratic step would make 100 times the text cost 10,000 times as much; the minimum leaves out the load.
    short, long = (min(seconds(times) for _ in range(3)) for times in (400, 40_000))
    assert long < 2_000 * max(short, 1e-4)
