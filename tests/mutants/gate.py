"""Faults of the gate: facts, rules, limits, local time."""

from devtools.mutants import Edit, Mutant

GATE = "policies/gate.py"
HOURS = "policies/hours.py"
RULES = "policies/rules/"
RULE_TESTS = "tests/unit/policies/test_rules.py::"
GATE_TESTS = "tests/integration/policies/test_gate.py::"
SENDS = "tests/functional/test_guards_sends.py::"

MUTANTS = [
    Mutant(
        "count-at-outcome",
        "A limit counts what has been sent, not what is about to be: a whole wave passes it.",
        (
            Edit("runs/batch.py", '                self.ledger.reserve(facts["counters"], now=self.now)\n', ""),
            Edit(
                GATE,
                "            counter.reserved -= amount\n            counter.posted += min(actual, amount)",
                "            counter.limit = 10**9\n            counter.posted += min(actual, amount)",
            ),
        ),
        (
            "tests/functional/test_guards_order.py::test_those_who_are_on_their_way_together_are_no_more_than_a_limit_allows",
        ),
    ),
    Mutant(
        "consent-of-the-start",
        "Whoever had agreed when the run began is contacted, though they have withdrawn it since.",
        (
            Edit(
                GATE,
                "            self._consents[contact, channel, purpose] = newest",
                '            known = _loaded.setdefault(f"{contact}/{channel}/{purpose}", newest)\n'
                "            self._consents[contact, channel, purpose] = known",
            ),
        ),
        (SENDS + "test_a_consent_withdrawn_while_a_run_waits_stops_its_send",),
    ),
    Mutant(
        "unknown-consent-is-consent",
        "Who never said anything is contacted.",
        (Edit(RULES + "consent.py", '    if status == "granted":', '    if status in ("granted", "unknown"):'),),
        (RULE_TESTS + "test_only_a_grant_is_consent",),
    ),
    Mutant(
        "freed-units-count-at-once",
        "A unit given back in this second is used in this second, so the size of the waves decides who gets it.",
        (
            Edit(
                GATE,
                "return self.reserved + self.posted + self.overrun + (self.freed if self.freed_at == now else 0)",
                "return self.reserved + self.posted + self.overrun",
            ),
        ),
        (GATE_TESTS + "test_a_void_frees_units_from_the_next_second_on",),
    ),
    Mutant(
        "void-frees-nothing",
        "A message that did not leave uses up its unit.",
        (
            Edit(
                GATE,
                '            counter.reserved -= item["amount"]\n            counter.free(',
                "            counter.free(",
            ),
        ),
        (GATE_TESTS + "test_a_void_frees_units_from_the_next_second_on",),
    ),
    Mutant(
        "redispatch-reserves-again",
        "A message dispatched again takes a second unit of every limit.",
        (
            Edit(GATE, '            "counters": [] if ask.again else self', '            "counters": self'),
            Edit(RULES + "evaluate.py", '[] if facts.get("again") else [tuple', "[tuple"),
        ),
        ("tests/functional/test_recovering.py::test_a_redispatch_is_the_kept_message_as_it_was_made",),
    ),
    Mutant(
        "one-more-than-the-limit",
        "A daily limit of 100 lets 101 through.",
        (
            Edit(
                RULES + "limits.py",
                'counter["used"] + counter["amount"] > counter["limit"]',
                'counter["used"] + counter["amount"] > counter["limit"] + 1',
            ),
        ),
        (RULE_TESTS + "test_a_full_day_holds_until_the_next",),
    ),
    Mutant(
        "any-zone-is-enough",
        "A call rings at night where the person may be, because it is day where they may be too.",
        (Edit(RULES + "hours.py", "    if all(inside(", "    if any(inside("),),
        (RULE_TESTS + "test_every_candidate_zone_must_be_inside",),
    ),
    Mutant(
        "a-call-without-hours-rings",
        "A policy that states no calling hours lets calls ring at any hour.",
        (Edit(RULES + "hours.py", "        return channel == Channel.VOICE", "        return False"),),
        (RULE_TESTS + "test_hours_apply_when_a_minute_is_closed",),
    ),
    Mutant(
        "windows-end-late",
        "A call rings in the minute after its window.",
        (Edit(RULES + "hours.py", '<= minute < minutes(window["to"])', '<= minute <= minutes(window["to"])'),),
        (RULE_TESTS + "test_a_call_rings_inside_the_window",),
    ),
    Mutant(
        "a-global-suppression-of-one-channel",
        "Who is listed globally with an email is still called.",
        (
            Edit(
                GATE,
                "for address in (contact.email, contact.phone)\n            for",
                "for address in ((contact.email if ask.channel == 'email' else contact.phone),)\n            for",
            ),
        ),
        (GATE_TESTS + "test_scopes",),
    ),
    Mutant(
        "facts-of-another-policy",
        "A gate decides on facts that were measured under another version of its policy.",
        (Edit(RULES + "evaluate.py", "    if found != expected or amounts != wanted or unheld:", "    if False:"),),
        ("tests/unit/policies/test_evaluate.py::test_facts_of_another_policy_are_refused",),
    ),
    Mutant(
        "an-opt-out-of-this-second-is-not-seen",
        "An opt-out counts from the next transaction on.",
        (Edit("runs/optouts.py", "    batch.ledger.refresh()\n", ""),),
        ("tests/functional/test_order.py::test_an_opt_out_holds_for_everybody_with_that_address_from_its_second_on",),
    ),
    # Local time
    Mutant(
        "a-day-has-24-hours",
        "Where the clock changes, a daily limit starts anew an hour early or late.",
        (
            Edit(
                HOURS,
                "_midnight(zone, this), _midnight(zone, this + timedelta(days=1)))",
                "_midnight(zone, this), _midnight(zone, this) + _DAY_S)",
            ),
        ),
        ("tests/unit/policies/test_hours.py::test_a_day_of_the_policy_lasts_as_long_as_its_zone_says",),
    ),
    Mutant(
        "the-offset-of-now",
        "A window after a change of the clock opens by the offset of before.",
        (Edit(HOURS, "        if opens - offset < end:", "        if True:"),),
        ("tests/unit/policies/test_hours.py::test_the_search_equals_the_walk_exactly",),
    ),
    Mutant(
        "a-skipped-minute-comes-anyway",
        "A wait for a minute that spring skips ends an hour late.",
        (
            Edit(
                HOURS,
                "return _change(zone, second, first, _offset(zone, second)) if second < first else first",
                "return first",
            ),
        ),
        ("tests/unit/policies/test_next_local.py::test_a_minute_skipped_in_spring_is_the_first_instant_after_the_gap",),
    ),
    Mutant(
        "zones-of-the-machine",
        "Offsets come from whatever zone files the machine has.",
        (Edit(HOURS, "zoneinfo.reset_tzpath(to=[])\n", ""),),
        ("tests/unit/policies/test_zone_files.py::test_the_zone_files_of_the_machine_are_never_read",),
    ),
]
