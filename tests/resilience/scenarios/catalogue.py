"""All scenarios, by the kinds of endpoints and by the holes that an attacker may use."""

from collections.abc import Mapping

from resilience.scenarios import counts, ends, fields, forms
from resilience.scenarios.scenario import Scenario

ENDPOINTS: Mapping[str, list[Scenario]] = {room.KIND: room.SCENARIOS for room in (ends, fields, forms, counts)}
"""Kinds of odd endpoints; at least ten scenarios each."""

HOLES: Mapping[str, list[Scenario]] = {}
"""Kinds of attacks by a reply, an error or an address; at least three scenarios each."""

SCENARIOS = [scenario for kinds in (ENDPOINTS, HOLES) for made in kinds.values() for scenario in made]
