import pytest

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool.toml_file import POOL_KEYS, read_pool_file
from lightrouter_graph.providers.pricing import Price

SECRET = "sk-verysecretvalue42"
ENV = {"OPENAI_API_KEY": SECRET, "MY_KEY": "mine"}


@pytest.fixture
def read(tmp_path):
    def read(text: str, env=ENV):
        path = tmp_path / "pool.toml"
        path.write_text(text, encoding="utf-8")
        return read_pool_file(path, env)

    return read


@pytest.fixture
def error_of(read):
    def error_of(text: str, env=ENV) -> str:
        with pytest.raises(PoolError) as caught:
            read(text, env)
        message = str(caught.value)
        assert "pool.toml" in message
        assert "\n" not in message
        assert SECRET not in message
        assert "pydantic" not in message
        return message

    return error_of


def test_a_candidate_has_the_values_of_its_table(read):
    [mini, local] = read("""
        [[candidate]]
        name = "mini"
        model = "openai:gpt-5.4-mini"
        price = { input = 0.4, output = 1.6 }
        temperature = 0.2
        reasoning_effort = "none"
        tags = ["fast", "cheap"]
        api_key_env = "MY_KEY"

        [[candidate]]
        model = "vllm:Qwen/Qwen3-8B"
        base_url = "http://127.0.0.1:1/v1"
        continuation = "prefill"
        json_mode = "json_object"
        limit_parameter = "max_new_tokens"
        max_concurrency = 1
        price = { input = 1, output = 2, cached_input = 0.5 }
    """)
    assert (mini.name, mini.price, mini.tags) == ("mini", Price(0.4, 1.6), ("fast", "cheap"))
    assert (mini.model.temperature, mini.model.reasoning_effort) == (0.2, "none")
    assert mini.model.root_async_client.api_key == "mine"
    assert (local.name, local.spec) == ("vllm:Qwen/Qwen3-8B", "vllm:Qwen/Qwen3-8B@http://127.0.0.1:1/v1")
    assert (local.continuation, local.json_mode, local.limit_parameter) == ("prefill", "json_object", "max_new_tokens")
    assert local.price == Price(1, 2, 0.5)
    assert (mini.max_concurrency, local.max_concurrency) == (None, 1)


def test_the_price_is_looked_up_when_the_file_has_none(read):
    [mini] = read('[[candidate]]\nmodel = "openai:gpt-4o-mini"\n')
    assert mini.price == Price(0.15, 0.6, 0.075)


def test_an_unknown_key_is_named_with_its_candidate_and_the_allowed_ones(error_of):
    message = error_of('[[candidate]]\nname = "mini"\nmodel = "openai:m"\ntemprature = 0.2\n')
    assert "candidate 'mini': unknown key 'temprature'" in message
    assert "did you mean 'temperature'?" in message
    assert "api_key_env" in message


@pytest.mark.parametrize("key", ["api_key", "key", "token", "API_KEY", "password"])
def test_an_api_key_in_the_file_is_an_error_that_does_not_repeat_it(error_of, key):
    message = error_of(f'[[candidate]]\nname = "mini"\nmodel = "openai:m"\n{key} = "{SECRET}"\n')
    assert f"{key!r}: keys do not belong in a file" in message
    assert "api_key_env" in message
    assert "environment variable" in message


def test_an_api_key_under_another_name_is_not_repeated(error_of):
    error_of(f'[[candidate]]\nmodel = "openai:m"\nopenai = "{SECRET}"\n')
    error_of(f'[[candidate]]\nmodel = "openai:m"\ntemperature = "{SECRET}"\n')
    error_of(f'[[candidate]]\nmodel = "{SECRET}"\n')
    error_of(f'[[candidate]]\nmodel = "vllm:m"\nbase_url = "http://me:{SECRET}@host/v1"\n')


def test_broken_toml_is_named_with_its_line(error_of):
    assert "line 2" in error_of("[[candidate]]\nmodel = openai\n")


