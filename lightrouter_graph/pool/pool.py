"""`Pool`: the candidates of a router, in the user's order of preference."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Self

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.errors import PoolError, did_you_mean
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.pool.environment import find_candidates
from lightrouter_graph.pool.opinions import declared_opinions, with_samples
from lightrouter_graph.providers.model_facts import facts_of
from lightrouter_graph.providers.spec import without_address
from lightrouter_graph.records import Opinion


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Pool:
    """An immutable list of candidates with unique names.

    The order is a preference, best first: it breaks ties, and the default prior queries the first candidates first.

    Example:
        ```python
        pool = Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", Candidate("mine", my_model)])
        pool["mine"].price
        ```
    """

    candidates: tuple[Candidate, ...]
    opinions: Mapping[str, Opinion]
    """Opinion of each candidate that is not the only one of its model: one for all, or one per sample."""

    def __init__(self, candidates: Iterable[Candidate | BaseChatModel | str]) -> None:
        """Create a pool.

        Args:
            candidates: Candidates, specs (the name is the spec without its URL) and chat models (the name is the
                model's name), best first; at least one. A model with `samples` is repeated until it has as many
                candidates.

        Raises:
            PoolError: If the list is empty, an item is invalid, or two candidates have the same name.
        """
        if isinstance(candidates, str | BaseChatModel | Candidate) or not isinstance(candidates, Iterable):
            raise PoolError(f"a pool needs a list of candidates, got one {type(candidates).__name__}")
        given = list(candidates)
        members = tuple(_as_candidate(member, given) for member in given)
        _check_names([member.name for member in members])
        members = tuple(with_samples(members))
        _check_names([member.name for member in members])
        object.__setattr__(self, "candidates", members)
        object.__setattr__(self, "opinions", declared_opinions(members))

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> Self:
        """Read a pool file.

        Each candidate is a table; `model` is the one required key. API keys stay in environment variables. They are
        sent only to the provider's own URL, to this machine, or to a host in `LIGHTROUTER_KEY_HOSTS`.

        ```toml
        [[candidate]]
        name = "mini"
        model = "openai:gpt-5.4-mini"
        price = { input = 0.75, output = 4.5 }   # USD per 1M tokens; default: the public list
        temperature = 0.2
        tags = ["fast"]
        api_key_env = "MY_KEY"                   # default: the provider's usual variable
        max_concurrency = 1                      # calls at once; 1 for a server with one GPU
        ```

        Args:
            path: The TOML file.

        Raises:
            PoolError: If the file or a candidate is invalid; one line with path and candidate.
        """
        from lightrouter_graph.pool.toml_file import read_pool_file  # noqa: PLC0415 - only a pool file needs a parser

        return cls(read_pool_file(path))

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None, *, probe: bool = True) -> Self:
        """Create a pool from API keys in the environment, a local Ollama and other servers, highest price first.

        Args:
            env: The environment variables; None = `os.environ`.
            probe: Whether to request the model lists of local servers; if False, no request is sent.

        Raises:
            NoModelsError: If no model is found; the message lists every way to configure one.
            PoolError: If an address or a key is invalid.
        """
        return cls(find_candidates(os.environ if env is None else env, probe=probe))

    @classmethod
    def pocket(cls) -> Self:
        """Create a pool of the bundled models: no API key, no network, grade-school word problems only.

        The first model is best on average; the others are better at single kinds of problems
        (`lightrouter_graph/pocket/MODEL_CARD.md`). `pocket:merger`, trained to merge answers, is not included.
        """
        return cls([Candidate(name, f"pocket:{name}") for name in ("general", "shares", "products", "sums", "quick")])

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in pool order."""
        return tuple(candidate.name for candidate in self.candidates)

    def __len__(self) -> int:
        return len(self.candidates)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def __contains__(self, member: object) -> bool:
        """Return True if a candidate or a name is in the pool."""
        return member in self.candidates or member in self.names

    def __getitem__(self, name: str) -> Candidate:
        """Return the candidate with this name; `PoolError` lists the names if there is none."""
        for candidate in self.candidates:
            if candidate.name == name:
                return candidate
        msg = f"no candidate {name!r} in the pool; there are: {', '.join(self.names)}{did_you_mean(name, self.names)}"
        raise PoolError(msg)

    def __repr__(self) -> str:
        return f"Pool({list(self.candidates)!r})"


def _as_candidate(member: Candidate | BaseChatModel | str, members: Sequence[object]) -> Candidate:
    if isinstance(member, Candidate):
        return member
    if isinstance(member, str):
        short = without_address(member)
        unique = sum(isinstance(other, str) and without_address(other) == short for other in members) == 1
        return Candidate(short if unique else member, member)
    if isinstance(member, BaseChatModel):
        return Candidate(facts_of(member).model_name, member)
    raise PoolError(f"a pool contains candidates, chat models and specs (provider:model), got {type(member).__name__}")


def _check_names(names: list[str]) -> None:
    if not names:
        raise PoolError("a pool needs at least one candidate")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PoolError(f"each candidate needs a unique name; used more than once: {', '.join(map(repr, twice))}")
