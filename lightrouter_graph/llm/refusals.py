"""Reads from the error of a request whether the endpoint refused its form, and which part of it."""

import re
from dataclasses import dataclass

from lightrouter_graph.llm.error_bodies import exception_text, paths_of, status_of, words_of
from lightrouter_graph.providers.learned import LIMITS
from lightrouter_graph.records import Cause

_STATUSES = frozenset({400, 404, 405, 409, 415, 422, 501})
"""Status codes of a request whose form was refused; it cost nothing."""

_TEMPLATE = re.compile(r"template|jinja|raise_exception|roles? must|role [^.]{0,40}not supported")
"""Errors of a chat template, which some servers send with status 500."""

_NO_FORM = re.compile(
    r"model_not_found|no such model|unknown model|not_found_error|invalid model\b"
    r"|\bmodels?\b[^.]{0,120}\b(?:not found|not exist|doesn't exist)"
)
"""Errors that no other form of the request avoids."""

_EMPTY_STREAMS = frozenset({"No generation chunks were returned", "No generations found in stream."})
"""Errors of `langchain_core` for a stream without a chunk, as of an endpoint that answers with one JSON body."""

_UNSUPPORTED = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|\bextra\b|instead|deprecated"
    r"|does(?: not|n't) (?:take|accept|have|exist)|not (?:accepted|available|recogni[sz]ed|implemented|valid)"
    r"|no such|cannot find"
)
_CEILING = re.compile(
    r"(?:at most|less than or equal to|<=|≤|up to|no more than|exceed|maximum(?: \w{1,20}){0,4}:?"
    r"|between \d{1,9} and|\[\d{1,9},|>)[\s`'\"]{0,3}(\d[\d,]{0,12})"
)
"""Words before the greatest value of a field."""

_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w{1,60})'")
_MAX_WORDS = 4_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an endpoint refused.

    Attributes:
        words: Words of the error, in lower case.
        paths: Fields that the error names in a key such as `param` or `loc`, dotted.
        argument: The argument that the client itself does not know; "" if the endpoint refused.
        empty_stream: True if the request was accepted, but the stream had no event.
    """

    words: str
    paths: tuple[str, ...] = ()
    argument: str = ""
    empty_stream: bool = False

    @property
    def text(self) -> str:
        """The argument or the paths, and the words."""
        return " ".join([self.argument, *self.paths, self.words]).strip()

    @property
    def signature(self) -> str:
        """The error without numbers and ids: equal for the same refusal of two requests."""
        return re.sub(r"\w*\d\w*", "#", self.text[:400])

    @property
    def names_limit(self) -> bool:
        """True if the name of the output limit was refused, not its value."""
        named = any(name in self.text for name in LIMITS)
        return named and bool(self.argument or _UNSUPPORTED.search(self.words))

    def ceiling(self, cap: int) -> int | None:
        """Return the greatest output limit that the error names; None if it names none below the cap.

        Args:
            cap: The output limit that was refused.
        """
        if not any(name in self.text for name in LIMITS):
            return None
        named = (int(found.replace(",", "")) for found in _CEILING.findall(self.text))
        return next((number for number in named if 0 < number < cap), None)


def refusal_of(exc: Exception, cause: Cause) -> Refusal | None:
    """Return what an endpoint refused; None if another form of the request cannot help.

    Args:
        exc: The exception of the call.
        cause: Its cause; one with a name of its own, such as context_length, is no matter of form.
    """
    if (text := exception_text(exc)[:_MAX_WORDS]) in _EMPTY_STREAMS:
        return Refusal(text.lower(), empty_stream=True)
    if isinstance(exc, TypeError):
        unexpected = _UNEXPECTED.search(text)
        return Refusal("", (), unexpected[1]) if unexpected else None
    words, paths, status = words_of(exc)[:_MAX_WORDS], paths_of(exc), status_of(exc)
    refused = status in _STATUSES or (status == 500 and _TEMPLATE.search(words))
    if cause not in {"bad_response", "unavailable"} or not refused or "model" in paths or _NO_FORM.search(words):
        return None
    return Refusal(words, tuple(paths))
