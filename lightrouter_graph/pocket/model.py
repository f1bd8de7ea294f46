"""`PocketModel`: generates the solution of a word problem token by token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import numpy as np

from lightrouter_graph.errors import PoolError, checked_choices, did_you_mean
from lightrouter_graph.pocket.network import Cache, Floats, Network
from lightrouter_graph.pocket.shape import CONTEXT_TOKENS
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
    """One generated token.

    Attributes:
        id: Index in the vocabulary.
        logprob: Log-probability at temperature 1.
        text: Text that is complete with this token, often "": a number is emitted as a whole.
    """

    id: int
    logprob: float
    text: str


@dataclass(frozen=True)
class PocketModel:
    """A loaded model. It has no state between calls, so one instance serves all threads."""

    name: str
    network: Network
    tokenizer: Tokenizer

    def prompt(self, question: str, answers: Sequence[str] = (), written: str = "") -> list[int]:
        """Return the prompt tokens.

        Args:
            question: The word problem.
            answers: For `merger`: the answers to merge, best first.
            written: The start of the answer, which the model continues.
        """
        given = [self.tokenizer.ids[CANDIDATE], *self._join(answers)] if answers else []
        return [*self.tokenizer.encode(question), *given, self.tokenizer.ids[ANSWER], *self.tokenizer.encode(written)]

    def generate(
        self, prompt: list[int], *, max_tokens: int | None = None, temperature: float = 0.0, seed: int | None = None
    ) -> Iterator[Token]:
        """Generate tokens after a prompt.

        Args:
            prompt: Tokens returned by `prompt`.
            max_tokens: Limit of output tokens; None for the rest of the context.
            temperature: Sampling temperature, >= 0; 0 selects the most probable token.
            seed: Random seed of the sampling; None for a random one.

        Yields:
            Each token, and the end token last if the response is complete. A number truncated by the limit is not
            emitted: its last digits alone would be another number.
        """
        rng = np.random.default_rng(seed)
        cache = self.network.new_cache()
        room = CONTEXT_TOKENS - len(prompt)
        left = room if max_tokens is None else min(max_tokens, room)
        # A continued answer starts with a space, a new one does not.
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
            logits = self._next_logits(token, cache)

    def write(self, question: str, *, max_tokens: int | None = None) -> str:
        """Return the greedy answer to a question.

        Args:
            question: The word problem.
            max_tokens: Limit of output tokens; None for the rest of the context.
        """
        return "".join(token.text for token in self.generate(self.prompt(question), max_tokens=max_tokens))

    def _next_logits(self, token: int, cache: Cache) -> Floats:
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
    """Load a bundled model; the result is cached.

    Args:
        name: Name of the model.

    Raises:
        PoolError: If the name is unknown.
    """
    if name not in POCKET_NAMES:
        msg = f"unknown pocket model {name!r}{did_you_mean(str(name), POCKET_NAMES)}; known: {', '.join(POCKET_NAMES)}"
        raise PoolError(msg)
    with (
        files("lightrouter_graph.pocket").joinpath(f"weights/{name}.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        return PocketModel(name, Network.of(dict(stored)), load_tokenizer())


@checked_choices()
def count_parameters(name: PocketName) -> int:
    """Return the number of parameters of a bundled model.

    Args:
        name: Name of the model.
    """
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
