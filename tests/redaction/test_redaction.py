"""No secret is left in a string in any encoding, and redaction takes linear time."""

import base64
import html
import json
import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr, SecretStr

from lightrouter_graph import Candidate, Pool
from lightrouter_graph.redaction import redact, redact_exception, redact_message, secrets_of
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


MIXED = "sk-Verysecret-K3y_77"
LETTERS = "justlettersnodigits"


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


DISGUISES = {
    "upper case": str.upper,
    "lower case": str.lower,
    "swapped case": str.swapcase,
    "broken by a line": lambda secret: f"{secret[:6]}\n{secret[6:]}",
    "broken by an indented line": lambda secret: f"{secret[:6]}\r\n    {secret[6:]}",
    "broken by an escaped line": lambda secret: f"{secret[:5]}\\n{secret[5:]}",
    "a letter a line": "\n".join,
    "spaced": " ".join,
    "spaced widely": "\u3000 ".join,
    "spaced by entities": "&nbsp;".join,
    "dotted": ".".join,
    "zero-width": "\u200b".join,
    "word joiners": "\u2060".join,
    "soft hyphens": "&shy;".join,
    "with a tag": lambda secret: f"{secret[:7]}<wbr/>{secret[7:]}",
    "entities": lambda secret: "".join(f"&#{ord(char)};" for char in secret),
    "hexadecimal entities": lambda secret: "".join(f"&#x{ord(char):X};" for char in secret),
    "one entity": lambda secret: f"{secret[:3]}&#{ord(secret[3])};{secret[4:]}",
    "unicode escapes": lambda secret: "".join(f"\\u{ord(char):04x}" for char in secret),
    "escaped unicode escapes": lambda secret: json.dumps("".join(f"\\u{ord(char):04X}" for char in secret)),
    "byte escapes": lambda secret: "".join(f"\\x{ord(char):02x}" for char in secret),
    "percent": lambda secret: "".join(f"%{ord(char):02X}" for char in secret),
    "percent twice": lambda secret: quote("".join(f"%{ord(char):02X}" for char in secret)),
    "reversed": lambda secret: secret[::-1],
    "reversed, upper, spaced": lambda secret: " ".join(secret[::-1].upper()),
    "base64 twice": lambda secret: base64_of(base64_of(secret)),
    "base64 of a header": lambda secret: base64_of(f"Basic {base64_of(f'me:{secret}')}"),
    "base64 in lines": lambda secret: "\n".join(base64_of(secret)[at : at + 8] for at in range(0, 40, 8)),
    "base64 reversed": lambda secret: base64_of(secret)[::-1],
    "hex in upper case": lambda secret: secret.encode().hex().upper(),
    "hex with colons": lambda secret: secret.encode().hex(":"),
    "base64 of hex": lambda secret: base64_of(secret.encode().hex()),
    "base32": lambda secret: base64.b32encode(secret.encode()).decode(),
    "a list of letters": lambda secret: str(list(secret)),
    "a list of codes": lambda secret: str(list(secret.encode())),
}


@pytest.mark.parametrize("secret", [PLAIN, MIXED, LETTERS])
@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_known_secret_is_redacted_in_disguise(secret, disguise):
    written = DISGUISES[disguise](secret)
    redacted = redact(f"Wrong key ({written}) for you", [secret, "another-secret-9"])
    assert redacted.startswith("Wrong key (")
    assert redacted.endswith(") for you")
    left = redacted.removeprefix("Wrong key (").removesuffix(") for you").strip("\n []'\"=\\")
    assert left.startswith("***") or "base64" in disguise
    assert len(left.replace("***", "")) <= len(written) // 3 + 2
    assert written not in redacted


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("not-needed", "A key is not needed here."),
        ("no-key", "There is no key: NO KEY at all."),
        ("secret-1", "Secret (1) of the cook"),
        ("placeholder", "PLACE HOLDER"),
        ("12345678", "It costs 1,234 or 5,678."),
        ("EMPTY!", "an empty! reply"),
    ],
)
def test_a_short_secret_is_no_reason_to_redact_ordinary_words(secret, text):
    assert redact(text, [secret]) == text
    assert redact(f"the key {secret}", [secret]) == "the key ***"


def test_a_text_with_escapes_but_no_secret_is_unchanged():
    text = r"a%20b &amp; c\n \u00e9 \x41 <b>x</b> &#10; 100% \\ & % \ "
    assert redact(text, [PLAIN, MIXED]) == text


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
    MIXED[:-1],
    f"{MIXED} ",
    "&#",
    "&#115;",
    "\\",
    "\\u0073",
    "%25",
    "<b>",
    "\u200b",
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


def test_a_page_in_an_exception_is_truncated_before_it_is_redacted():
    page = f"{'eyJaaaaaaaa-' * 800}{PLAIN * 1000}"
    error = RuntimeError(page, {"body": [page]}, {PLAIN: {"deep": _nested(PLAIN, 900)}})
    before = time.thread_time()
    redact_exception(error, [PLAIN])
    assert time.thread_time() - before < 2
    assert len(str(error)) < 40_000
    assert PLAIN[:6] not in repr(error)


def _nested(value, depth):
    for _ in range(depth):
        value = [value]
    return value


def test_a_message_is_redacted_but_for_its_text():
    call = {"name": f"f-{PLAIN}", "args": {"x": PLAIN}, "id": PLAIN, "type": "tool_call"}
    message = AIMessage(
        [{"type": "text", "text": PLAIN}, {"type": "tool_use", "id": PLAIN, "name": "f", "input": {"x": PLAIN}}],
        id=f"run-{PLAIN}",
        tool_calls=[call],
        response_metadata={
            "finish_reason": PLAIN,
            "model_name": PLAIN.upper(),
            "usage": {PLAIN: [PLAIN]},
            "logprobs": {"content": [{"token": "ok", "logprob": -0.5}]},
        },
        additional_kwargs={"tool_calls": [{"id": PLAIN, "type": "function"}]},
    )
    redact_message(message, (PLAIN,))
    assert message.response_metadata == {
        "finish_reason": "***",
        "model_name": "***",
        "usage": {"***": ["***"]},
        "logprobs": {"content": [{"token": "ok", "logprob": -0.5}]},
    }
    assert (message.id, message.text) == ("run-***", PLAIN)
    assert message.content[1] == {"type": "tool_use", "id": "***", "name": "f", "input": {"x": PLAIN}}
    assert message.tool_calls == [{**call, "name": "f-***", "id": "***"}]
    assert message.additional_kwargs["tool_calls"][0]["id"] == "***"


@pytest.mark.timeout(30)
@pytest.mark.parametrize("noise", [*NOISE, "secret ", "password=a,", "bearer ", "secret=", " ", "a"])
def test_redaction_takes_linear_time(noise):
    text = noise * (20_000 // len(noise))
    cost_of(text)  # compiles the patterns
    # Quadratic time would be 16 times as long.
    assert min(cost_of(text * 4) for _ in range(3)) < 8 * min(cost_of(text) for _ in range(3))
