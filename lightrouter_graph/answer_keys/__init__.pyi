from .answer_phrases import find_marked
from .canonical import canonical_value
from .equivalence import Equivalence, KeyEquivalence
from .extractors import Finder, find_boxed, find_closing_letter, find_closing_number, find_short_text, find_tag
from .json_field import find_json_field
from .keys import AnswerKey, ExactText, default_key
from .objects import canonical_object, canonical_tool_calls, shared_fields
from .voting import agreement_of, count_votes, largest_group

__all__ = [
    "AnswerKey",
    "Equivalence",
    "ExactText",
    "Finder",
    "KeyEquivalence",
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
