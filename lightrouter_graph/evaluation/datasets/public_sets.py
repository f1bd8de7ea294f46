"""Public data sets: GSM8K, MATH, MATH-500, MMLU, MMLU-Pro, GPQA and MT-Bench, with their prompts."""

import hashlib
import re
from collections.abc import Sequence
from random import Random
from string import ascii_uppercase

from lightrouter_graph.answer_keys import find_boxed
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import PublicSet
from lightrouter_graph.evaluation.datasets.readers import FILE, Row, text_of
from lightrouter_graph.evaluation.questions import Question

MAX_OPTIONS = 10
"""Options have the letters A to J, which `lightrouter_graph.answer_keys` can read."""

_NUMBER = 'Think step by step, then finish with "The answer is X", where X is the number alone.'
_MATH = "Think step by step, then finish with the final answer alone in \\boxed{}."
_CHOICE = 'Think step by step, then finish with "The answer is (X)", where X is the letter of the right option.'


def _choice(question: str, options: Sequence[str]) -> str:
    """Return the prompt of a question with 2 to 10 options, each on its own line as `(A) ...`."""
    lines = [f"({letter}) {' '.join(option.split())}" for letter, option in zip(ascii_uppercase, options, strict=False)]
    return "\n".join([question.strip(), "", *lines, "", _CHOICE])


def _gsm8k(row: Row) -> Question:
    """Read `question`, and `answer` with the number after `####`."""
    _, mark, number = text_of(row, "answer").rpartition("####")
    if not mark or not number.strip():
        raise EvaluationError("no number after '####' in the answer")
    prompt = f"{text_of(row, 'question').strip()}\n\n{_NUMBER}"
    return Question("", prompt, reference=number.strip().replace(",", ""))


def _math(row: Row) -> Question:
    r"""Read `problem`, `solution` with the answer in `\boxed{}`, `level` and `type`.

    MATH-500 has the answer in `answer`, the type in `subject`, and an id. The category is the type and the level.
    """
    subject, level = text_of(row, "type", "subject"), text_of(row, "level").lower()
    level = level if level.startswith("level") else f"level {level}"
    return Question(
        str(row.get("unique_id") or "").removesuffix(".json"),
        f"{text_of(row, 'problem').strip()}\n\n{_MATH}",
        category=f"{subject}, {level}",
        reference=_math_answer(row),
    )


def _math_answer(row: Row) -> str:
    if row.get("answer") is not None:
        return text_of(row, "answer")
    # A few solutions write `\boxed 5` without braces.
    solution = re.sub(r"\\boxed ([^\s$]*[^\s$.])(?!.*\\boxed )", r"\\boxed{\1}", text_of(row, "solution"), flags=re.S)
    boxed = find_boxed(solution, "", finished=True)
    if boxed is None:
        raise EvaluationError(r"no \boxed{} answer in the solution")
    return boxed


def _mmlu(row: Row) -> Question:
    """Read a row of the original files or of the hub.

    The original CSV files have the question, four options and the letter; the subject is their file name. The hub has
    `choices`, the index of the right option in `answer`, and `subject`.
    """
    choices = row.get("choices")
    options = [text_of(row, letter) for letter in "ABCD"] if choices is None else [str(choice) for choice in choices]
    subject = str(row.get("subject") or re.sub(r"_(?:test|val|dev)$", "", str(row.get(FILE, "")))).replace("_", " ")
    answer = text_of(row, "answer")
    letter = "ABCD"[int(answer)] if answer in {"0", "1", "2", "3"} else answer.strip().upper()
    if letter not in {*"ABCD"}:
        msg = f"the answer must be one of A, B, C, D or 0 to 3, got {answer!r}"
        raise EvaluationError(msg)
    return Question("", _choice(text_of(row, "question"), options), category=subject or None, reference=letter)


