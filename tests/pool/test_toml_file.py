import os

import pytest

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool.toml_file import DEEPEST, MOST_BYTES, MOST_CANDIDATES, read_pool_file
from lightrouter_graph.pricing import Price

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
def complaint(read):
    def complaint(text: str, env=ENV) -> str:
        with pytest.raises(PoolError) as caught:
            read(text, env)
        message = str(caught.value)
        assert "pool.toml" in message
        assert "\n" not in message
        assert SECRET not in message
        assert "pydantic" not in message
        return message

    return complaint


def test_a_candidate_has_what_its_table_says(read):
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


def test_an_unknown_key_is_named_with_its_candidate_and_the_allowed_ones(complaint):
    said = complaint('[[candidate]]\nname = "mini"\nmodel = "openai:m"\ntemprature = 0.2\n')
    assert "candidate 'mini': unknown key 'temprature'" in said
    assert "did you mean 'temperature'?" in said
    assert "api_key_env" in said


@pytest.mark.parametrize("key", ["api_key", "key", "token", "API_KEY", "password"])
def test_a_key_in_the_file_is_refused_and_not_repeated(complaint, key):
    said = complaint(f'[[candidate]]\nname = "mini"\nmodel = "openai:m"\n{key} = "{SECRET}"\n')
    assert f"{key!r}: keys do not belong in a file" in said
    assert "api_key_env" in said
    assert "environment variable" in said


def test_a_key_under_a_strange_name_is_not_repeated_either(complaint):
    complaint(f'[[candidate]]\nmodel = "openai:m"\nopenai = "{SECRET}"\n')
    complaint(f'[[candidate]]\nmodel = "openai:m"\ntemperature = "{SECRET}"\n')
    complaint(f'[[candidate]]\nmodel = "{SECRET}"\n')
    complaint(f'[[candidate]]\nmodel = "vllm:m"\nbase_url = "http://me:{SECRET}@host/v1"\n')


def test_broken_toml_is_named_with_its_line(complaint):
    assert "line 2" in complaint("[[candidate]]\nmodel = openai\n")


def test_a_file_that_is_not_text(tmp_path):
    path = tmp_path / "pool.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PoolError, match=r"pool\.toml: not valid TOML: not UTF-8"):
        read_pool_file(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(PoolError, match=r"none\.toml: cannot be read \(No such file"):
        read_pool_file(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "text", ["", "candidate = 3", "candidate = []", '[candidate]\nmodel = "a:b"', "candidate = [1]"]
)
def test_a_file_without_candidates(complaint, text):
    assert "[[candidate]]" in complaint(text)


def test_an_unknown_table_is_named(complaint):
    assert "unknown key 'candidates'" in complaint('[[candidates]]\nmodel = "openai:m"\n')


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("temperature = 3.0", "temperature: Input should be less than or equal to 2"),
        ("price = { input = 1 }", "price.output: Field required"),
        ("price = { input = -1, output = 1 }", "price.input: Input should be greater than or equal to 0"),
        ("price = { input = nan, output = 1 }", "price.input: Input should be a finite number"),
        ("price = { input = 1, output = 1, cache = 1 }", "price.cache: Extra inputs"),
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
def test_a_wrong_value_is_one_line_with_its_key(complaint, line, why):
    assert why in complaint(f'[[candidate]]\nmodel = "openai:m"\n{line}\n')


def test_the_model_is_required(complaint):
    assert "candidate 'mini': model: Field required" in complaint('[[candidate]]\nname = "mini"\n')
    assert "candidate 2" in complaint('[[candidate]]\nmodel = "openai:m"\n[[candidate]]\ntags = []\n')


def test_an_address_is_written_once(complaint):
    said = complaint('[[candidate]]\nmodel = "vllm:m@http://a:1"\nbase_url = "http://b:1"\n')
    assert "write it once" in said


def test_a_missing_key_is_named_with_file_and_candidate(complaint):
    said = complaint('[[candidate]]\nname = "mini"\nmodel = "openai:m"\n', env={})
    assert "candidate 'mini'" in said
    assert "OPENAI_API_KEY" in said


# files that were made to harm ------------------------------------------------------------------------------

CANDIDATE = '[[candidate]]\nmodel = "openai:m"\n'


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_not(read, complaint):
    room = MOST_BYTES - len(CANDIDATE)
    assert len(read(CANDIDATE + "#" * room)) == 1
    assert complaint(CANDIDATE + "#" * (room + 1)).endswith(
        f"larger than {MOST_BYTES} bytes, the most a pool file may have"
    )


def test_as_many_candidates_as_allowed_are_read_and_one_more_is_not(read, complaint):
    rows = [f'{CANDIDATE}name = "m{number}"\n' for number in range(MOST_CANDIDATES + 1)]
    assert len(read("".join(rows[1:]))) == MOST_CANDIDATES
    assert f"{MOST_CANDIDATES + 1} candidates, a pool file may have at most {MOST_CANDIDATES}" in complaint(
        "".join(rows)
    )


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5_000,
        "a = " + "[" * 5_000 + "]" * 5_000,
        "a = " + "{a = " * 3_000 + "1" + "}" * 3_000,
        "a." * 30_000 + "a = 1",
        "a . " * 101 + "a = 1",
        "[" + "a." * 101 + "a]",
        "x.y.z.a.b.c.d.e.f = 1",
        f"{CANDIDATE}tags = {'[' * 6}1{']' * 6}",
    ],
)
@pytest.mark.timeout(5)
def test_what_is_nested_too_deep_is_refused_at_once(complaint, text):
    assert f"nested deeper than {DEEPEST} levels" in complaint(text)


def test_dots_in_comments_and_texts_nest_nothing(read):
    [dotted] = read(f'# {"." * 200}\n{CANDIDATE}name = "{"." * 90}"\n')
    assert dotted.name == "." * 90


@pytest.mark.parametrize("text", ["a = " + "1" * 60_000, "a = 1\x00", "a = 2024-13-45", 'a = "\\uD800"'])
def test_values_that_cannot_be_read(complaint, text):
    assert "not valid TOML" in complaint(text)


@pytest.mark.timeout(5)
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pool.toml")
    with pytest.raises(PoolError, match=r"pool\.toml: cannot be read \(it is not a regular file\)"):
        read_pool_file(tmp_path / "pool.toml")


@pytest.mark.timeout(5)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(device):
    with pytest.raises(PoolError, match="not a regular file"):
        read_pool_file(device)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files where Linux lists them")
def test_a_folder_is_no_file_and_nothing_stays_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(PoolError, match=r"cannot be read \(Is a directory\)"):
        read_pool_file(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    "line",
    ["k" * 50_000 + " = 1", f'name = "{"n" * 50_000}"', f'model = "{"m" * 50_000}"', f'base_url = "{"u" * 50_000}"'],
)
def test_what_is_too_long_is_not_repeated(complaint, line):
    assert len(complaint(f"[[candidate]]\n{line}\n")) < 1_000


@pytest.mark.parametrize("key", [SECRET, "password"])
def test_a_secret_in_the_place_of_a_key_is_not_repeated(complaint, key):
    complaint(f'[[candidate]]\nmodel = "openai:m"\n"{key}" = "{SECRET}"\n')
