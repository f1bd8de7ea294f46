"""No secret is left in a string in any encoding, and redaction takes linear time."""

import base64
import html
import json
import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr, SecretStr

from lightrouter_graph import Candidate, Pool
from lightrouter_graph.redaction import redact, redact_exception, secrets_of
from lightrouter_graph.testing import ScriptedChatModel


class TwoKeys(ScriptedChatModel):
    api_key: SecretStr | None = None
    session: SecretStr | None = None


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Incorrect API key provided: sk-proj-abcdef123456.", "abcdef123456"),
        ("key gsk_Zyxwvut98765 is invalid", "Zyxwvut98765"),
        ("hf_AbCdEfGhIjKl", "AbCdEfGhIjKl"),
        ("xai-abcdefgh12345", "abcdefgh12345"),
        ("Authorization: Bearer eyJhbGciOi.J9.x", "eyJhbGciOi"),
        ("authorization: bearer secretvalue", "secretvalue"),
        ("cannot reach https://user:pa55word@host/v1", "pa55word"),
        ("GET /v1/models?api_key=verysecret&x=1", "verysecret"),
        ("GET /v1/models?token=verysecret", "verysecret"),
    ],
)
def test_strings_in_the_format_of_a_secret_are_redacted(text, secret):
    assert secret not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "connection to https://host:8000/v1 refused",
        "a risk-free task, model gpt-5.4-mini",
        "max_tokens=200 is too large",
    ],
)
def test_other_strings_are_not_redacted(text):
    assert redact(text) == text


def test_the_address_stays_readable_without_its_password():
    assert redact("https://user:pa55word@host/v1") == "https://***@host/v1"


# secrets in disguise ---------------------------------------------------------------------------------------

PLAIN = "plain-secret-value-42"
ODD = 'p/w+d="q&u\\o<t>e#9'


@pytest.mark.parametrize("secret", [PLAIN, ODD])
@pytest.mark.parametrize(
    "written",
    [
        str,
        lambda secret: quote(secret, safe=""),
        quote_plus,
        html.escape,
        json.dumps,
        repr,
        lambda secret: json.dumps({"error": json.dumps({"key": secret})}),
        lambda secret: secret.encode().hex(),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(f"user:{secret}".encode()).decode(),
        lambda secret: base64.b64encode(f"me:{secret}@host".encode()).decode(),
        lambda secret: f"{secret[:8]}****{secret[-4:]}",
        lambda secret: f"{secret[:6]}...",
        lambda secret: f"\u2022\u2022\u2022\u2022{secret[-5:]}",
        lambda secret: f"{secret[:3]}\u2026{secret[-3:]}",
    ],
)
def test_a_known_secret_is_redacted_in_every_encoding(secret, written):
    redacted = redact(f"Incorrect key '{written(secret)}' for this project", [secret])
    assert "***" in redacted
    assert redacted.startswith("Incorrect key '")
    assert redacted.endswith("' for this project")
    assert not any(secret[at : at + 5] in redacted for at in range(len(secret) - 4))


def test_a_mask_next_to_other_words_is_not_redacted():
    text = "**Important**: plain text... and so on ... (see ***)"
    assert redact(text, [PLAIN.removeprefix("plain-")]) == text


@pytest.mark.parametrize(
    "text",
    ["set the API key: please", "password: required", "Invalid token... retry", "secret="],
)
def test_a_word_after_the_name_of_a_key_is_not_redacted(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('{"api_key": "0a1b2c3d4e5f"}', "0a1b2c3d4e5f"),
        ("Incorrect API key provided: 0a1b2c3d4e5f.", "0a1b2c3d4e5f"),
        ("password=hunter2222", "hunter2222"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig is expired", "eyJhbGciOiJIUzI1NiJ9"),
        ("nvapi-AbCdEfGh12 and r8_AbCdEfGh12 and pplx-AbCdEfGh12", "AbCdEfGh12"),
    ],
)
def test_a_value_after_the_name_of_a_key_is_redacted(text, secret):
    assert secret not in redact(text)


