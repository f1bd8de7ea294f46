"""Identifies the endpoint of a chat model by a hash of its URL and API key."""

import re
import secrets
from hashlib import blake2b
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.redaction import credentials_of

_SALT = secrets.token_bytes(32)
"""Random per process, so that the hash cannot be found in a table of hashed keys."""

_ADDRESS_FIELD = re.compile(r"(?:^|_)(?:base_url|api_base|api_url|endpoint|endpoint_url)$")


def endpoint_key(model: BaseChatModel) -> str | None:
    """Return a keyed hash of a model's URL and secrets; None if it has neither, such as a fake or in-process model.

    Args:
        model: Any chat model.
    """
    address, held = address_of(model), credentials_of(model)
    if address is None and not held:
        return None
    identity = repr((address or _provider(model), held))
    return blake2b(identity.encode(), key=_SALT, digest_size=16).hexdigest()


def label_of(model: BaseChatModel) -> str:
    """Return the name of an endpoint for display: the host, since a URL may contain a password.

    Args:
        model: A chat model of any provider.
    """
    address = address_of(model)
    return (urlsplit(address).hostname if address else None) or _provider(model)


def address_of(model: BaseChatModel) -> str | None:
    """Return the URL of a model, from its client or a field; None if unknown.

    Args:
        model: A chat model of any provider.
    """
    url = getattr(getattr(model, "root_async_client", None), "base_url", None)
    fields = (name for name in type(model).model_fields if _ADDRESS_FIELD.search(name))
    found = (str(value) for value in (url, *(getattr(model, name, None) for name in fields)) if value)
    return next((address.rstrip("/") for address in found), None)


def _provider(model: BaseChatModel) -> str:
    # Without a parameter it is the name of the class.
    return str(model._get_ls_params().get("ls_provider") or type(model).__name__)  # noqa: SLF001 - has no public form
