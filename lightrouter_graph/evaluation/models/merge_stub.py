"""Merge stub: replaces the aggregator model in a replay by a vote on the answers in its prompt."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from langchain_core.messages import BaseMessage

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.evaluation.models.replay_model import ReplayModel, Response, TokenisedText, timing_of
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.prompts import defuse

MIN_PREFIX = 40
"""Minimum length in characters of a prefix that identifies a recorded output."""

_NUMBER = re.compile(r"^\d+\. ", re.MULTILINE)


class MergeStub(ReplayModel):
    """Replay model that returns the recorded output that a majority vote among the answers in its prompt selects.

    No recording contains what a model would have generated from the answers of other models. So the quality is that of
    a vote; tokens, price and time are those of the candidate `name`, as if it had read the whole prompt and generated
    an answer of that length. Prefixes of outputs (boots) vote with the key of the prefix, and the whole output of the
    winner is returned. Ties select the answer listed first, also if the answers have no keys. A prompt without any
    recorded output returns the model's own recorded output.

    Answers are found in numbered lists, as plain text or JSON strings: complete, or at least `MIN_PREFIX` characters.
    """

    @property
    def _llm_type(self) -> str:
        return "merge-stub"

    def _response(self, messages: Sequence[BaseMessage], cap: int | None) -> Response:
        question = self.recordings.find(messages)
        listed = [answer for message in messages for answer in listed_answers(str(message.text), question)]
        if not listed:
            return super()._response(messages, cap)
        chosen, own = _vote_on(listed, question), question.outputs.get(self.name)
        text, tokens = TokenisedText(chosen.text, chosen.tokens).cut(0, cap)
        return Response(
            text=text,
            tokens=tokens,
            finished=len(text) == len(chosen.text) and chosen.finished,
            input_tokens=self._count(messages),
            timing=self.timing if own is None else timing_of(own, self.timing),
        )


class ListedAnswer(NamedTuple):
    """A recorded output in a prompt, and the part of its text that the prompt contains."""

    output: Output
    text: str

    @property
    def complete(self) -> bool:
        """True if the prompt contains the whole text."""
        return len(self.text) >= len(self.output.text.strip())


def _vote_on(listed: Sequence[ListedAnswer], question: Question) -> Output:
    """Return the first output with the most frequent answer key; the first of all if none has a key."""
    keys = [default_key(one.text, question.text, finished=one.complete and one.output.finished) for one in listed]
    votes = Counter(key for key in keys if key is not None)
    if not votes:
        return listed[0].output
    (best, _), *_ = votes.most_common(1)  # of equal counts, a Counter returns the key it met first
    return listed[keys.index(best)].output


def listed_answers(text: str, question: Question) -> Iterator[ListedAnswer]:
    """Yield the recorded outputs and samples in the numbered list of a message, one per item."""
    outputs = [output for answer in question.outputs.values() for output in (answer, *answer.samples) if output.text]
    end = 0
    for number in _NUMBER.finditer(text):
        if number.start() < end:
            continue  # a number inside of an answer
        found = _json_string(text, number.end(), outputs) or _plain_text(text, number.end(), outputs)
        if found is not None:
            end = number.end() + len(found.text)
            yield found


def _json_string(text: str, start: int, outputs: Sequence[Output]) -> ListedAnswer | None:
    """Return the output with the JSON string at an index as its text, quoted as by `prompts`."""
    if not text.startswith('"', start):
        return None
    try:
        quoted, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError:
        return None  # plain text that begins with a quotation mark
    quoted = quoted.strip()
    texts = [(output, defuse(output.text.strip())) for output in outputs]
    equal = [output for output, whole in texts if quoted == whole]
    equal += [output for output, whole in texts if len(quoted) >= MIN_PREFIX and whole.startswith(quoted)]
    return ListedAnswer(equal[0], quoted) if equal else None


def _plain_text(text: str, start: int, outputs: Sequence[Output]) -> ListedAnswer | None:
    """Return the longest complete output at an index of the text, else the one with the longest prefix there."""
    texts = [(output, output.text.strip()) for output in outputs]
    complete = [ListedAnswer(output, whole) for output, whole in texts if _is_at(text, start, whole)]
    partial = [
        ListedAnswer(output, whole[: _common_prefix(text, start, whole)])
        for output, whole in texts
        if len(whole) > MIN_PREFIX and text.startswith(whole[:MIN_PREFIX], start)
    ]
    return max(complete or partial, key=lambda answer: len(answer.text), default=None)


def _is_at(text: str, start: int, whole: str) -> bool:
    end = start + len(whole)
    return text.startswith(whole, start) and text[end : end + 1] in {"", "\n"}


def _common_prefix(text: str, start: int, whole: str) -> int:
    pairs = zip(text[start:], whole, strict=False)
    return next((i for i, (one, other) in enumerate(pairs) if one != other), min(len(text) - start, len(whole)))
