"""Which endpoint a chat model's calls take: told by its address and its key, without keeping the key."""

import re
import secrets
from hashlib import blake2b
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.redaction import secrets_of

_SALT = secrets.token_bytes(32)
"""Of this process alone, so that nobody can look an endpoint up in a table of hashed keys."""

_ADDRESS_FIELD = re.compile(r"(?:^|_)(?:base_url|api_base|api_url|endpoint|endpoint_url)$")


def endpoint_key(model: BaseChatModel) -> str | None:
    """Return what equal endpoints have in common, or None for a model that shares its endpoint with nobody.

    Args:
        model: Any chat model.

    Returns:
        A keyed hash of where the model calls and of the secrets it holds; None where neither is known, as of a fake or
        of a model in this process.
    """
    address, held = address_of(model), secrets_of(model)
    if address is None and not held:
        return None
    told = repr((address or _provider(model), held))
    return blake2b(told.encode(), key=_SALT, digest_size=16).hexdigest()


def label_of(model: BaseChatModel) -> str:
    """Name an endpoint for people: the host alone, since an address may carry a password."""
    address = address_of(model)
    return (urlsplit(address).hostname if address else None) or _provider(model)


def address_of(model: BaseChatModel) -> str | None:
    """Return where a model calls, as its client resolved it or as a field says."""
    url = getattr(getattr(model, "root_async_client", None), "base_url", None)
    fields = (name for name in type(model).model_fields if _ADDRESS_FIELD.search(name))
    told = (str(value) for value in (url, *(getattr(model, name, None) for name in fields)) if value)
    return next((address.rstrip("/") for address in told), None)


def _provider(model: BaseChatModel) -> str:
    # Of a model that says nothing it is made of the class's name: no address, so it never makes a key by itself.
    return str(model._get_ls_params().get("ls_provider") or type(model).__name__)  # noqa: SLF001 - has no public form
