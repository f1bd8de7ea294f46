"""A replay's stand-in for a model that merges answers: it votes on what it is shown and bills like a writer."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from langchain_core.messages import BaseMessage

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.evaluation.models.replay_model import ReplayedChat, _Take, pace_of
from lightrouter_graph.evaluation.models.token_spans import TokenisedText
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.prompts import defuse

BEGINNING = 40
"""Characters from which on a part of a recorded output is known again."""

_NUMBER = re.compile(r"^\d+\. ", re.MULTILINE)


class MergeStub(ReplayedChat):
    """Writes the recorded output that a vote among the answers in its prompt would choose.

    No recording can say what a model would have made of other models' answers. So the quality is that of a vote, the
    tokens and the time are those of this model, had it read the whole prompt and written an answer of that length.
    Shown beginnings (boots) vote with what they show, and the whole output of the winner is written. Ties fall to the
    answer listed first; without a short answer in any, the first listed is written. Where no recorded output is in the
    prompt, it says its own.

    Answers are found where a list numbers them, as they are or as JSON strings: whole, or the first `BEGINNING`
    characters and more.

    Attributes:
        name: Whose price, pace and ledger entry it has: the name of a candidate.
    """

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def _take(self, messages: Sequence[BaseMessage], cap: int | None) -> _Take:
        question = self.recordings.find(messages)
        shown = [answer for message in messages for answer in answers_in(str(message.text), question)]
        if not shown:
            return super()._take(messages, cap)
        chosen, own = vote_on(shown, question), question.outputs.get(self.name)
        text, tokens = TokenisedText(chosen.text, chosen.tokens).cut(0, cap)
        return _Take(
            text=text,
            tokens=tokens,
            finished=len(text) == len(chosen.text) and chosen.finished,
            input_tokens=self._count(messages),
            pace=self.pace if own is None else pace_of(own, self.pace),
        )


class Shown(NamedTuple):
    """A recorded output in a prompt, and how much of it is there."""

    output: Output
    text: str

    @property
    def whole(self) -> bool:
        """Whether all of it is there."""
        return len(self.text) >= len(self.output.text.strip())


def vote_on(shown: Sequence[Shown], question: Question) -> Output:
    """Return the first output with the commonest short answer; the first of all where none has one."""
    keys = [default_key(one.text, question.text, finished=one.whole and one.output.finished) for one in shown]
    votes = Counter(key for key in keys if key is not None)
    if not votes:
        return shown[0].output
    (best, _), *_ = votes.most_common(1)  # the first of equals: a Counter keeps the order in which it met them
    return shown[keys.index(best)].output


def answers_in(text: str, question: Question) -> Iterator[Shown]:
    """Find the recorded outputs that a numbered list in a text shows, in its order; each place is one answer."""
    outputs = [output for answer in question.outputs.values() for output in (answer, *answer.samples) if output.text]
    end = 0
    for number in _NUMBER.finditer(text):
        if number.start() < end:
            continue  # a number within an answer
        found = _quoted(text, number.end(), outputs) or _plain(text, number.end(), outputs)
        if found is not None:
            end = number.end() + len(found.text)
            yield found


def _quoted(text: str, start: int, outputs: Sequence[Output]) -> Shown | None:
    """Find the output that stands there as a JSON string, as `prompts` quotes it."""
    if not text.startswith('"', start):
        return None
    try:
        said, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError:
        return None  # a plain text that begins with a quotation mark
    said = said.strip()
    wholes = [(output, defuse(output.text.strip())) for output in outputs]
    fits = [output for output, whole in wholes if said == whole]
    fits += [output for output, whole in wholes if len(said) >= BEGINNING and whole.startswith(said)]
    return Shown(fits[0], said) if fits else None


def _plain(text: str, start: int, outputs: Sequence[Output]) -> Shown | None:
    """Find the output that stands there as it is: the longest that is whole, else the one with most of it there."""
    texts = [(output, output.text.strip()) for output in outputs]
    ended = [Shown(output, said) for output, said in texts if text.startswith(said, start) and _ends(text, start, said)]
    begun = [
        Shown(output, said[: _alike(text, start, said)])
        for output, said in texts
        if len(said) > BEGINNING and text.startswith(said[:BEGINNING], start)
    ]
    return max(ended or begun, key=lambda shown: len(shown.text), default=None)


def _ends(text: str, start: int, said: str) -> bool:
    return text[start + len(said) : start + len(said) + 1] in {"", "\n"}


def _alike(text: str, start: int, said: str) -> int:
    pairs = zip(text[start:], said, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(text) - start, len(said)))
