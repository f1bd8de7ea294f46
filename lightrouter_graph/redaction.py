"""Redact secrets from texts, exceptions and what callback handlers receive.

LangChain passes a tracer the serialized model (headers and addresses included), the exception of a failed call with its
traceback, and the body and the headers of the response: providers repeat keys in all of them.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables.config import ensure_config
from pydantic import BaseModel, SecretBytes, SecretStr

_SHAPED = re.compile(
    r"""(?ix) \b(?:sk|pk|gsk|csk|rk|xai|hf|tgp|r8|nvapi|pplx|lsv2|gh[opsu]|github_pat|glpat)[-_][\w*.-]{6,}
      | \b(?:AIza|AKIA)[\w-]{8,}                               # the shapes provider keys have
      | (?<![\w-])eyJ[\w-]{8,}\.[\w.-]+                          # JSON web tokens
      | (?<=bearer\s)\S+ | (?<=basic\s)\S+
      | (?<=api-key:\s)\S+
      | (?<=://)[^/\s]+(?=@)                                   # user:password in an address
      | (?<=key=)[^&\s]+ | (?<=token=)[^&\s]+"""
)
_NAMED = re.compile(
    r"""(?ix) ( (?:api[-_ ]?key|access[-_ ]?token|secret|password|authorization) (?:\s(?:provided|given))?
          ["']? \s*[:=]\s* ["']? )
        (?=[^\s"',;&<>]*\d | [^\s"',;&<>]{16})               # a word that follows by chance has no digit
        [^\s"',;&<>]{6,}"""
)
_MASK = re.compile(r"\*{2,}|[\u2022\u25cf\u00b7]{2,}|\u2026|\.{3,}")
_FEWEST_SHOWN = 3
"""Characters of a secret beside a mask from which they count as a part of it."""

_HOLDS_SECRET = re.compile(r"(?i)(?:^|[-_.])(?:(?:api)?key|token|secret|password|authorization|cookie|credentials?)$")
_DEEPEST = 8
_SHORTEST_SECRET = 6
"""Placeholders such as "none" or "x", usual for local servers, are no secrets and occur in ordinary words."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets, in every encoding and masked, and everything of the shape of a secret by `***`.

    Each pattern is searched in the text as it came, and the union of the matches is replaced: no match hides another.
    The number of scans depends on neither the number nor the forms of the secrets; each is linear in `len(text)`.

    Args:
        text: What is shown or recorded, of any length.
        secrets: Secret values, as `secrets_of` returns them; empty ones are skipped.
    """
    known = tuple(secret for secret in secrets if secret)
    spans = [found.span() for found in _SHAPED.finditer(text)]
    spans += [(found.end(1), found.end()) for found in _NAMED.finditer(text)]
    if known:
        spans += [found.span(1) for found in _known_forms(known).finditer(text)]
        spans += _masked(text, known)
    kept: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start > at or not kept:
            kept += [text[at:start], "***"]
        at = max(at, end)
    return "".join([*kept, text[at:]])


@lru_cache(maxsize=128)
def _known_forms(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """Compile one pattern that finds the longest form at each position, also where two secrets overlap."""
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    return re.compile(f"(?=({'|'.join(map(re.escape, forms))}))")


def _masked(text: str, secrets: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of secrets whose ends are shown around a mask, as in `plain-se***e-42`."""
    for mask in _MASK.finditer(text):
        for secret in secrets:
            head = _shown(secret, text[max(0, mask.start() - len(secret)) : mask.start()])
            tail = _shown(secret[::-1], text[mask.end() : mask.end() + len(secret)][::-1])
            if head or tail:
                yield mask.start() - head, mask.end() + tail


def _shown(secret: str, before: str) -> int:
    """Return how many of a secret's first characters end a text; 0 for less than `_FEWEST_SHOWN`."""
    if secret[:_FEWEST_SHOWN] not in before:
        return 0
    shown = range(len(secret) - 1, _FEWEST_SHOWN - 1, -1)
    return next((number for number in shown if before.endswith(secret[:number])), 0)


def secrets_of(model: object) -> tuple[str, ...]:
    """Return the secret values that a model, or an object that holds models, keeps; longest first.

    Those are `SecretStr`s, and plain strings under a name such as `api_key` or `Authorization`: in fields (private
    ones too), in mappings such as `default_headers`, in the client, and in wrapped models.
    """
    found = {secret for secret in _held(model, _DEEPEST) if len(secret) >= _SHORTEST_SECRET}
    return tuple(sorted(found, key=len, reverse=True))


def _held(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode(errors="replace")
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _held(item, depth - 1)
    elif depth:
        for name, item in _parts_of(value).items():
            if isinstance(item, str) and _HOLDS_SECRET.search(str(name)):
                yield from {item, *item.split()[-1:]}  # without "Bearer"
            elif not isinstance(item, str):
                yield from _held(item, depth - 1)


def _parts_of(value: object) -> Mapping[Any, Any]:
    """Return the named parts of a mapping, model, dataclass or client; {} for any other kind."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        named = {name: getattr(value, name, None) for name in type(value).model_fields}
        return {**named, **(value.__pydantic_private__ or {})}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    client = getattr(value, "__dict__", {}).get("api_key")
    return {"api_key": client} if isinstance(client, str) else {}


def _forms(secret: str) -> set[str]:
    """Return a secret as addresses, HTML pages, JSON, nested JSON and headers encode it."""
    written = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret), repr(secret)[1:-1]}
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    written |= {*quoted, *(json.dumps(once)[1:-1] for once in quoted)}
    raw = secret.encode(errors="replace")
    written |= {raw.hex(), *_in_base64(raw)}
    return written


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yield the part of a secret's base64 that no neighbouring bytes change, as in "user:secret": one per alignment."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode()
        sure = whole[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
        if len(sure) >= _SHORTEST_SECRET:
            yield from {sure, sure.translate(str.maketrans("+/", "-_"))}


def redacting_callbacks(secrets: Sequence[str]) -> Any:
    """Return the callbacks of the current run, with a redacting handler before them, for one model call."""
    around: Any = ensure_config().get("callbacks")
    if not isinstance(around, BaseCallbackManager):
        return [RedactingCallbackHandler(secrets), *(around or ())]
    manager = around.copy()
    manager.handlers = [RedactingCallbackHandler(secrets), *manager.handlers]
    return manager


@contextmanager
def redacted_exceptions(secrets: Sequence[str]) -> Iterator[None]:
    """Redact secrets from what is raised inside: behind a chat model that is a step, which calls no model handler."""
    try:
        yield
    except Exception as exc:
        redact_exception(exc, secrets)
        raise


class RedactingCallbackHandler(BaseCallbackHandler):
    """Redacts a model's secrets from what its calls report, in place, before any other handler receives it.

    Args:
        secrets: Secret values, as `secrets_of` returns them.
    """

    run_inline = True  # inline handlers run one after the other, before all others

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    def on_chat_model_start(self, serialized: dict[str, Any], messages: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Redact the serialized model."""
        _redact_values(serialized, self._secrets)

    def on_llm_error(self, error: BaseException, *, response: LLMResult | None = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Redact the exception and the metadata of the response behind it."""
        redact_exception(error, self._secrets)
        for generation in (one for some in (response.generations if response else ()) for one in some):
            if isinstance(generation, ChatGeneration):
                _redact_values(generation.message.response_metadata, self._secrets)


def redact_exception(error: BaseException, secrets: Sequence[str]) -> None:
    """Redact secrets from an exception and its chain, in place.

    `args` and notes are redacted; a cause or context that still shows a secret elsewhere is cut off.

    Args:
        error: The exception; its `__cause__` and `__context__` are followed.
        secrets: Secret values, as `secrets_of` returns them.
    """
    link: BaseException | None = error
    seen: set[int] = set()  # exceptions raised from each other make a circle
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.args = tuple(_redacted(value, secrets) for value in link.args)
        if notes := getattr(link, "__notes__", None):
            link.__notes__ = _redacted(notes, secrets)
        before = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        if before is not None and _leaks(before, secrets):
            link.__cause__, link.__context__, before = None, None, None
        link = before


def _leaks(link: BaseException, secrets: Sequence[str]) -> bool:
    link.args = tuple(_redacted(value, secrets) for value in link.args)
    shown = f"{link!r} {link!s}"
    return redact(shown, secrets) != shown


def _redact_values(record: dict[str, Any], secrets: Sequence[str]) -> None:
    record.update({name: _redacted(value, secrets) for name, value in record.items()})


def _redacted(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, dict):
        return {name: _redacted(item, secrets) for name, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_make"):  # a named tuple takes its parts one by one
        return type(value)(*(_redacted(item, secrets) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(_redacted(item, secrets) for item in value)
    return value
