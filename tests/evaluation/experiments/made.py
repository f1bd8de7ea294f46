"""Results made by hand for experiments."""

from typing import Any

from lightrouter_graph.evaluation.records import Result


def result(method: str, question: str, score: float | None, tokens: int, fold: int = 0, error: str = "") -> Result:
    made: dict[str, Any] = dict.fromkeys(Result.__required_keys__)
    told = {"question": question, "method": method, "fold": fold, "score": score, "error": error, "calls": 1}
    return made | told | {"input_tokens": tokens // 2, "output_tokens": tokens - tokens // 2, "spent": []}  # type: ignore[return-value]