def test_a_file_that_is_not_text(tmp_path):
    path = tmp_path / "pool.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PoolError, match=r"pool\.toml: not valid TOML: not UTF-8"):
        read_pool_file(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(PoolError, match=r"none\.toml: cannot be read \(No such file"):
        read_pool_file(tmp_path / "none.toml")


def test_single_brackets_are_named(error_of):
    assert "[candidate] needs two brackets" in error_of('[candidate]\nmodel = "openai:m"\n')


@pytest.mark.parametrize(
    "text", ["", "candidate = 3", "candidate = []", '[candidate]\nmodel = "a:b"', "candidate = [1]"]
)
def test_a_file_without_candidates(error_of, text):
    assert "[[candidate]]" in error_of(text)


def test_an_unknown_table_is_named(error_of):
    assert "unknown key 'candidates'" in error_of('[[candidates]]\nmodel = "openai:m"\n')


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("temperature = 3.0", "temperature: Input should be less than or equal to 2"),
        ("price = { input = 1 }", "price.output: Field required"),
        ("price = { input = -1, output = 1 }", "price.input: Input should be greater than or equal to 0"),
        ("price = { input = nan, output = 1 }", "price.input: Input should be a finite number"),
        (
            "price = { input = 1, output = 1, cache = 1 }",
            "price.cache: unknown key (did you mean 'cache_write'?); allowed: input, output, cached_input, cache_write",
        ),
        ("price = { input = 1, ouput = 1 }", "price.ouput: unknown key (did you mean 'output'?)"),
        ('price = "0.1"', "price: must be a table in USD per 1M tokens; write price = { input = 0.1, output = 0.4 }"),
        ("price = [0.1, 0.2]", "price: must be a table in USD per 1M tokens"),
        ('tags = "fast"', "tags: Input should be a valid list"),
        ('continuation = "maybe"', "continuation: Input should be"),
        ("max_concurrency = 0", "max_concurrency: Input should be greater than or equal to 1"),
        ("max_concurrency = true", "max_concurrency: Input should be a valid integer"),
        ("max_concurrency = 1.5", "max_concurrency: Input should be a valid integer"),
        ('max_concurrency = "2"', "max_concurrency: Input should be a valid integer"),
        ('name = ""', "name: String should have at least 1 character"),
        ('name = "a\\u0000b"', "name must be printable"),
        ('base_url = "nowhere"', "http://host:port"),
    ],
)
def test_a_wrong_value_is_one_line_with_its_key(error_of, line, why):
    assert why in error_of(f'[[candidate]]\nmodel = "openai:m"\n{line}\n')


def test_the_model_is_required(error_of):
    assert "candidate 'mini': model: Field required" in error_of('[[candidate]]\nname = "mini"\n')
    assert "candidate 2" in error_of('[[candidate]]\nmodel = "openai:m"\n[[candidate]]\ntags = []\n')


def test_an_address_is_written_once(error_of):
    message = error_of('[[candidate]]\nmodel = "vllm:m@http://a:1"\nbase_url = "http://b:1"\n')
    assert "write it once" in message


def test_a_missing_key_is_named_with_file_and_candidate(error_of):
    message = error_of('[[candidate]]\nname = "mini"\nmodel = "openai:m"\n', env={})
    assert "candidate 'mini'" in message
    assert "OPENAI_API_KEY" in message


def test_each_key_is_described():
    keys = {key.name: key for key in POOL_KEYS}
    assert [key.name for key in POOL_KEYS][:3] == ["model", "name", "price"]
    assert (keys["model"].type, keys["model"].default) == ("text", "required")
    types = [keys[name].type for name in ("name", "price", "temperature", "tags", "max_concurrency")]
    assert types == ["text", "table", "number", "list of text", "whole number"]
    assert keys["json_mode"].type == "`json_schema` or `json_object`"
    assert all(key.default and key.meaning for key in POOL_KEYS)


# where keys are sent ---------------------------------------------------------------------------------------

GATEWAY = "gateway.example.com"


def row(model, base_url="", api_key_env=""):
    keys = {"model": model, "base_url": base_url, "api_key_env": api_key_env}
    return "[[candidate]]\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items() if value)


