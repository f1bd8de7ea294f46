"""Server behaviours that deviate from the API, over HTTP."""

import json

import pytest

from lightrouter_graph.testing import Bill, Reasoning, ServerBehaviour, count_tokens

REPLY = "Two plus two is four, of course."
ALL = count_tokens(REPLY)
INPUT = count_tokens("2 + 2?") + 4


def choice(response):
    return response.json()["choices"][0]


def content(response):
    return choice(response)["message"]["content"]


# the limit


@pytest.mark.parametrize(
    ("name", "other"),
    [("max_completion_tokens", "max_tokens"), ("max_tokens", "max_completion_tokens"), ("num_predict", "max_tokens")],
)
def test_a_model_can_accept_one_limit_parameter_only(played, post, name, other):
    played.behaviours["m"] = ServerBehaviour(limit_name=name)
    assert content(post(**{name: 3})) == "Two plus two"
    refused = post(**{other: 3})
    assert refused.status_code == 400
    assert refused.json()["error"] == {
        "message": f"Unsupported parameter: '{other}' is not supported with this model. Use '{name}' instead.",
        "type": "invalid_request_error",
        "param": other,
        "code": "unsupported_parameter",
    }
    assert played.total() == Bill(1, INPUT, 3)


def test_a_model_can_ignore_other_limit_parameters(played, post):
    played.behaviours["m"] = ServerBehaviour(limit_name="max_tokens", other_limits="ignore")
    assert content(post(max_completion_tokens=3)) == REPLY
    assert content(post(max_completion_tokens=3, max_tokens=2)) == "Two plus"


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_can_ignore_its_limit_and_bills_all_tokens(played, post, stream):
    played.behaviours["m"] = ServerBehaviour(honours_limit=False)
    response = post(max_tokens=3, stream=stream)
    assert '"finish_reason": "stop"' in response.text
    assert played.total() == Bill(1, INPUT, ALL)


# the prefix


@pytest.mark.parametrize(
    ("prefix", "boot", "expected", "kind"),
    [
        ("continue", "Two plus two", " is four, of course.", "continuation"),
        ("continue", "It is", REPLY, "completion"),
        ("restart", "Two plus two", REPLY, "completion"),
        ("repeat", "Two plus two", REPLY, "continuation"),
        ("repeat", "It is", f"It is{REPLY}", "continuation"),
    ],
)
def test_the_handling_of_a_prefix(played, post, prefix, boot, expected, kind):
    played.behaviours["m"] = ServerBehaviour(prefix=prefix)
    asked = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": boot}]
    assert content(post(messages=asked, continue_final_message=True)) == expected
    assert {key: bill.output_tokens for key, bill in played.billed.items()} == {("m", kind): count_tokens(expected)}


# the roles


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        (["user"], 200),
        (["system", "user", "assistant", "user"], 200),
        (["user", "assistant", "tool", "tool"], 200),
        (["user", "user"], 400),
        (["system", "system", "user"], 400),
        (["user", "assistant", "assistant"], 400),
    ],
)
def test_a_model_can_require_alternating_roles(played, post, roles, status):
    played.behaviours["m"] = ServerBehaviour(alternating_roles=True)
    response = post(messages=[{"role": role, "content": "x"} for role in roles])
    assert response.status_code == status
    if status == 400:
        message = "Conversation roles must alternate user/assistant/user/assistant/..."
        assert response.json()["error"]["message"] == message
        assert played.total() == Bill()


@pytest.mark.parametrize(
    ("why", "status", "message"),
    [
        ("no seed here", 400, "no seed here"),
        ({"status": 422, "error": {"message": "no"}}, 422, "no"),
        (None, 200, None),
    ],
)
def test_a_model_can_refuse_requests_by_their_body(played, post, why, status, message):
    played.behaviours["m"] = ServerBehaviour(refuse=lambda body: why if "seed" in body else None)
    response = post(seed=1)
    assert (response.status_code, response.json().get("error", {}).get("message")) == (status, message)
    assert post().status_code == 200


# reasoning


def test_hidden_reasoning_is_counted_and_billed(played, post):
    played.behaviours["m"] = ServerBehaviour(reasoning=Reasoning(5))
    reply = post().json()
    assert reply["choices"][0]["message"] == {"role": "assistant", "content": REPLY, "refusal": None}
    assert reply["usage"]["completion_tokens"] == 5 + ALL
    assert reply["usage"]["completion_tokens_details"] == {"reasoning_tokens": 5}
    assert played.total() == Bill(1, INPUT, 5 + ALL)


@pytest.mark.parametrize(("limit", "text", "thought"), [(7, "Two plus", 5), (5, "", 5), (4, "", 4)])
def test_reasoning_uses_up_the_limit(played, post, limit, text, thought):
    played.behaviours["m"] = ServerBehaviour(reasoning=Reasoning(5))
    reply = post(max_tokens=limit).json()
    assert content(post(max_tokens=limit)) == text
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == limit
    assert reply["usage"]["completion_tokens_details"]["reasoning_tokens"] == thought


def test_shown_reasoning_comes_before_the_text(played, post):
    played.behaviours["m"] = ServerBehaviour(reasoning=Reasoning(2, shown=True))
    assert choice(post())["message"]["reasoning_content"] == " hm hm"
    lines = [line.removeprefix("data: ") for line in post(stream=True).text.splitlines() if "{" in line]
    deltas = [json.loads(line)["choices"][0]["delta"] for line in lines]
    assert deltas[:4] == [
        {"role": "assistant", "content": None},
        {"reasoning_content": " hm"},
        {"reasoning_content": " hm"},
        {"content": "Two"},
    ]


def test_hidden_reasoning_sends_no_events(played, post):
    played.behaviours["m"] = ServerBehaviour(reasoning=Reasoning(50))
    assert post(stream=True, max_tokens=20).text.count("data: ") == 3
    assert played.total().output_tokens == 20


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, 9),
        ({"reasoning_effort": "low"}, 2),
        ({"reasoning_effort": "none"}, 0),
        ({"reasoning_effort": "high"}, 9),
        ({"reasoning": {"effort": "low"}}, 2),
        ({"reasoning_effort": 3}, 9),
    ],
)
def test_reasoning_tokens_depend_on_the_effort(played, post, body, tokens):
    played.behaviours["m"] = ServerBehaviour(reasoning=Reasoning(9, by_effort={"low": 2, "minimal": 1, "none": 0}))
    assert post(**body).json()["usage"]["completion_tokens"] == tokens + ALL