class Wrapping(ScriptedChatModel):
    inner: Any = None
    default_headers: dict[str, str] | None = None
    hf_token: str = ""
    tokenizer: str = "cl100k_base"
    _password: str = PrivateAttr(default="private-word")


def test_secrets_are_found_in_all_fields_of_a_model():
    own = ChatOpenAI(model="m", api_key=lambda: "asked-for-key", base_url="http://127.0.0.1:1/v1")
    own.root_client.api_key = "asked-for-key"  # as the client does when it asks
    model = Wrapping(
        responses="",
        inner=Pool([Candidate("a", own), Candidate("b", TwoKeys(responses="", session=SecretStr("deep-down")))]),
        default_headers={"X-Api-Key": "header-key", "Authorization": "Bearer bearer-key", "X-Title": "no secret"},
        hf_token="plain-field",
    )
    found = set(secrets_of(model))
    assert found == {
        "asked-for-key", "deep-down", "header-key", "Bearer bearer-key", "bearer-key", "plain-field", "private-word",
    }  # fmt: skip


def test_placeholders_are_no_secrets():
    assert secrets_of(ChatOpenAI(model="m", api_key="none", base_url="http://127.0.0.1:1/v1")) == ()


def test_the_key_of_a_real_chat_model_is_found():
    model = ChatOpenAI(model="m", api_key="my-own-gateway-key", base_url="http://127.0.0.1:1/v1")
    assert secrets_of(model) == ("my-own-gateway-key",)


def test_an_earlier_match_hides_no_known_secret():
    odd = 'ab1cd2"ef3gh4'
    assert redact(f"api_key: x{odd} rejected", [odd]) == "api_key: *** rejected"
    assert redact("sk-abcdef$tail-of-it rejected", ["sk-abcdef$tail-of-it"]) == "*** rejected"


def test_secrets_that_overlap_are_both_redacted():
    assert redact("<first-part-second>", ["first-part", "part-second"]) == "<***>"


def test_an_empty_secret_changes_nothing():
    assert redact("no key was set", [""]) == "no key was set"


def test_redacting_twice_changes_nothing():
    once = redact(f"Authorization: Bearer {PLAIN}, key={PLAIN}, {PLAIN[:5]}***, api_key: {PLAIN}", [PLAIN])
    assert redact(once, [PLAIN]) == once


def test_an_exception_is_redacted_with_notes_and_causes():
    class Hidden(Exception):
        def __str__(self):
            return PLAIN

    error = RuntimeError(f"bad {PLAIN}", {"key": [PLAIN]})
    error.add_note(f"seen in {PLAIN}")
    error.__cause__ = KeyError(PLAIN)
    error.__cause__.__cause__ = Hidden()
    redact_exception(error, [PLAIN])
    assert error.args == ("bad ***", {"key": ["***"]})
    assert error.__notes__ == ["seen in ***"]
    assert error.__cause__.args == ("***",)
    assert error.__cause__.__cause__ is None


def cost_of(text):
    """Return the CPU time of redacting a string, without that of other processes."""
    started = time.thread_time()
    redact(text, [PLAIN, ODD])
    return time.thread_time() - started


NOISE = [
    "*",
    "* ",
    "** ",
    "... ",
    "sk-",
    "eyJ-",
    "eyJabcdefgh-",
    PLAIN[:-1],
    f"{PLAIN[:4]}**",
    "key=",
    "api_key: ",
    "://a",
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("noise", [*NOISE, "secret ", "password=a,", "bearer ", "secret=", " ", "a"])
def test_redaction_takes_linear_time(noise):
    text = noise * (20_000 // len(noise))
    cost_of(text)  # compiles the patterns
    # Quadratic time would be 16 times as long.
    assert min(cost_of(text * 4) for _ in range(3)) < 8 * min(cost_of(text) for _ in range(3))
