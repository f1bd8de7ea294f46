"""What must hold of every scenario, whatever its endpoints do."""

import json
import re
import traceback
from collections.abc import Iterator
from typing import Any, get_args

from resilience.scenarios.outcome import Outcome
from resilience.scenarios.playing import SECRET
from resilience.scenarios.scenario import Mode, Scenario

from lightrouter_graph import BudgetError, LightRouterError, NoSurvivorError
from lightrouter_graph.records import Cause

_STEPS = {"plain": 2, "streamed": 1, "spec": 1, "served": 2}
"""How many time limits follow each other: a deadline is one; without it a boot and an answer have one each."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def wrongs(scenario: Scenario, mode: Mode, outcome: Outcome) -> list[str]:
    """Return what is wrong with an outcome, as sentences.

    Args:
        scenario: What was played.
        mode: How it was played.
        outcome: What came of it.
    """
    found = [*_end(outcome), *_time(scenario, mode, outcome), *outcome.left, *_secrets(scenario, outcome)]
    found += [*_logs(outcome)] if mode == "served" else [*_logs(outcome), *_bill(scenario, outcome)]
    if scenario.grows is not None and outcome.grown > scenario.grows:
        found.append(f"memory grew by {outcome.grown >> 20} MB, not at most {scenario.grows >> 20}")
    for check in scenario.right:
        found += check(outcome)
    return found


def _end(outcome: Outcome) -> Iterator[str]:
    error = outcome.error
    if error is None:
        if outcome.answer is None:
            yield "neither an answer nor an error"
        elif not str(outcome.answer.text).strip() and not outcome.answer.tool_calls:
            yield "the answer is empty"
    elif not isinstance(error, LightRouterError):
        yield f"raised {error!r}"[:300]
    elif isinstance(error, NoSurvivorError):
        for name, why in error.failures.items():
            if why.partition(":")[0] not in get_args(Cause):
                yield f"no cause for {name}: {why[:160]}"


def _time(scenario: Scenario, mode: Mode, outcome: Outcome) -> Iterator[str]:
    limit = scenario.settings.get("deadline_s") or scenario.limit_s * _STEPS[mode]
    if outcome.seconds > limit * 1.1 + 0.5:
        yield f"took {outcome.seconds:.2f} s, the limit was {limit:g} s"
    if outcome.cpu_s > scenario.cpu_s:
        yield f"took {outcome.cpu_s:.2f} s of CPU time, not at most {scenario.cpu_s:g}"


def _bill(scenario: Scenario, outcome: Outcome) -> Iterator[str]:
    if isinstance(outcome.error, BudgetError) and outcome.requests:
        yield "refused for its budget after it had sent a request"
    if outcome.error is not None and not isinstance(outcome.error, NoSurvivorError):
        return
    if scenario.turns > 1 or scenario.loops:
        return  # the checks of the scenario know which turn is billed what
    usage = outcome.bill.get("usage", {})
    billed = (usage.get("input_tokens", 0), usage.get("output_tokens", 0))
    # What cannot be read, or was broken off, is estimated; the output of a reply that failed may be unknown.
    least = [tokens / 2 if usage.get("estimated") else tokens for tokens in outcome.told]
    if usage.get("estimated") and outcome.failures:
        least[1] = 0
    if any(mine < theirs for mine, theirs in zip(billed, least, strict=True)):
        yield f"the bill is {billed}, the endpoints reported {outcome.told}"
    elif scenario.exact and (billed != outcome.told or usage.get("estimated")):
        yield f"the bill is {billed}{' (estimated)' * bool(usage.get('estimated'))}, not {outcome.told} as reported"


def _secrets(scenario: Scenario, outcome: Outcome) -> Iterator[str]:
    shown: list[Any] = [repr(outcome.messages), json.dumps(outcome.record, default=str), *outcome.logged]
    if outcome.error is not None:
        shown += [repr(outcome.error), "".join(traceback.format_exception(outcome.error))]
    for name in scenario.models:
        key = SECRET.format(name)
        if any(form in text for text in shown for form in (key, key.upper(), key.lower(), key[::-1])):
            yield f"the key of {name} is shown"


def _logs(outcome: Outcome) -> Iterator[str]:
    for line in outcome.logged:
        if _CONTROL.search(line):
            yield f"a log line has a control character: {line[:120]!r}"