def _mmlu_pro(row: Row) -> Question:
    """Read `question`, `options`, the letter in `answer`, `category` and `question_id`."""
    options = [str(option) for option in row.get("options") or ()]
    while options[-1:] == ["N/A"]:  # earlier versions of the set pad short lists
        options.pop()
    letter = text_of(row, "answer").strip().upper()
    if not 2 <= len(options) <= MAX_OPTIONS:
        msg = f"2 to {MAX_OPTIONS} options are needed, got {len(options)}"
        raise EvaluationError(msg)
    if letter not in {*ascii_uppercase[: len(options)]}:
        msg = f"the answer must be a letter from A to {ascii_uppercase[len(options) - 1]}, got {letter!r}"
        raise EvaluationError(msg)
    name = "" if row.get("question_id") is None else text_of(row, "question_id")
    prompt = _choice(text_of(row, "question"), options)
    return Question(name, prompt, category=text_of(row, "category"), reference=letter)


def _gpqa(row: Row) -> Question:
    """Read `Question`, `Correct Answer` and `Incorrect Answer 1` to `3`.

    The options are shuffled with a seed from the text of the question, so their order does not depend on other rows.
    """
    question = text_of(row, "Question").strip()
    digest = hashlib.sha256(f"gpqa:{question}".encode()).hexdigest()
    names = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")
    options = [text_of(row, name).strip() for name in names]
    order = list(range(len(options)))
    Random(digest).shuffle(order)
    return Question(
        str(row.get("Record ID") or digest[:16]),
        _choice(question, [options[index] for index in order]),
        category=str(row.get("High-level domain") or "") or None,
        reference="ABCD"[order.index(0)],
    )


def _mt_bench(row: Row) -> Question:
    """Read `question_id`, `category`, `turns` and, if present, `reference` with one text per turn.

    The hub calls the turns `prompt` and the id `prompt_id`.
    """
    first = _first_turn(row.get("turns") or row.get("prompt"))
    if first is None:
        raise EvaluationError("no first turn in the column 'turns' or 'prompt'")
    name = text_of(row, "question_id", "prompt_id")
    return Question(name, first, category=text_of(row, "category"), reference=_first_turn(row.get("reference")))


def _first_turn(turns: object) -> str | None:
    if not isinstance(turns, Sequence) or isinstance(turns, str) or not turns:
        return None
    return str(turns[0]).strip() or None


_MATH_SUBJECTS = (
    *("algebra", "counting_and_probability", "geometry", "intermediate_algebra"),
    *("number_theory", "prealgebra", "precalculus"),
)
_MT_BENCH_NOTE = "Only the first turn of each MT-Bench question is asked: scores do not compare with published results."

PUBLIC: dict[str, PublicSet] = {
    public.name: public
    for public in (
        # Cobbe et al., arXiv 2110.14168; 1319 problems in the test split.
        PublicSet("gsm8k", "openai/gsm8k", _gsm8k, "number", configs=("main",)),
        # Hendrycks et al., arXiv 2103.03874; 5000 problems in the test split.
        PublicSet("math", "EleutherAI/hendrycks_math", _math, "math", configs=_MATH_SUBJECTS),
        # The 500 test problems of Lightman et al., arXiv 2305.20050.
        PublicSet("math-500", "HuggingFaceH4/MATH-500", _math, "math"),
        # Hendrycks et al., arXiv 2009.03300; 14042 questions in the test split.
        PublicSet("mmlu", "cais/mmlu", _mmlu, "letter", configs=("all",), columns=("question", *"ABCD", "answer")),
        # Wang et al., arXiv 2406.01574; about 12000 questions in the test split.
        PublicSet("mmlu-pro", "TIGER-Lab/MMLU-Pro", _mmlu_pro, "letter"),
        # Rein et al., arXiv 2311.12022; splits "diamond" (198 questions), "main" and "extended".
        PublicSet(
            "gpqa", "Idavidrein/gpqa", _gpqa, "letter", split="diamond", hub_split=lambda s: (f"gpqa_{s}", "train")
        ),
        # Zheng et al., arXiv 2306.05685; 80 questions; the original file is question.jsonl.
        PublicSet("mt-bench", "HuggingFaceH4/mt_bench_prompts", _mt_bench, "judge", split="train", note=_MT_BENCH_NOTE),
    )
}
"""The public data sets by name."""