@pytest.mark.parametrize(
    "text",
    [
        row("openai:m", f"https://{GATEWAY}/v1"),
        row(f"openai:m@https://{GATEWAY}/v1"),
        row("openai:m", f"https://{GATEWAY}/v1", "MY_KEY"),
        row("vllm:m", f"http://{GATEWAY}:8000", "OPENAI_API_KEY"),
        row("ollama:m", f"http://{GATEWAY}:11434", "MY_KEY"),
        row("anthropic:m", f"https://{GATEWAY}"),
        row("openai:m", f"https://api.openai.com.{GATEWAY}/v1"),
        row("openai:m", f"https://localhost.{GATEWAY}/v1"),
    ],
)
def test_a_key_is_not_sent_to_another_host(error_of, text):
    message = error_of(text)
    assert "would be sent to" in message
    assert f"{GATEWAY}', which is not the address of" in message
    assert "LIGHTROUTER_KEY_HOSTS=" in message


def test_the_variable_whose_key_would_be_sent_is_named(error_of):
    assert "the key in OPENAI_API_KEY would be sent" in error_of(row("openai:m", f"https://{GATEWAY}/v1"))
    assert "the key in MY_KEY would be sent" in error_of(row("openai:m", f"https://{GATEWAY}/v1", "MY_KEY"))
    assert "the key of 'anthropic' would be sent" in error_of(row("anthropic:m", f"https://{GATEWAY}"))


def test_a_key_is_not_sent_without_encryption(error_of):
    assert "would be sent to 'api.openai.com'" in error_of(row("openai:m", "http://api.openai.com/v1"))


def test_the_file_itself_cannot_permit_a_host(error_of):
    assert "unknown key" in error_of(f"{row('openai:m', f'https://{GATEWAY}/v1')}allow_key_to_host = true\n")


@pytest.mark.parametrize(
    ("text", "env"),
    [
        (row("openai:m", "https://api.openai.com/v2"), {}),
        (row("openai:m", "https://API.openai.com/v1", "MY_KEY"), {}),
        (row("openai:m", f"https://{GATEWAY}/v1"), {"LIGHTROUTER_KEY_HOSTS": f"gpu-box, {GATEWAY.upper()}"}),
        (row("openai:m", f"https://{GATEWAY}/v1"), {"OPENAI_BASE_URL": f"https://{GATEWAY}"}),
        (row("vllm:m", "http://gpu-box:8000"), {"VLLM_BASE_URL": "http://gpu-box:8000/v1", "VLLM_API_KEY": SECRET}),
        (row("openai:m", "http://127.0.0.1:8000/v1"), {}),
        (row("openai:m", "http://localhost:8000/v1", "MY_KEY"), {}),
        (row("openai:m", "http://[::1]:8000/v1"), {}),
    ],
)
def test_a_key_is_sent_to_the_provider_this_machine_and_permitted_hosts(read, text, env):
    [candidate] = read(text, ENV | env)
    assert candidate.model.root_async_client.api_key in ENV.values()


def test_any_host_may_be_called_without_a_key(read):
    [candidate] = read(row("vllm:m", f"http://{GATEWAY}:8000"))
    assert candidate.spec == f"vllm:m@http://{GATEWAY}:8000"


# files that are hard to read -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a = " + "1" * 60_000, "a = " + "[" * 5_000, "a = 1\x00", "a = 2024-13-45", 'a = "\\uD800"']
)
def test_values_that_cannot_be_read(error_of, text):
    assert "not valid TOML" in error_of(text)


def test_a_directory_is_an_error(tmp_path):
    with pytest.raises(PoolError, match=r"cannot be read \(Is a directory\)"):
        read_pool_file(tmp_path)


@pytest.mark.parametrize(
    "line",
    ["k" * 50_000 + " = 1", f'name = "{"n" * 50_000}"', f'model = "{"m" * 50_000}"', f'base_url = "{"u" * 50_000}"'],
)
def test_long_values_are_not_repeated(error_of, line):
    assert len(error_of(f"[[candidate]]\n{line}\n")) < 1_000


@pytest.mark.parametrize("key", [SECRET, "password"])
def test_a_secret_in_the_place_of_a_key_is_not_repeated(error_of, key):
    error_of(f'[[candidate]]\nmodel = "openai:m"\n"{key}" = "{SECRET}"\n')
