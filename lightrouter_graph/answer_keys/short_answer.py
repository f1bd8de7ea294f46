"""The short answer of a model response, by which `default_key` compares it: a list of formats, tried in order."""

import re

from lightrouter_graph.answer_keys.answer_phrases import find_marked
from lightrouter_graph.answer_keys.canonical import canonical_value
from lightrouter_graph.answer_keys.extractors import (
    Finder,
    find_boxed,
    find_closing_letter,
    find_closing_number,
    find_short_text,
    find_tag,
)
from lightrouter_graph.answer_keys.json_field import find_json_field
from lightrouter_graph.answer_keys.languages import find_closing_number_in_any_language
from lightrouter_graph.reasoning import split_reasoning

_MAX_CHARS = 40_000
_MAX_END = 400
_END_TOKENS = re.compile(r"(?:</?s>|<\|[a-zA-Z_]{1,30}\|>|<eos>|<end_of_turn>|\s){1,40}+\Z")
# The most reliable format first.
_FINDERS: tuple[Finder, ...] = (
    find_json_field,
    find_boxed,
    find_tag,
    find_marked,
    find_closing_number_in_any_language,
    find_closing_letter,
    find_closing_number,
    find_short_text,
)


def short_answer(text: str, question: str, *, finished: bool) -> str | None:
    """Return the canonical answer in the first format that a response contains; the arguments are those of `AnswerKey`.

    Later formats are not tried: a JSON field with "I do not know" is not overruled by a number in the text.
    """
    visible, _, unclosed = split_reasoning(text)
    if len(visible) > _MAX_CHARS:  # an answer is near the start or the end
        visible = f"{visible[: _MAX_CHARS // 2]}\n{visible[-_MAX_CHARS // 2 :]}"
    if unclosed:
        return None
    if finished and (tokens := _END_TOKENS.search(visible, max(0, len(visible) - _MAX_END))):
        visible = visible[: tokens.start()]  # chat-template tokens of a model that does not stop at them
    answers = (find(visible, question, finished=finished) for find in _FINDERS)
    found = next((answer for answer in answers if answer is not None), None)
    return None if found is None else canonical_value(found, question)
