"""`Pool`: the candidates a router may ask, in the user's order of preference."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Self

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.pool.environment import find_candidates
from lightrouter_graph.providers.model_facts import facts_of
from lightrouter_graph.providers.table import without_address

__all__ = ["Candidate", "Pool"]


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Pool:
    """The candidates, each under its own name; immutable.

    The order is your preference: the first candidate is the one you trust most. It breaks every tie, and
    without a prior it decides who is asked first.

    Example:
        ```python
        pool = Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", Candidate("mine", my_model)])
        pool["mine"].price
        ```
    """

    candidates: tuple[Candidate, ...]

    def __init__(self, candidates: Iterable[Candidate | BaseChatModel | str]) -> None:
        """Take candidates, specs (named by the spec without its address) and chat models (named by the model's name).

        Raises:
            PoolError: If there is no candidate, one is not usable, or two have the same name.
        """
        if isinstance(candidates, str | BaseChatModel | Candidate):
            msg = f"a pool needs a list of candidates, got one {type(candidates).__name__}"
            raise PoolError(msg)
        given = list(candidates)
        members = tuple(_as_candidate(member, given) for member in given)
        _check_names([member.name for member in members])
        object.__setattr__(self, "candidates", members)

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> Self:
        """Read a pool file.

        Each candidate is a table; `model` is its one required key. Keys of providers stay in the environment. They are
        sent only to the provider's own address, to this machine, or to a host in `LIGHTROUTER_KEY_HOSTS`.

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

        Raises:
            PoolError: If anything in it is not as it should be; one line with file and candidate.
        """
        from lightrouter_graph.pool.toml_file import read_pool_file  # noqa: PLC0415 - only a pool file needs a parser

        return cls(read_pool_file(path))

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None, *, probe: bool = True) -> Self:
        """Take what the environment offers: keys that are set, a local Ollama, a vLLM server; dearest first.

        Args:
            env: The environment; None = the process's own.
            probe: Whether to ask local servers for their models; without, nothing is sent.

        Raises:
            NoModelsError: If nothing is found; the message lists every way to configure something.
            PoolError: If what is found cannot be used.
        """
        return cls(find_candidates(os.environ if env is None else env, probe=probe))

    @classmethod
    def pocket(cls) -> Self:
        """Take the small models that come with the package: no key, no network, grade-school word problems only.

        The best on the whole comes first; the others know some kinds of problem better
        (`lightrouter_graph/pocket/MODEL_CARD.md`). `pocket:merger`, made to merge their answers, is not among them.
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
        """Whether a name or a candidate is in the pool."""
        return member in self.candidates or member in self.names

    def __getitem__(self, name: str) -> Candidate:
        """Return the candidate of that name.

        Raises:
            PoolError: If there is none; the message lists the names there are.
        """
        for candidate in self.candidates:
            if candidate.name == name:
                return candidate
        msg = f"no candidate {name!r} in the pool; there are: {', '.join(self.names)}"
        raise PoolError(msg)

    def __repr__(self) -> str:
        return f"Pool({list(self.candidates)!r})"


def _as_candidate(member: Candidate | BaseChatModel | str, among: Sequence[object]) -> Candidate:
    if isinstance(member, Candidate):
        return member
    if isinstance(member, str):
        short = without_address(member)
        alone = sum(isinstance(other, str) and without_address(other) == short for other in among) == 1
        return Candidate(short if alone else member, member)
    if isinstance(member, BaseChatModel):
        return Candidate(facts_of(member).model_name, member)
    msg = f"a pool takes candidates, chat models and specs (provider:model), got {type(member).__name__}"
    raise PoolError(msg)


def _check_names(names: list[str]) -> None:
    if not names:
        msg = "a pool needs at least one candidate"
        raise PoolError(msg)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"each candidate needs a name of its own; used more than once: {', '.join(map(repr, twice))}"
        raise PoolError(msg)
