"""Faults of the pure core: what a run does with an input."""

from devtools.mutants import Edit, Mutant

MACHINE = "runs/engine/machine.py"
SENDING = "runs/engine/sending.py"
WALK = "runs/engine/walk.py"
VALUES = "runs/engine/values.py"
TESTS = "tests/unit/runs/test_machine.py::"
AGAIN = "tests/unit/runs/test_gate_again.py::"
ENVIRONMENTS = "tests/unit/runs/test_environments.py::test_not_a_byte_depends_on"
STEPS = "tests/unit/runs/test_steps.py::"
UNKNOWN = "tests/unit/runs/test_unknown.py::"

MUTANTS = [
    Mutant(
        "void-on-unknown",
        "An unknown outcome gives its reservation back and counts as not sent.",
        (Edit(SENDING, '"not_sent": "void", "unknown": "keep"}', '"not_sent": "void", "unknown": "void"}'),),
        (TESTS + "test_a_failed_send_stops_the_run",),
    ),
    Mutant(
        "keep-on-not-sent",
        "A message that certainly did not leave uses up the limit for ever.",
        (Edit(SENDING, '"not_sent": "void", "unknown": "keep"}', '"not_sent": "keep", "unknown": "keep"}'),),
        (TESTS + "test_a_failed_send_stops_the_run",),
    ),
    Mutant(
        "retry-skips-gate",
        "The second attempt of a send leaves although the gate denies it.",
        (Edit(SENDING, '    elif decision == "deny":', '    elif decision == "deny" and not state.attempt:'),),
        (
            AGAIN + "test_a_retry_is_denied_like_a_first_attempt",
            "tests/integration/api/test_runs.py::test_a_retry_passes_the_same_gate_as_the_first_attempt",
        ),
    ),
    Mutant(
        "recovery-skips-gate",
        "A retry by rule ignores the hour, the limit and the switch that pause it.",
        (Edit(SENDING, '    elif decision == "pause":', '    elif decision == "pause" and not state.attempt:'),),
        (AGAIN + "test_a_retry_by_rule_is_paused_like_a_first_attempt",),
    ),
    Mutant(
        "denial-does-not-beat-pause",
        "Where one rule pauses and another denies, the run waits and is sent later.",
        (
            Edit(
                "policies/rules/evaluate.py",
                "        if verdict.decision is Decision.DENY:",
                "        if verdict.decision is Decision.DENY and held is None:",
            ),
        ),
        ("tests/unit/policies/test_evaluate.py::test_a_denial_beats_a_pause_and_the_first_denial_names_the_verdict",),
    ),
    Mutant(
        "drop-early-event",
        "An event that came before the step that waits for it is missed.",
        (Edit(WALK, "        if self.has_come(here):", "        if False:"),),
        (TESTS + "test_an_event_that_came_before_its_step_is_not_missed",),
    ),
    Mutant(
        "drop-early-result",
        "A call's result that is quicker than the provider's answer is missed.",
        (Edit(SENDING, "    elif state.early in CALL_RESULTS:", "    elif False:"),),
        (TESTS + "test_a_calls_result_may_be_earlier_than_the_providers_answer",),
    ),
    Mutant(
        "late-result-of-another-call",
        "What came of an earlier call is taken for the result of the present one.",
        (
            Edit(
                MACHINE,
                '    elif state.reason == "result" and given.intent == state.intent:',
                '    elif state.reason == "result":',
            ),
        ),
        (AGAIN + "test_a_late_result_of_the_first_call_says_nothing_about_the_second",),
    ),
    Mutant(
        "no-result-is-no-answer",
        "A call whose provider never tells its result goes on as if it were known.",
        (Edit(MACHINE, "        sending.lose_result(walk)", '        walk.complete("no_answer")'),),
        (TESTS + "test_a_call_without_a_result_is_unknown_after_its_deadline",),
    ),
    Mutant(
        "machine-opens-count",
        "A mail scanner's open counts as a person's.",
        (Edit(MACHINE, "    if not given.machine:  #", "    if True:  #"),),
        (TESTS + "test_a_machines_open_is_recorded_but_nobody_opened_anything",),
    ),
    Mutant(
        "opt-out-during-a-send-is-forgotten",
        "An opt-out that comes while a message is on its way does not stop the run.",
        (Edit(MACHINE, '        walk.state.stop_after = "opted_out"', "        pass"),),
        (
            TESTS + "test_an_opt_out_during_a_send_stops_the_run_with_the_outcome",
            TESTS + "test_an_opt_out_during_a_failing_send_stops_the_run_too",
        ),
    ),
    Mutant(
        "no-exit-before-effects",
        "Before a send nobody looks whether an exit is due by now.",
        (Edit(SENDING, "    elif not walk.exit_if_due():\n        _intend", "    else:\n        _intend"),),
        (TESTS + "test_an_exit_condition_is_checked_before_every_effect",),
    ),
    Mutant(
        "an-exit-fires-again",
        "An exit whose condition stays true is taken again and again.",
        (Edit(WALK, "                self.state.exits.append(index)\n", ""),),
        (AGAIN + "test_an_exit_fires_once",),
    ),
    Mutant(
        "fault-after-a-send-is-certain",
        "When the engine breaks after a send, the run says that nothing left, and offers a retry.",
        (
            Edit(
                MACHINE,
                'if state.status == Status.DISPATCHING or "result" in (state.reason, state.held) or state.unsure:',
                "if False:",
            ),
        ),
        (
            "tests/unit/runs/test_machine_edges.py::test_a_fault_while_a_call_awaits_its_result_offers_no_retry",
            UNKNOWN + "test_a_fault_while_a_message_is_of_unknown_fate_keeps_it_unknown",
        ),
    ),
    Mutant(
        "step-changes-the-state-it-got",
        "A fault half-way through an input leaves a half-changed run behind.",
        (Edit(MACHINE, "    walk = Walk(plan, state.copy(), given.at)", "    walk = Walk(plan, state, given.at)"),),
        (TESTS + "test_the_step_function_leaves_the_state_it_was_given_untouched",),
    ),
    Mutant(
        "one-intent-for-every-visit",
        "The second visit of a step makes the intent of the first again.",
        (
            Edit(
                VALUES,
                "[state.st, state.step, state.visit, state.attempt + 1]",
                "[state.st, state.step, state.attempt + 1]",
            ),
        ),
        (AGAIN + "test_every_visit_of_a_step_makes_an_intent_of_its_own",),
    ),
    Mutant(
        "no-step-limit",
        "A loop goes round without end.",
        (
            Edit(
                WALK,
                "        if self.state.steps_taken > self.plan.limits.max_steps:",
                "        if self.state.steps_taken > self.plan.limits.max_steps + 1:",
            ),
        ),
        (TESTS + "test_a_run_that_takes_too_many_steps_fails",),
    ),
    Mutant(
        "no-duration-limit",
        "A run that policies hold again and again never ends.",
        (Edit(SENDING, "    if walk.overdue():\n", "    if False:\n"),),
        ("tests/unit/runs/test_machine_edges.py::test_a_run_held_again_and_again_ends_within_its_bounds",),
    ),
    # What only another environment shows
    Mutant(
        "a-set-in-an-entry",
        "The order of a list in an entry follows the hashes of this process.",
        (Edit(SENDING, "for each in verdict.rules],", "for each in set(verdict.rules)],"),),
        (ENVIRONMENTS,),
    ),
    Mutant(
        "an-assertion-that-acts",
        "Python's -O takes away something that a run does.",
        (
            Edit(
                SENDING,
                "    state.turn += 1\n    if settle",
                '    assert setattr(state, "turn", state.turn + 1) is None\n    if settle',
            ),
        ),
        (ENVIRONMENTS,),
    ),
    # Steps
    Mutant(
        "split-by-run",
        "A split goes by the run: a contact enrolled twice lands in two arms.",
        (Edit(WALK, "here.name, self.state.contact) % total", "here.name, self.state.st) % total"),),
        (AGAIN + "test_a_contact_takes_the_same_arm_in_every_run",),
    ),
    Mutant(
        "split-by-contact-alone",
        "All splits of all plans sort contacts alike, so their arms are not independent.",
        (Edit(WALK, '"dee.split/1", self.plan.key, here.name, self', '"dee.split/1", self'),),
        (STEPS + "test_splits_of_two_plans_are_independent",),
    ),
    Mutant(
        "require-on-old-facts",
        "What a send requires is asked of what was known when the run came to the step.",
        (
            Edit(
                SENDING,
                "    return conditions.evaluate(here.require, walk.snapshot()) if here.require else (True, [])",
                "    known, since = walk.snapshot(), walk.state.ready_at - walk.state.start_at\n"
                "    old = {s: {e: f for e, f in of.items() if f['first'] < since} for s, of in known.events.items()}\n"
                "    known = conditions.Snapshot(known.tick, known.attrs, old, known.outcomes, known.visits)\n"
                "    return conditions.evaluate(here.require, known) if here.require else (True, [])",
            ),
        ),
        (STEPS + "test_what_a_send_requires_is_asked_at_the_gate_with_the_newest_facts",),
    ),
    Mutant(
        "require-not-asked",
        "What a send requires is recorded and decides nothing.",
        (Edit(SENDING, '    if not holds and decision != "deny":', "    if False:"),),
        (STEPS + "test_what_a_send_requires_is_asked_at_the_gate_with_the_newest_facts",),
    ),
    Mutant(
        "stale-is-sent",
        "A send that is later than its plan allows leaves all the same.",
        (Edit(SENDING, "    elif _is_stale(here, given):", "    elif False:"),),
        (STEPS + "test_a_send_later_than_it_may_be_fails_as_stale",),
    ),
    Mutant(
        "a-zone-is-guessed",
        "A run whose contact's zone nobody knows goes on at once.",
        (Edit(MACHINE, '        walk.fail("zone_unknown")', '        walk.complete("completed")'),),
        (STEPS + "test_without_a_known_zone_nobody_guesses_and_a_person_decides",),
    ),
    # A message of unknown fate
    Mutant(
        "refusal-hides-the-unknown",
        "A refusal of the second message takes the blocked arm, as if the first had not left either.",
        (
            Edit(
                SENDING, '    if walk.state.unsure:\n        lose(walk, "policy_denied")', "    if False:\n        pass"
            ),
        ),
        (
            UNKNOWN + "test_a_refusal_of_the_second_message_never_counts_as_blocked",
            UNKNOWN + "test_a_redispatch_passes_the_gate_and_a_refusal_never_counts_as_blocked",
        ),
    ),
    Mutant(
        "second-failure-hides-the-first",
        "A second message that did not leave makes the first one certain.",
        (Edit(SENDING, "UNKNOWN_OUTCOME if walk.state.unsure else", "UNKNOWN_OUTCOME if False else"),),
        (UNKNOWN + "test_a_second_message_that_did_not_leave_leaves_the_first_one_unknown",),
    ),
    Mutant(
        "duplicate-not-said",
        "A message sent again on purpose does not say what it may duplicate.",
        (Edit(SENDING, "        if state.unsure:\n            data", "        if False:\n            data"),),
        (AGAIN + "test_what_is_sent_again_says_what_it_may_duplicate",),
    ),
    Mutant(
        "redispatch-after-its-key",
        "A message leaves again although its adapter has forgotten the key meanwhile.",
        (Edit(SENDING, "    if walk.at > until:", "    if False:"),),
        (UNKNOWN + "test_a_key_that_expires_while_a_policy_holds_the_redispatch_ends_it",),
    ),
    Mutant(
        "redispatch-of-another-text",
        "A kept message that somebody changed is dispatched again.",
        (Edit(SENDING, "    elif given.error:\n        lose(walk, given.error)\n", ""),),
        (UNKNOWN + "test_a_kept_message_that_is_not_what_was_sent_does_not_leave",),
    ),
    Mutant(
        "redispatch-voids-the-first",
        "A redispatch that did not leave gives back the unit of the first dispatch, which may have.",
        (Edit(SENDING, '    if settle == "void" and state.unsure == given.intent:', "    if False:"),),
        (UNKNOWN + "test_a_redispatch_that_did_not_leave_says_nothing_about_the_first_dispatch",),
    ),
    Mutant(
        "redispatch-held-back-is-ready-again",
        "A redispatch that the last look held back goes to the gate as if nothing had ever left.",
        (Edit(SENDING, "    again = state.unsure == given.intent\n", "    again = False\n"),),
        (UNKNOWN + "test_a_redispatch_held_back_by_the_last_look_leaves_the_first_dispatch_unknown",),
    ),
    Mutant(
        "facts-of-a-redispatch-for-any-send",
        "A first send passes with the facts of a redispatch, which reserve nothing.",
        (Edit(SENDING, '    if given.facts.get("again", False) != bool(state.again_until):', "    if False:"),),
        (UNKNOWN + "test_facts_of_a_redispatch_let_no_other_send_pass_without_a_reservation",),
    ),
    Mutant(
        "late-report-is-an-outcome",
        "What a replaced engine reports moves the run by itself.",
        (
            Edit(
                SENDING,
                '    elif given.kind != "unknown":\n        _prove(walk, ',
                '    elif given.kind != "unknown":\n        walk.complete(',
            ),
        ),
        (UNKNOWN + "test_a_late_report_is_evidence_and_never_an_outcome",),
    ),
    Mutant(
        "evidence-of-one-dispatch-for-both",
        "That one of two dispatches did not leave opens a retry, though the other may have left.",
        (
            Edit(
                SENDING,
                "    if not state.evidence and (found != NOT_SENT or state.sole):",
                "    if not state.evidence:",
            ),
        ),
        (
            UNKNOWN + "test_a_report_that_one_dispatch_did_not_leave_says_nothing_about_the_other",
            UNKNOWN + "test_a_report_about_the_second_message_says_nothing_about_the_first",
        ),
    ),
    Mutant(
        "the-unknown-is-remembered-too-long",
        "A message says that it may duplicate one of another step.",
        (Edit(WALK, '            state.unsure = state.evidence = ""\n', ""),),
        (UNKNOWN + "test_leaving_the_step_forgets_the_message",),
    ),
]
