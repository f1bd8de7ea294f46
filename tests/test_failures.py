"""What went wrong in one word, and never a secret in the telling."""

import base64
import html
import json
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import openai
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr, SecretStr

from lightrouter_graph import Candidate, Pool
from lightrouter_graph.failures import failure_of, redact, secrets_of
from lightrouter_graph.testing import ScriptedChatModel

REQUEST = httpx.Request("POST", "https://api.example.com/v1/chat/completions")
MODEL = ScriptedChatModel(responses="")


def refused(kind, status, message="refused", body=None):
    """Build the exception the openai client raises for an HTTP status."""
    return kind(message, response=httpx.Response(status, request=REQUEST), body=body)


def cause_of(exc):
    return failure_of(exc, MODEL)["cause"]


@pytest.mark.parametrize(
    ("exc", "cause"),
    [
        (refused(openai.AuthenticationError, 401), "auth"),
        (refused(openai.PermissionDeniedError, 403), "auth"),
        (refused(openai.APIStatusError, 402), "auth"),
        (refused(openai.APIStatusError, 408), "timeout"),
        (refused(openai.APIStatusError, 413), "context_length"),
        (refused(openai.RateLimitError, 429), "rate_limited"),
        (refused(openai.BadRequestError, 400), "bad_response"),
        (refused(openai.NotFoundError, 404), "bad_response"),
        (refused(openai.InternalServerError, 500), "unavailable"),
        (refused(openai.InternalServerError, 503), "unavailable"),
        (openai.APITimeoutError(REQUEST), "timeout"),
        (openai.APIConnectionError(request=REQUEST), "disconnected"),
    ],
)
def test_the_openai_clients_exceptions(exc, cause):
    assert cause_of(exc) == cause


@pytest.mark.parametrize(
    "message",
    [
        "Error code: 400 - {'error': {'code': 'context_length_exceeded'}}",
        "This model's maximum context length is 8192 tokens.",
        "The prompt exceeds the Context Length of the model",
    ],
)
def test_a_prompt_too_long_is_told_from_other_bad_requests(message):
    assert cause_of(refused(openai.BadRequestError, 400, message)) == "context_length"


def test_a_filtered_prompt_is_told_from_other_bad_requests():
    azure = "The response was filtered due to Azure OpenAI's content management policy."
    assert cause_of(refused(openai.BadRequestError, 400, azure)) == "content_filter"


@pytest.mark.parametrize(
    ("exc", "cause"),
    [
        (ContextOverflowError("too long"), "context_length"),
        (TimeoutError(), "timeout"),
        (httpx.ConnectTimeout("slow"), "timeout"),
        (httpx.ReadTimeout("slow"), "timeout"),
        (httpx.ConnectError("refused"), "disconnected"),
        (httpx.ReadError("reset"), "disconnected"),
        (httpx.RemoteProtocolError("peer closed"), "disconnected"),
        (ConnectionResetError("reset by peer"), "disconnected"),
        (BrokenPipeError("broken"), "disconnected"),
        (OSError("no route to host"), "disconnected"),
        (ValueError("no choices in the reply"), "bad_response"),
        (RuntimeError("boom"), "bad_response"),
    ],
)
def test_other_exceptions(exc, cause):
    assert cause_of(exc) == cause


def test_the_message_names_the_exception_and_stays_short():
    failure = failure_of(RuntimeError("x" * 10_000), MODEL)
    assert failure["message"].startswith("RuntimeError: xxx")
    assert len(failure["message"]) <= 300


# secrets ---------------------------------------------------------------------------------------------------


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
def test_what_is_shaped_like_a_secret_is_struck(text, secret):
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
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


def test_the_address_stays_readable_without_its_password():
    assert redact("https://user:pa55word@host/v1") == "https://***@host/v1"


class TwoKeys(ScriptedChatModel):
    api_key: SecretStr | None = None
    session: SecretStr | None = None


def test_the_secrets_a_model_holds_are_struck_whatever_they_look_like():
    model = TwoKeys(responses="", api_key=SecretStr("plainword"), session=SecretStr("plainword-and-more"))
    told = failure_of(ValueError("refused plainword-and-more and plainword"), model)
    assert told["message"] == "ValueError: refused *** and ***"


def test_the_key_of_a_real_chat_model_is_struck():
    model = ChatOpenAI(model="m", api_key="my-own-gateway-key", base_url="http://127.0.0.1:1/v1")
    assert secrets_of(model) == ("my-own-gateway-key",)
    assert "my-own-gateway-key" not in failure_of(RuntimeError("bad key my-own-gateway-key"), model)["message"]


def test_a_secret_at_the_cut_does_not_leave_half_of_itself():
    model = TwoKeys(responses="", api_key=SecretStr("plainword"))
    told = failure_of(ValueError("x" * 280 + "plainword"), model)["message"]
    assert "plain" not in told


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
def test_a_known_secret_is_struck_however_it_is_written(secret, written):
    told = redact(f"Incorrect key '{written(secret)}' for this project", [secret])
    assert "***" in told
    assert told.startswith("Incorrect key '")
    assert told.endswith("' for this project")
    assert not any(secret[at : at + 5] in told for at in range(len(secret) - 4))


def test_a_mask_beside_other_words_stays():
    text = "**Important**: plain text... and so on ... (see ***)"
    assert redact(text, [PLAIN.removeprefix("plain-")]) == text


@pytest.mark.parametrize(
    "text",
    ["set the API key: please", "password: required", "Invalid token... retry", "secret="],
)
def test_a_word_behind_the_name_of_a_key_is_no_key(text):
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
def test_what_stands_under_the_name_of_a_key_is_struck(text, secret):
    assert secret not in redact(text)


class Wrapping(ScriptedChatModel):
    inner: Any = None
    default_headers: dict[str, str] | None = None
    hf_token: str = ""
    tokenizer: str = "cl100k_base"
    _password: str = PrivateAttr(default="private-word")


def test_secrets_are_found_wherever_a_model_keeps_them():
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


def test_an_exception_that_cannot_tell_what_it_is_goes_by_its_name():
    class Speechless(Exception):
        def __str__(self):
            raise RuntimeError

    assert failure_of(Speechless(), MODEL) == {"cause": "bad_response", "message": "Speechless"}


def test_the_address_of_a_lost_connection_holds_no_secret():
    model = ChatOpenAI(model="m", api_key=PLAIN, base_url=f"http://127.0.0.1:1/{PLAIN}/v1")
    told = failure_of(openai.APIConnectionError(request=REQUEST), model)["message"]
    assert "127.0.0.1" in told
    assert PLAIN not in told


@pytest.mark.timeout(10)
@pytest.mark.parametrize("noise", ["*", "* ", "** ", "... ", "sk-", PLAIN[:-1], f"{PLAIN[:4]}**", "key=", "api_key: "])
def test_megabytes_of_noise_are_gone_through_in_time(noise):
    redact(noise * (1_000_000 // len(noise)), [PLAIN])


def test_half_a_character_of_a_providers_message_can_be_kept():
    assert failure_of(ValueError("bad \ud83d input"), MODEL)["message"] == "ValueError: bad ? input"
