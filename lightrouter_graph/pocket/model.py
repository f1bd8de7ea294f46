"""A pocket model: question in, written-out solution out, token by token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import numpy as np

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pocket.network import Cache, Floats, Network
from lightrouter_graph.pocket.shape import LONGEST
from lightrouter_graph.pocket.tokenizer import (
    ANSWER,
    CANDIDATE,
    END,
    LARGEST_PLACE,
    TextWriter,
    Tokenizer,
    load_tokenizer,
)

PocketName = Literal["general", "quick", "sums", "products", "shares", "merger"]
POCKET_NAMES: tuple[PocketName, ...] = get_args(PocketName)


@dataclass(frozen=True, slots=True)
class Token:
    """One token a model wrote.

    Attributes:
        id: Its place in the vocabulary.
        logprob: How probable the model held it, at temperature 1.
        text: The text that became certain with it, often none: a number is given out whole.
    """

    id: int
    logprob: float
    text: str


@dataclass(frozen=True)
class PocketModel:
    """A loaded model; stateless between calls, so one serves all threads."""

    name: str
    network: Network
    tokenizer: Tokenizer

    def prompt(self, question: str, answers: Sequence[str] = (), written: str = "") -> list[int]:
        """The tokens before the model's own.

        Args:
            question: What is asked.
            answers: For the merger: the answers to choose from, best first.
            written: The start of the answer, when one is to be continued.
        """
        given = [self.tokenizer.ids[CANDIDATE], *self._join(answers)] if answers else []
        return [*self.tokenizer.encode(question), *given, self.tokenizer.ids[ANSWER], *self.tokenizer.encode(written)]

    def generate(
        self, prompt: list[int], *, max_tokens: int | None = None, temperature: float = 0.0, seed: int | None = None
    ) -> Iterator[Token]:
        """Write on after a prompt.

        Args:
            prompt: Tokens from `prompt`.
            max_tokens: The most to write; None for as many as fit.
            temperature: 0 takes the likeliest token each time.
            seed: Equal seeds sample equal texts.

        Yields:
            Each token as it is chosen, the end token last, if the model came to its end. When it is cut within a
            number, that number is not given out: its ones alone would read as another number.
        """
        rng = np.random.default_rng(seed)
        cache = self.network.new_cache()
        room = LONGEST - len(prompt)
        left = room if max_tokens is None else min(max_tokens, room)
        # An answer continued after a number starts with a space, one begun does not.
        writer = TextWriter(self.tokenizer, started=prompt[-1] != self.tokenizer.ids[ANSWER])
        logits = self.network.read(prompt, self.tokenizer.places(prompt), cache)[-1] if left > 0 else None
        while logits is not None:
            token, logprob = _choose(logits, temperature, rng)
            left -= 1
            ended = token == self.tokenizer.ids[END]
            text = writer.finish() if ended else writer.write(token)
            yield Token(token, logprob, text)
            if ended or left == 0:
                return
            logits = self._read_on(token, cache)

    def write(self, question: str, *, max_tokens: int | None = None) -> str:
        """The greedy answer to a question, as text."""
        return "".join(token.text for token in self.generate(self.prompt(question), max_tokens=max_tokens))

    def _read_on(self, token: int, cache: Cache) -> Floats:
        place = min(cache.place + 1, LARGEST_PLACE) if self.tokenizer.is_digit(token) else 0
        logits: Floats = self.network.read([token], [place], cache)[0]
        return logits

    def _join(self, answers: Sequence[str]) -> list[int]:
        joined: list[int] = []
        for answer in answers:
            joined += [*([self.tokenizer.ids[CANDIDATE]] if joined else []), *self.tokenizer.encode(answer)]
        return joined


@cache
def load_model(name: PocketName) -> PocketModel:
    """One of the shipped models; read once and kept.

    Raises:
        PoolError: If there is no model of this name.
    """
    if name not in POCKET_NAMES:
        msg = f"there is no pocket model {name!r}, only {', '.join(POCKET_NAMES)}"
        raise PoolError(msg)
    with (
        files("lightrouter_graph.pocket").joinpath(f"weights/{name}.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        return PocketModel(name, Network.of(dict(stored)), load_tokenizer())


def count_parameters(name: PocketName) -> int:
    """How many numbers a model was trained to: with its tokens, what it costs in place of a price."""
    with (
        files("lightrouter_graph.pocket").joinpath(f"weights/{name}.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        return sum(int(stored[array].size) for array in stored.files)


def _choose(logits: Floats, temperature: float, rng: np.random.Generator) -> tuple[int, float]:
    shifted = logits - logits.max()
    total = float(np.log(np.exp(shifted).sum()))
    if temperature <= 0:
        token = int(shifted.argmax())
    else:
        # Gumbel noise samples without building the distribution.
        token = int((shifted / temperature + rng.gumbel(size=shifted.shape)).argmax())
    return token, float(shifted[token]) - total
