"""Faults in what people and recovery rules may do."""

from devtools.mutants import Edit, Mutant

COMMANDING = "runs/engine/commanding.py"
TRANSITIONS = "runs/engine/transitions.py"
RULES = "policies/rules/recovery.py"
MACHINE = "tests/unit/runs/test_machine.py::"
UNKNOWN = "tests/unit/runs/test_unknown.py::"
HOLDING = "tests/unit/runs/test_holding.py::"
RECOVERY = "tests/unit/runs/test_recovery.py::"
RELEASING = "tests/unit/runs/test_releasing.py::"

MUTANTS = [
    Mutant(
        "retry-offered-on-unknown",
        "A message that may have left is sent again as a plain retry.",
        (
            Edit(
                TRANSITIONS,
                "    if run.reason.startswith(UNKNOWN_OUTCOME) and run.evidence != NOT_SENT:",
                "    if False:",
            ),
        ),
        (MACHINE + "test_nobody_retries_a_send_whose_outcome_is_unknown",),
    ),
    Mutant(
        "evidence-of-leaving-allows-a-retry",
        "Evidence that a message did leave opens the retry that needs the contrary.",
        (Edit(TRANSITIONS, "and run.evidence != NOT_SENT:", "and not run.evidence:"),),
        (RELEASING + "test_evidence_that_a_message_left_allows_no_retry",),
    ),
    Mutant(
        "redispatch-offered-after-its-key",
        "A redispatch is taken when its adapter no longer knows the key.",
        (Edit(TRANSITIONS, "    if run.key_left_s <= 0:", "    if run.key_left_s < 0:"),),
        (
            UNKNOWN + "test_a_redispatch_is_taken_only_while_the_key_lives_with_a_minute_to_spare",
            UNKNOWN + "test_without_keys_there_is_no_redispatch",
        ),
    ),
    Mutant(
        "a-key-without-a-margin",
        "A key is trusted to its last second, whatever the clocks of two companies show.",
        (Edit(COMMANDING, "KEY_MARGIN_S = 60", "KEY_MARGIN_S = 0"),),
        (UNKNOWN + "test_a_redispatch_is_taken_only_while_the_key_lives_with_a_minute_to_spare",),
    ),
    Mutant(
        "a-placed-call-is-dispatched-again",
        "A call whose result is missing is placed a second time.",
        (Edit(COMMANDING, "or accepted:", "or False:"),),
        (UNKNOWN + "test_a_call_that_the_provider_took_is_not_dispatched_again",),
    ),
    Mutant(
        "redispatch-of-the-wrong-message",
        "After a second message failed, the first one's key is used for the second.",
        (Edit(COMMANDING, "or state.unsure != state.intent or", "or"),),
        (UNKNOWN + "test_a_second_message_that_did_not_leave_leaves_the_first_one_unknown",),
    ),
    Mutant(
        "command-while-on-its-way",
        "A run whose message is on its way is cancelled, and its outcome finds nobody.",
        (
            Edit(
                TRANSITIONS,
                'frozenset({"FAILED", "WAITING", "PAUSED", "READY"}),',
                'frozenset({"FAILED", "WAITING", "PAUSED", "READY", "DISPATCHING"}),',
            ),
            Edit(TRANSITIONS, '"STOPPED": "opt-out found with the outcome",', '"STOPPED": "anything",'),
        ),
        (MACHINE + "test_no_command_is_accepted_while_a_message_is_on_its_way",),
    ),
    Mutant(
        "any-label-resolves",
        "A run goes on along an outcome that its step does not have.",
        (Edit(COMMANDING, "and given.label not in run.labels:", "and False:"),),
        (MACHINE + "test_a_resolution_must_name_an_outcome_of_the_step",),
        raises="KeyError",
    ),
    Mutant(
        "a-person-times-a-task-out",
        "An operator completes a task with the label that belongs to its deadline.",
        (Edit(COMMANDING, "    if state.reason == transitions.TASK:", "    if False:"),),
        ("tests/unit/runs/test_steps.py::test_a_task_is_done_only_with_an_outcome_of_its_own",),
    ),
    Mutant(
        "skip-says-what-came-of-it",
        "A step that was skipped counts as if its outcome were known.",
        (Edit(COMMANDING, "            _skip(walk, given.label)", "            walk.complete(given.label)"),),
        (UNKNOWN + "test_skipping_a_step_says_nothing_about_what_came_of_it",),
    ),
    Mutant(
        "redispatch-of-what-did-not-leave",
        "A message that is known not to have left is dispatched again without a unit of its limit.",
        (Edit(TRANSITIONS, "    if run.evidence == NOT_SENT:", "    if False:"),),
        (UNKNOWN + "test_what_did_not_leave_is_retried_and_not_dispatched_again",),
    ),
    Mutant(
        "unsent-keeps-its-unit",
        "A message that is known by now not to have left uses up its limit for ever.",
        (Edit(COMMANDING, '        walk.effects.append(Settle("void", tuple(freed)))\n', ""),),
        (UNKNOWN + "test_what_certainly_did_not_leave_gives_its_reservation_back",),
    ),
    # Holding and releasing
    Mutant(
        "a-held-run-leaves",
        "An exit is taken while an operator holds the run.",
        (Edit("runs/engine/walk.py", "in _LEAVES and not self.state.held", "in _LEAVES"),),
        (HOLDING + "test_no_exit_is_taken_while_a_run_is_held_but_at_its_release",),
    ),
    Mutant(
        "a-held-send-is-sent",
        "A send that an operator holds passes the gate.",
        (
            Edit(
                "runs/engine/sending.py",
                "(Status.READY, Status.PAUSED) or state.held:",
                "(Status.READY, Status.PAUSED):",
            ),
        ),
        (HOLDING + "test_a_held_send_passes_the_gate_after_its_release_and_is_not_late",),
    ),
    Mutant(
        "release-forgets-exits",
        "A released run whose time is up goes on along its step, past the exit that became due.",
        (Edit(COMMANDING, "    if walk.exit_if_due():\n        return\n", ""),),
        (RELEASING + "test_an_exit_that_became_due_comes_before_a_wait_that_ended_meanwhile",),
    ),
    Mutant(
        "release-forgets-timers",
        "A wait that ended while the run was held is waited out a second time, or for ever.",
        (Edit(COMMANDING, "state.due == due and due <= walk.at:", "state.due == due and due < walk.at:"),),
        (RELEASING + "test_a_wait_that_ends_in_the_second_of_the_release_ends_because_of_it",),
    ),
    Mutant(
        "release-forgets-events",
        "What a held run waited for, and what came, is not looked at when it is released.",
        (Edit(COMMANDING, "and walk.has_come(here):", "and False:"),),
        (HOLDING + "test_an_event_of_a_held_run_is_recorded_and_counts_at_the_release",),
    ),
    Mutant(
        "release-forgets-results",
        "The result of a held call is not looked at when it is released.",
        (Edit(COMMANDING, '    elif on == "result" and state.early:', "    elif False:"),),
        (HOLDING + "test_a_result_that_came_for_a_held_call_counts_at_the_release",),
    ),
    Mutant(
        "release-starts-the-wait-anew",
        "A released run waits for its whole time again.",
        (Edit(COMMANDING, "    walk.move(Status.WAITING, reason=on, due=due)", "    walk.wait_on(on, walk.at + 100)"),),
        (HOLDING + "test_released_in_time_it_waits_for_the_same_instant",),
    ),
    # Recovery rules
    Mutant(
        "recovery-ignores-max-attempts",
        "A rule tries for ever.",
        (Edit(RULES, '        if attempts >= rule["max_attempts"]:', "        if False:"),),
        (RECOVERY + "test_the_last_backoff_is_repeated_and_after_the_last_attempt_the_rule_gives_up_on_the_record",),
    ),
    Mutant(
        "recovery-never-forgets",
        "After an operator's retry the rules have given up already.",
        (Edit("runs/engine/walk.py", "self.state.recoveries, self.state.exhausted = 0, False", "pass"),),
        (RECOVERY + "test_an_operators_retry_lets_the_rules_begin_anew",),
        raises="IllegalMove",
    ),
    Mutant(
        "recovery-retries-the-unknown",
        "A rule retries what may have left.",
        (Edit(COMMANDING, "    if unknown != (found.action == recovery.REDISPATCH):", "    if False:"),),
        (RELEASING + "test_a_rule_never_retries_what_may_have_left_although_its_adapter_knows_the_key",),
    ),
    Mutant(
        "recovery-without-a-failure",
        "The log shows a recovery of something that never failed.",
        (Edit("runs/engine/walk.py", '        self.write("run.failed", {"reason": reason})\n', ""),),
        (RECOVERY + "test_a_retry_is_recorded_after_the_failure_and_waits_for_its_backoff",),
    ),
    Mutant(
        "recovery-before-its-failure",
        "In the log, a rule is applied before the run has failed.",
        (
            Edit(
                "runs/batch.py",
                "        self.writer.extend(result.entries)\n        for effect in result.effects:",
                "        if run.state.status == Status.FAILED:\n            self._recover(run, at)\n"
                "        self.writer.extend(result.entries)\n        for effect in result.effects:",
            ),
        ),
        ("tests/functional/test_guards_order.py::test_a_rule_is_applied_after_the_failure_in_the_order_of_the_log",),
    ),
    Mutant(
        "redispatch-by-rule-after-its-key",
        "A rule plans a redispatch for when its key will be forgotten.",
        (Edit(COMMANDING, "given.at + found.wait_s > _key_end", "given.at > _key_end"),),
        (RECOVERY + "test_a_redispatch_needs_a_key_that_still_lives_when_it_is_due",),
    ),
    Mutant(
        "redispatch-by-rule-of-what-did-not-leave",
        "A rule dispatches again what is known not to have left.",
        (Edit(COMMANDING, "unknown and (state.evidence or given.at", "unknown and (given.at"),),
        (RELEASING + "test_a_rule_dispatches_nothing_again_that_is_known_not_to_have_left",),
    ),
    Mutant(
        "recovery-of-another-channel",
        "A rule for calls retries mails.",
        (Edit(RULES, ' or channel not in rule.get("channels", (channel,))', ""),),
        (RECOVERY + "test_a_rule_for_another_channel_does_not_apply",),
    ),
    Mutant(
        "recovery-of-a-denial",
        "A rule tries to get past what a policy denies.",
        (
            Edit(
                COMMANDING,
                '    if kind not in ("step_failed", transitions.UNKNOWN_OUTCOME):\n        return None\n',
                "",
            ),
        ),
        (RECOVERY + "test_a_denial_is_not_for_recovery_rules",),
    ),
]
