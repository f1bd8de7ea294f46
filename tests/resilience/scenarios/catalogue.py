"""All scenarios, by the kinds of endpoints and by the holes that an attacker may use."""

from collections import Counter

from resilience.scenarios import (
    broken,
    counts,
    ends,
    fields,
    floods,
    forms,
    habits,
    hostile,
    long,
    media,
    odd,
    opinions,
    overflow,
    refusals,
    turns,
    waiting,
    words,
)

_ENDPOINTS = (ends, fields, forms, counts, waiting, opinions, overflow, media, turns, refusals, habits, words, broken)
_HOLES = (long, hostile, floods, odd)

ENDPOINTS = Counter(scenario.kind for room in _ENDPOINTS for scenario in room.SCENARIOS)
"""Kinds of odd endpoints; at least ten scenarios each."""

HOLES = Counter(scenario.kind for room in _HOLES for scenario in room.SCENARIOS)
"""Kinds of attacks by a reply, an error or an address; at least three scenarios each."""

SCENARIOS = [scenario for room in (*_ENDPOINTS, *_HOLES) for scenario in room.SCENARIOS]
