"""Whether two model answers give the same answer, without a model call."""

from lightrouter_graph.answer_keys.answer_phrases import find_marked
from lightrouter_graph.answer_keys.canonical import canonical_value
from lightrouter_graph.answer_keys.equivalence import Equivalence, KeyEquivalence
from lightrouter_graph.answer_keys.extractors import Finder, find_boxed, find_tag
from lightrouter_graph.answer_keys.json_field import find_json_field
from lightrouter_graph.answer_keys.keys import AnswerKey, ExactText, ShortAnswer, default_key
from lightrouter_graph.answer_keys.last_sentence import find_closing_letter, find_closing_number, find_short_text
from lightrouter_graph.answer_keys.objects import canonical_object, canonical_tool_calls, shared_fields
from lightrouter_graph.answer_keys.voting import agreement_of, count_votes, largest_group

__all__ = [
    "AnswerKey",
    "Equivalence",
    "ExactText",
    "Finder",
    "KeyEquivalence",
    "ShortAnswer",
    "agreement_of",
    "canonical_object",
    "canonical_tool_calls",
    "canonical_value",
    "count_votes",
    "default_key",
    "find_boxed",
    "find_closing_letter",
    "find_closing_number",
    "find_json_field",
    "find_marked",
    "find_short_text",
    "find_tag",
    "largest_group",
    "shared_fields",
]
