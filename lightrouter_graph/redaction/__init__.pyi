from .callbacks import RedactingCallbackHandler, redact_message, redacting_callbacks
from .exceptions import redact_exception, redacted_exceptions
from .secrets import credentials_of, secrets_of
from .strings import redact

__all__ = [
    "RedactingCallbackHandler",
    "credentials_of",
    "redact",
    "redact_exception",
    "redact_message",
    "redacted_exceptions",
    "redacting_callbacks",
    "secrets_of",
]
