import gzip
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lightrouter_graph.similarity import clean, informative_share, lexical_similarity

QUESTION = "A shop sells 12 red apples for 3 coins each. How many coins does it take in?"
REPLAY = Path(__file__).parents[2] / "shared" / "replay"

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


# -- lexical_similarity


def test_tf_idf_worked_by_hand() -> None:
    # idf of a word in both texts is 1, in one of them log(3 / 2) + 1; a number counts twice.
    alone = np.log(1.5) + 1
    shared = 1.0 + 2.0**2
    lengths = np.sqrt(shared + alone**2) * np.sqrt(shared + (2 * alone) ** 2)
    assert lexical_similarity(["sum 36 red", "sum 36 7"])[0, 1] == pytest.approx(shared / lengths)


def test_the_same_words_are_wholly_alike_and_other_words_not_at_all() -> None:
    got = lexical_similarity(["It is 1,000.", "it is 1000", "nothing in common", "其他"])
    assert got.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_a_shared_shell_is_no_likeness() -> None:
    shell = 'Certainly!\n```json\n{"reasoning": "'
    assert lexical_similarity([f"{shell}red apples", f"{shell}green pears"])[0, 1] == 0.0


def test_saying_nothing_is_like_nothing_even_itself_elsewhere() -> None:
    boots = ["Certainly!", "Certainly!", QUESTION, QUESTION, "It is 36."]
    assert lexical_similarity(boots, QUESTION).tolist() == np.eye(5).tolist()


def test_the_same_number_weighs_more_than_the_same_word() -> None:
    got = lexical_similarity(["total 36", "sum 36", "total 35"])
    assert got[0, 1] > got[0, 2]


@pytest.mark.parametrize("boots", [[], ["one"], [""]])
def test_fewer_than_two_texts(boots: list[str]) -> None:
    assert lexical_similarity(boots).tolist() == np.eye(len(boots)).tolist()


@given(st.lists(texts, max_size=6), texts, st.randoms(use_true_random=False))
def test_similarity_is_symmetric_bounded_and_blind_to_order(boots: list[str], question: str, random) -> None:
    got = lexical_similarity(boots, question)
    assert got.shape == (len(boots), len(boots))
    assert np.array_equal(got, got.T)
    assert np.all((got >= 0) & (got <= 1))
    assert np.all(np.diag(got) == 1)
    order = random.sample(range(len(boots)), len(boots))
    permuted = lexical_similarity([boots[i] for i in order], question)
    np.testing.assert_allclose(permuted, got[np.ix_(order, order)], atol=1e-11)


def test_importing_it_brings_no_vector_library() -> None:
    code = (
        "import lightrouter_graph.similarity, sys\n"
        "assert not {'faiss', 'langchain_community', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# -- on recorded outputs

MATH_MID8 = (
    "Qwen2.5-72B-Instruct",
    "Qwen2.5-32B-Instruct",
    "Qwen2.5-7B-Instruct",
    "gpt-4o-mini-2024-07-18",
    "deepseek-v2.5-0908",
    "Meta-Llama-3.1-70B-Instruct",
    "gemini-1.5-flash",
    "gemma-2-27b-it",
)
TOKEN = re.compile(r"[A-Za-z]{1,8}|\d{1,3}|\s*\n+|[^\sA-Za-z\d]{1,2}")


def first_tokens(text: str, count: int) -> str:
    ends = [match.end() for match, _ in zip(TOKEN.finditer(text), range(count), strict=False)]
    return text[: ends[-1]] if ends else ""


def ranks(values: np.ndarray) -> np.ndarray:
    return np.array([(np.sum(values < v) + np.sum(values <= v) - 1) / 2 for v in values])


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0:
        return 0.0
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


@pytest.mark.replay
def test_consistency_of_boots_beats_a_random_choice_on_recorded_mathematics() -> None:
    path = REPLAY / "math_l5.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no recorded outputs at {path}")
    correlations, gains = [], []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        row = json.loads(line)
        outputs = [row["outputs"][model] for model in MATH_MID8]
        correct = np.array([output["score"] for output in outputs])
        boots = [first_tokens(output["text"], 200) for output in outputs]
        agreement = lexical_similarity(boots, row["question"]).sum(axis=1).round(9)
        gains.append(correct[agreement == agreement.max()].mean() - correct.mean())
        if np.ptp(correct) > 0:
            correlations.append(spearman(agreement, correct))
    # Measured: .25 and +.105 (standard error .02).
    assert np.mean(correlations) > 0.20
    assert np.mean(gains) > 0.06
