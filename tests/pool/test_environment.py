import json
import logging
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool.environment import MAX_CANDIDATES, find_candidates
from lightrouter_graph.providers.table import PROVIDERS

SECRET = "sk-verysecretvalue42"
ALL_KEYS = {row.api_key_env: SECRET for row in PROVIDERS.values() if row.default_models}
NOWHERE = "http://127.0.0.1:9"  # the discard port: refused at once


@contextmanager
def serving(replies: dict[str, str], status: int = 200):
    """Serve fixed replies by path on a free loopback port; yields the address and the requests seen."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers["Authorization"]))
            self.send_response(status if self.path in replies else 404)
            self.end_headers()
            self.wfile.write(replies.get(self.path, "").encode())

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def tags(*models: tuple[str, str]) -> str:
    return json.dumps({"models": [{"name": name, "details": {"family": family}} for name, family in models]})


def names(env, **settings) -> list[str]:
    return [candidate.name for candidate in find_candidates({"OLLAMA_HOST": NOWHERE, **env}, **settings)]


def test_a_key_selects_the_default_models_of_its_provider():
    assert names({"GROQ_API_KEY": SECRET}) == ["groq:openai/gpt-oss-120b", "groq:openai/gpt-oss-20b"]


def test_candidates_are_ordered_by_price_and_limited():
    found = find_candidates(ALL_KEYS, probe=False)
    sums = [candidate.price.input + candidate.price.output for candidate in found]
    assert sums == sorted(sums, reverse=True)
    assert len(found) == MAX_CANDIDATES


def test_a_model_of_several_providers_is_selected_once_at_the_lowest_price():
    env = {"TOGETHER_API_KEY": SECRET, "OPENROUTER_API_KEY": SECRET, "GROQ_API_KEY": SECRET}
    found = names(env, probe=False)
    assert "openrouter:meta-llama/llama-3.3-70b-instruct" in found
    assert "together:meta-llama/Llama-3.3-70B-Instruct-Turbo" not in found
    assert sum("gpt-oss-120b" in name for name in found) == 1


def test_default_models_have_low_reasoning_effort():
    by_name = {candidate.name: candidate.model for candidate in find_candidates(ALL_KEYS, probe=False)}
    assert by_name["openai:gpt-5.4-mini"].reasoning_effort == "none"
    assert by_name["deepseek:deepseek-flash"].extra_body == {"thinking": {"type": "disabled"}}


def test_the_chat_models_of_a_local_ollama_are_found():
    replies = {"/api/tags": tags(("qwen3:8b", "qwen3"), ("nomic-embed-text", "nomic"), ("all-minilm", "bert"))}
    with serving(replies) as (url, _):
        [found] = find_candidates({"OLLAMA_HOST": url.removeprefix("http://")})
    assert (found.name, found.price) == ("ollama:qwen3:8b", None)
    assert str(found.model.root_async_client.base_url) == f"{url}/v1/"


def test_the_models_of_a_vllm_server_are_found():
    served = json.dumps({"object": "list", "data": [{"id": "Qwen/Qwen3-8B", "max_model_len": 4096}]})
    with serving({"/v1/models": served}) as (url, seen):
        env = {"VLLM_BASE_URL": url, "VLLM_API_KEY": SECRET, "OLLAMA_HOST": NOWHERE}
        [found] = find_candidates(env)
    assert found.name == "vllm:Qwen/Qwen3-8B"
    assert found.continuation == "continue_final_message"
    assert seen == [("/v1/models", f"Bearer {SECRET}")]


def test_models_without_a_price_come_last_in_found_order():
    with serving({"/api/tags": tags(("b", ""), ("a", ""))}) as (url, _):
        found = names({"OLLAMA_HOST": url, "DEEPSEEK_API_KEY": SECRET})
    assert found == ["deepseek:deepseek-v4-pro", "deepseek:deepseek-flash", "ollama:b", "ollama:a"]


def test_one_server_does_not_fill_the_pool():
    with serving({"/api/tags": tags(*((f"m{number}", "") for number in range(30)))}) as (url, _):
        assert len(names({"OLLAMA_HOST": url})) == 4


@pytest.mark.parametrize("reply", ["", "not json", "[]", '{"models": 3}', '{"models": [{"nome": "x"}]}', "null"])
def test_an_invalid_model_list_is_ignored(reply):
    with serving({"/api/tags": reply}) as (url, _), pytest.raises(PoolError):
        find_candidates({"OLLAMA_HOST": url})


def test_a_named_server_that_does_not_respond_is_logged(caplog):
    caplog.set_level(logging.DEBUG, logger="lightrouter_graph")
    env = {"GROQ_API_KEY": SECRET, "VLLM_API_KEY": SECRET, "VLLM_BASE_URL": f"{NOWHERE}/v1"}
    assert names(env)
    assert f"no models found at {NOWHERE}/v1/models (ConnectError)" in caplog.text
    assert SECRET not in caplog.text


def test_an_error_status_gives_no_models():
    with serving({"/v1/models": "{}"}, status=401) as (url, _), pytest.raises(PoolError):
        find_candidates({"VLLM_BASE_URL": url, "OLLAMA_HOST": NOWHERE})


def test_without_a_probe_nothing_is_sent():
    with serving({"/api/tags": tags(("a", ""))}) as (url, seen):
        with pytest.raises(PoolError, match="no key is set"):
            find_candidates({"OLLAMA_HOST": url, "VLLM_BASE_URL": url}, probe=False)
        assert seen == []


def test_the_error_lists_every_way_to_configure_a_model():
    with pytest.raises(PoolError, match="no model found") as caught:
        find_candidates({"OLLAMA_HOST": NOWHERE})
    ways = [*ALL_KEYS, "OLLAMA_HOST", "VLLM_BASE_URL", "Pool([", "Pool.from_toml"]
    assert [way for way in ways if way not in str(caught.value)] == []


def test_an_address_with_a_secret_is_an_error_that_does_not_repeat_it():
    with pytest.raises(PoolError) as caught:
        find_candidates({"OLLAMA_HOST": f"http://me:{SECRET}@127.0.0.1:9"})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["llamacpp", "lmstudio", "sglang", "tgi", "openai-compatible"])
def test_a_server_with_an_address_is_asked_for_its_models(name):
    row = PROVIDERS[name]
    listed = json.dumps({"data": [{"id": "m-1"}, {"id": "nomic-embed-text"}]})
    with serving({"/v1/models": listed}) as (url, seen):
        assert names({row.base_url_env: url, row.api_key_env: SECRET}) == [f"{name}:m-1"]
    assert seen == [("/v1/models", f"Bearer {SECRET}")]


def test_one_model_of_two_providers_is_taken_once():
    found = names({"GROQ_API_KEY": SECRET, "CEREBRAS_API_KEY": SECRET, "FIREWORKS_API_KEY": SECRET}, probe=False)
    assert sum("gpt-oss-120b" in name for name in found) == 1
