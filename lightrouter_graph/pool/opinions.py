"""Independent opinions: candidates with the same model, or that returned the same reply, have one between them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.providers.model_facts import address_of
from lightrouter_graph.providers.model_names import ModelIdentity, identity_of_name
from lightrouter_graph.records import Answer, Boot, Opinion

_MIN_ID = 20
"""Characters of a reply's id; a shorter one may be constant at its server."""


class Reply(NamedTuple):
    """What shows that two replies are no independent opinions; `metadata` is that of `Boot`."""

    candidate: str
    text: str
    metadata: Mapping[str, Any]


def replies_of(records: Iterable[Boot | Answer]) -> list[Reply]:
    """Return the replies of boots or answers.

    Args:
        records: Records of one layer, in any order.
    """
    return [Reply(record["candidate"], record["text"], record["metadata"]) for record in records]


def with_samples(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Repeat candidates until each model has as many as the highest `samples` of its candidates.

    Args:
        candidates: Candidates with unique names. The copies `name#2`, `name#3` follow their candidate.
    """
    copies: dict[str, int] = {}
    for group in _groups(candidates):
        rows = [candidate for candidate in group if candidate.samples > 1]
        missing = max(candidate.samples for candidate in group) - len(group)
        for number in range(missing):
            name = rows[number % len(rows)].name
            copies[name] = copies.get(name, 0) + 1
    repeated = []
    for candidate in candidates:
        numbers = range(2, copies.get(candidate.name, 0) + 2)
        repeated += [candidate, *(candidate.copied(name=f"{candidate.name}#{number}") for number in numbers)]
    return repeated


def declared_opinions(candidates: Sequence[Candidate]) -> dict[str, Opinion]:
    """Return the opinion of each candidate that is not the only one of its model.

    The first `samples` candidates of a model have one opinion each; the others share these.

    Args:
        candidates: The candidates of a pool.
    """
    opinions: dict[str, Opinion] = {}
    for group in _groups(candidates):
        samples = max(candidate.samples for candidate in group)
        for number, candidate in enumerate(group if len(group) > 1 else ()):
            opinions[candidate.name] = {"model": group[0].name, "sample": number % samples + 1}
    return opinions


def opinion_labels(declared: Mapping[str, Opinion], replies: Iterable[Reply] = ()) -> dict[str, str]:
    """Return the label of the opinion of candidates; one without a label has an opinion of its own, under its name.

    Two models with the same reported name and system fingerprint are one model. A fingerprint alone proves nothing:
    llama.cpp and Ollama send one for all models. The same reply twice, from a cache, is one opinion.

    Args:
        declared: Opinions known from the pool.
        replies: The replies so far.
    """
    replies, first = list(replies), dict[tuple[Any, ...], str]()
    same_model: dict[str, str] = {}
    names = dict.fromkeys([*declared, *(reply.candidate for reply in replies)])
    opinions = {name: declared.get(name, Opinion(model=name, sample=1)) for name in names}
    for name, _, metadata in replies:
        fingerprint, reported = metadata.get("system_fingerprint"), metadata.get("model_name")
        if fingerprint and reported and (identity := identity_of_name(reported)):
            model = _first(same_model, opinions[name]["model"])
            known = _first(same_model, first.setdefault((fingerprint, *identity), model))
            same_model.update({model: known} if model != known else {})
    labels = {name: _label(_first(same_model, one["model"]), one["sample"]) for name, one in opinions.items()}
    for name, text, metadata in replies:
        if len(number := metadata.get("id", "")) >= _MIN_ID and text.strip():
            known, own = labels[first.setdefault((number, text), name)], labels[name]
            labels = {key: known if label == own else label for key, label in labels.items()}
    return labels


def _first(same: Mapping[str, str], model: str) -> str:
    while model in same:
        model = same[model]
    return model


def _label(model: str, sample: int) -> str:
    return model if sample == 1 else f"{model} {sample}"


def describe_shared(declared: Mapping[str, Opinion], replies: Iterable[Reply], names: Iterable[str]) -> list[str]:
    """Return a sentence for each opinion that several candidates share.

    Args:
        declared: Opinions known from the pool.
        replies: The replies of the run.
        names: The candidates of the run.
    """
    labels, known = opinion_labels(declared, replies), opinion_labels(declared)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(labels.get(name, name), []).append(name)
    shared = [group for group in groups.values() if len(group) > 1]
    found = "the same reply, or the same reported model and fingerprint"
    whys = ["same model" if len({known.get(n, n) for n in group}) == 1 else found for group in shared]
    return [f"counted as one opinion: {', '.join(group)} ({why})" for group, why in zip(shared, whys, strict=True)]


def _groups(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Group the candidates by model, in the order of the pool."""
    groups: list[list[Candidate]] = []
    for candidate in candidates:
        found = next((group for group in groups if all(_same_model(candidate, other) for other in group)), None)
        groups.append([candidate]) if found is None else found.append(candidate)
    return groups


def _same_model(one: Candidate, other: Candidate) -> bool:
    if one.model is other.model:
        return True
    identity, another = _identity(one), _identity(other)
    if identity is not None and another is not None:
        return identity.is_same(another)
    # Placeholders such as `default` name a model only at their address.
    address = address_of(one.model)
    return address is not None and (address, one.model_name) == (address_of(other.model), other.model_name)


def _identity(candidate: Candidate) -> ModelIdentity | None:
    """Return the identity of a candidate's model; None if it has no name but that of its class."""
    named = candidate.model_name != type(candidate.model).__name__
    return identity_of_name(candidate.model_name) if named else None
