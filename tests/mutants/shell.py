"""Faults of the engine around the core: order, transactions, sending, inputs."""

from devtools.mutants import Edit, Mutant

BATCH = "runs/batch.py"
TICK = "runs/tick.py"
STORE = "runs/store.py"
ADMIT = "runs/admit.py"
DISPATCH = "runs/dispatch.py"
ORDER = "tests/functional/test_order.py::"
CRASHES = "tests/functional/test_crashes.py::"
ENGINE = "tests/functional/test_engine.py::"
RECOVERING = "tests/functional/test_recovering.py::"
GUARDS = "tests/functional/test_guards_order.py::"
SENDS = "tests/functional/test_guards_sends.py::"

MUTANTS = [
    # Between T1 and T2
    Mutant(
        "recovery-resends",
        "A message found on its way after a crash is sent again.",
        (
            Edit(
                TICK,
                'lost = values.Outcome(writer.clock, run.state.intent, "unknown", str(Failure.OUTCOME_LOST))',
                'lost = values.Voided(writer.clock, run.state.intent, "crash")',
            ),
        ),
        (CRASHES + "test_a_crash_during_recovery_is_recovered_from",),
    ),
    Mutant(
        "recovery-believes-it-was-sent",
        "A message found on its way after a crash counts as sent.",
        (Edit(TICK, '"unknown", str(Failure.OUTCOME_LOST))', '"accepted")'),),
        (CRASHES + "test_a_crash_during_recovery_is_recovered_from",),
    ),
    Mutant(
        "no-recovery",
        "A message found on its way after a crash leaves its run on its way for ever.",
        (Edit(TICK, "                self._recover()\n", "                pass\n"),),
        (CRASHES + "test_a_crash_during_recovery_is_recovered_from",),
    ),
    Mutant(
        "dispatch-before-acknowledgement",
        "Messages leave before the database has acknowledged that they are intended.",
        (
            Edit(
                TICK,
                "            engine.next_place += len(batch.admitted)\n",
                "            engine.next_place += len(batch.admitted)\n            self.early = self._send(batch)\n",
            ),
            Edit(TICK, "            answers = self._send(batch)\n", "            answers = self.early\n"),
        ),
        (
            "tests/functional/test_crash_table.py::test_c2_nothing_is_dispatched_before_the_commit_of_t1_is_acknowledged",
        ),
    ),
    Mutant(
        "replaced-engine-sends",
        "An engine that was replaced between commit and send still sends.",
        (Edit(DISPATCH, "    if epoch != committed.epoch:", "    if False:"),),
        (CRASHES + "test_an_engine_replaced_between_commit_and_send_sends_nothing",),
    ),
    Mutant(
        "not-after-not-checked",
        "An engine that stood still after its commit sends what was allowed long ago.",
        (Edit(DISPATCH, "    if (at - committed.at).total_seconds() > LATENESS_TOLERANCE_S:", "    if False:"),),
        (RECOVERING + "test_an_engine_that_stood_still_after_its_commit_sends_nothing_late",),
    ),
    Mutant(
        "no-last-look",
        "A consent withdrawn between commit and socket does not stop the message.",
        (Edit(DISPATCH, "    elif log_size != committed.log_size:", "    elif False:"),),
        (SENDS + "test_a_consent_withdrawn_between_the_commit_and_the_socket_stops_the_message",),
    ),
    Mutant(
        "adapter-error-is-certain",
        "An adapter that raises has certainly sent nothing.",
        (
            Edit(
                DISPATCH,
                "        return failed(Failure.ADAPTER_ERROR_AFTER_DATA)",
                "        return failed(Failure.SMTP_CONNECT_REFUSED)",
            ),
        ),
        (SENDS + "test_an_adapter_that_raises_leaves_an_unknown_outcome",),
    ),
    Mutant(
        "late-report-not-filed",
        "What a replaced engine found out about its messages is thrown away.",
        (Edit(TICK, "                self.unrecorded += [", "                _ = ["),),
        (RECOVERING + "test_an_engine_that_was_replaced_reports_what_it_found_out",),
        raises="DoesNotExist",
    ),
    Mutant(
        "anybody-reports",
        "A provider's webhook can say what an engine found out.",
        (Edit(ADMIT, "        if arrival.source != inbox.ENGINE or words", "        if words"),),
        (RECOVERING + "test_a_report_comes_from_an_engine_only",),
    ),
    Mutant(
        "error-text-in-the-log",
        "What an error says gets into the log: other words in every Python, and whatever it is about.",
        (Edit(BATCH, "Fault(at, type(error).__name__)", "Fault(at, str(error))"),),
        (SENDS + "test_an_engine_fault_records_what_the_error_is_called_and_never_what_it_says",),
    ),
    # Order
    Mutant(
        "queue-by-hash",
        "Runs of one instant are served in the order of a hash.",
        (
            Edit(
                STORE,
                "(state.due or 0, 1, state.turn, state.since, self.no)",
                "(state.due or 0, 1, state.turn, state.since, hash(f'run/{self.no}'))",
            ),
        ),
        (GUARDS + "test_runs_of_one_instant_are_served_in_the_order_in_which_they_began",),
    ),
    Mutant(
        "events-always-before-timers",
        "After an outage a reply overtakes the deadline that passed before it came.",
        (Edit(BATCH, "    return (arrival.at, 0, int(arrival.reaction)", "    return (0, 0, int(arrival.reaction)"),),
        (GUARDS + "test_an_event_after_the_deadline_comes_too_late_however_long_the_engine_slept",),
    ),
    Mutant(
        "timers-always-before-events",
        "After an outage every deadline passes before what came in time is heard.",
        (
            Edit(
                BATCH,
                "    return (arrival.at, 0, int(arrival.reaction)",
                "    return (arrival.at + 9999 * arrival.reaction, 0, int(arrival.reaction)",
            ),
        ),
        (ORDER + "test_an_event_in_the_second_of_the_deadline_wins",),
    ),
    Mutant(
        "the-timer-wins-the-tie",
        "A reply in the very second of the deadline is too late.",
        (Edit(STORE, "(state.due or 0, 1, state.turn", "(state.due or 0, -1, state.turn"),),
        (ORDER + "test_an_event_in_the_second_of_the_deadline_wins",),
    ),
    Mutant(
        "timer-takes-processing-time",
        "A timer is recorded with the instant at which the engine got round to it.",
        (Edit(BATCH, "self.apply(run, Timer(self.now))", "self.apply(run, Timer(self.wall.at))"),),
        (ORDER + "test_a_run_that_moved_does_not_hide_the_ones_that_were_not_loaded",),
    ),
    Mutant(
        "a-timer-is-its-own-clock",
        "A timer takes the instant at which it was due instead of the lane clock.",
        (Edit(BATCH, "self.apply(run, Timer(self.now))", "self.apply(run, Timer(run.state.due or self.now))"),),
        equivalent="`proceed` raises the lane clock to the very instant of the timer it takes from the heap, so the "
        "two are one number under the merge rule.",
    ),
    Mutant(
        "wave-mixes-turns",
        "The second sends of some runs share a wave with the first of others, so its size decides who goes first.",
        (Edit(BATCH, "key[:3] > (self.now, 1, self.turn)", "key[:2] > (self.now, 1)"),),
        (GUARDS + "test_the_second_sends_of_an_instant_wait_for_all_the_first_ones",),
    ),
    Mutant(
        "one-person-twice-in-a-wave",
        "What a message leads to, an opt-out even, is not waited for before the next one to the same person.",
        (Edit(BATCH, "                if self.wave and self._crosses(run):", "                if False:"),),
        (ORDER + "test_nobody_is_asked_for_while_a_message_to_the_same_person_is_on_its_way",),
    ),
    Mutant(
        "a-drive-overtakes-what-came-after-it",
        "Whether an event counts before or after a drive of the sandbox clock depends on when the engine looked.",
        (
            Edit(
                "runs/clock.py",
                "    engine.offset_s = max(engine.offset_s, to - arrival.received_us // 1_000_000)\n",
                "",
            ),
        ),
        (ORDER + "test_what_is_received_after_a_drive_was_asked_for_counts_after_it_however_often_the_engine_looks",),
    ),
    Mutant(
        "timers-keep-turns",
        "A run that wrote before its wait comes after those that did not.",
        (Edit("runs/engine/walk.py", "        state.turn, state.since = 0, 0\n", ""),),
        (GUARDS + "test_a_wait_gives_up_the_turns_of_the_sends_before_it",),
    ),
    Mutant(
        "who-waits-longest-waits-longer",
        "Who was held back by a limit gets no place before those who come with the new day.",
        (
            Edit(
                STORE,
                "return (state.due or 0, 1, state.turn, state.since, self.no)",
                "return (state.due or 0, 1, state.turn, 0, self.no)",
            ),
        ),
        (GUARDS + "test_who_was_held_longer_comes_before_whoever_began_earlier",),
    ),
    Mutant(
        "inputs-by-id",
        "Inputs are read by a number that was given before they became visible, not as they were received.",
        (Edit(STORE, "ORDER BY received_at, id LIMIT %s", "ORDER BY id LIMIT %s"),),
        (ORDER + "test_inputs_of_one_second_are_admitted_as_they_came_however_many_are_read",),
    ),
    Mutant(
        "late-sends-are-not-late",
        "After an outage a send leaves at its old instant: a call that was allowed at 20:30 rings at 23:00.",
        (
            Edit(
                BATCH,
                "        if not self.wall.driven and self.wall.at - self.now > LATENESS_TOLERANCE_S:",
                "        if False:",
            ),
        ),
        (GUARDS + "test_a_send_that_became_due_in_an_outage_is_asked_about_at_the_present",),
    ),
    Mutant(
        "horizon-forgotten",
        "A run that was not loaded is overtaken by those that were.",
        (Edit(BATCH, "        beyond = self.horizon is not None and key > self.horizon", "        beyond = False"),),
        (GUARDS + "test_a_run_that_was_not_loaded_is_not_overtaken_by_what_follows_for_those_that_were",),
    ),
    # Inputs
    Mutant(
        "no-dedupe-in-inbox",
        "An event that a provider delivers 46 times has 46 effects.",
        (
            Edit(
                "runs/inbox.py",
                " VALUES (%s, %s, %s, %s, 1, '', '')",
                " VALUES (%s, %s || '/' || gen_random_uuid(), %s, %s, 1, '', '')",
            ),
        ),
        (ENGINE + "test_an_event_46_times_has_one_effect",),
    ),
    Mutant(
        "accept-stale-command",
        "A command is carried out although the run has moved on since its operator looked.",
        (Edit(ADMIT, '        if body["expected_n"] != state.n:', '        if body["expected_n"] > state.n:'),),
        (SENDS + "test_a_command_decided_on_an_older_entry_is_refused_although_it_would_be_possible_now",),
    ),
    Mutant(
        "commands-on-broken-evidence",
        "A run whose own log does not verify is tried again.",
        (Edit(ADMIT, "        if refusal is None and command in TRIES_AGAIN:", "        if False:"),),
        ("tests/functional/test_guards_sends.py::test_a_run_whose_log_was_changed_is_not_tried_again",),
    ),
    Mutant(
        "opt-out-stays-in-its-run",
        "Who unsubscribes from one mail goes on getting those of other plans.",
        (
            Edit(
                ADMIT,
                "        if stops:\n            optouts.fan_out(self.batch, given, channel, first=run)\n",
                "",
            ),
        ),
        (GUARDS + "test_an_opt_out_reaches_a_run_that_has_sent_nothing_yet",),
    ),
    Mutant(
        "recorded-opt-out-stays-in-its-run",
        "An opt-out that a plan records does not reach the contact's other runs.",
        (Edit("runs/optouts.py", "        fan_out(batch, said, channel, first=run)\n", "        pass\n"),),
        (RECOVERING + "test_an_opt_out_that_a_step_records_suppresses_the_person_and_ends_their_other_runs",),
    ),
    Mutant(
        "opt-out-without-suppression",
        "An opt-out stops the runs of now, and the next plan writes to the person again.",
        (
            Edit(
                "runs/optouts.py",
                "        withdraw(batch, run, channel, reason=",
                "        str(batch), dict(run=run, channel=channel, reason=",
            ),
        ),
        (RECOVERING + "test_an_opt_out_that_a_step_records_suppresses_the_person_and_ends_their_other_runs",),
        raises="DoesNotExist",
    ),
    Mutant(
        "wait-until-in-the-engines-zone",
        "Nine o'clock is nine o'clock where the engine stands.",
        (Edit(BATCH, "        zone = self.ledger.zone(run.contact_id)", '        zone = "UTC"'),),
        (RECOVERING + "test_a_run_waits_until_nine_in_its_contacts_own_zone",),
    ),
    Mutant(
        "redispatch-of-a-new-text",
        "What is dispatched again is rendered anew, under the key of another text.",
        (
            Edit(
                BATCH,
                "                message = compose.kept(run, ask.channel)",
                "                message = compose.compose(run, ask.channel, self.people[run.contact_id])",
            ),
        ),
        (RECOVERING + "test_a_redispatch_is_the_kept_message_as_it_was_made",),
    ),
    Mutant(
        "redispatch-with-another-provider",
        "A message is dispatched again by an adapter that never heard of its key.",
        (Edit("runs/compose.py", "    elif found.adapter != registry.adapter_for(channel).name:", "    elif False:"),),
        (SENDS + "test_a_message_is_not_dispatched_again_by_another_provider",),
    ),
]
