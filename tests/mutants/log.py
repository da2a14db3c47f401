"""Faults of the log, of the database's own guards and of who may write."""

from devtools.mutants import Edit, Mutant

CHAIN = "audit/chain.py"
CANON = "audit/canon.py"
LOG = "audit/log.py"
GUARDS = "audit/migrations/0002_append_only.py"
RUN_GUARDS = "runs/migrations/0002_guards.py"
LOG_TESTS = "tests/integration/audit/test_log.py::"
RUN_TESTS = "tests/integration/runs/test_constraints.py::"
POLICY_TESTS = "tests/integration/policies/test_constraints.py::"
HASH_CHECK = (
    "CHECK (hash = sha256(convert_to(E'dee.entry/1\\n' || body, 'UTF8'))),\n  ADD CONSTRAINT audit_entry_columns"
)

MUTANTS = [
    Mutant(
        "prev-not-bound",
        "Entries do not say which entry they follow: one can be changed, and nothing after it shows it.",
        (
            Edit(
                CHAIN,
                "    body = canon.encode(\n        {",
                "    prev = bytes(32)\n    body = canon.encode(\n        {",
            ),
        ),
        ("tests/unit/audit/test_chain.py::test_a_good_stream_has_no_break",),
    ),
    Mutant(
        "links-not-checked",
        "Verification does not look whether entries follow one another.",
        (Edit(CHAIN, "    if row.prev != prev:", "    if False:"),),
        (
            "tests/unit/audit/test_chain.py::test_tampering_is_found_at_its_entry",
            "tests/unit/audit/test_chain.py::test_a_run_must_begin_with_what_it_was_started_with",
        ),
    ),
    Mutant(
        "hash-without-its-tag",
        "The hash of an entry is one of its text alone, and may stand for something else.",
        (Edit(CHAIN, 'hashlib.sha256(b"dee.entry/1\\n" + body.encode())', "hashlib.sha256(body.encode())"),),
        ("tests/unit/audit/test_chain.py::test_the_hash_of_an_entry_is_sha_256_over_its_tagged_text",),
    ),
    Mutant(
        "float-in-facts",
        "A number that no two languages write alike gets into the log.",
        (
            Edit(
                CANON,
                "    return kind is bool or value is None\n",
                "    return kind is bool or kind is float or value is None\n",
            ),
        ),
        ("tests/unit/audit/test_canon.py::test_a_value_outside_the_profile_is_refused_with_its_place",),
    ),
    Mutant(
        "keys-as-they-came",
        "The text of an entry depends on the order in which its data was put together.",
        (Edit(CANON, "ensure_ascii=False, sort_keys=True", "ensure_ascii=False, sort_keys=False"),),
        ("tests/unit/audit/test_canon.py::test_the_order_of_keys_in_memory_changes_nothing",),
    ),
    Mutant(
        "texts-are-normalised",
        "Two texts that a person typed differently become one.",
        (
            Edit(
                CANON,
                "    text = _encoder.encode(value)\n",
                '    text = unicodedata.normalize("NFC", _encoder.encode(value))\n',
            ),
            Edit(CANON, "import re\n", "import re\nimport unicodedata\n"),
        ),
        ("tests/unit/audit/test_canon.py::test_composed_and_decomposed_letters_stay_different",),
    ),
    Mutant(
        "a-personal-value-in-the-log",
        "The log holds what a contact is called.",
        (
            Edit(
                "runs/admit.py",
                'contact.ref, digest, attrs, str(body.get("actor", arrival.source))',
                'contact.ref, digest, {**attrs, "email": contact.email}, str(body.get("actor", arrival.source))',
            ),
        ),
        ("tests/functional/test_engine.py::test_no_personal_value_is_in_the_log",),
    ),
    # Who may write
    Mutant(
        "skip-epoch-check",
        "An engine that was replaced goes on writing.",
        (Edit(LOG, "        if epoch is not None and epoch != current:", "        if False:"),),
        (
            LOG_TESTS + "test_a_writer_of_an_older_epoch_is_refused",
            "tests/functional/test_processes.py::test_an_engine_that_was_replaced_is_refused_at_its_next_transaction",
        ),
    ),
    Mutant(
        "everybody-is-the-engine",
        "A second worker takes over from one that is alive.",
        (Edit("runs/lease.py", "OR beat_at < clock_timestamp() - make_interval(secs => %s))", "OR %s > 0)"),),
        ("tests/functional/test_guards_sends.py::test_a_second_engine_stands_by_while_the_first_is_alive",),
    ),
    Mutant(
        "the-log-inside-another-transaction",
        "Somebody else's transaction takes back what the engine believes to be committed.",
        (
            Edit(
                LOG,
                'transaction.atomic(durable=True), connection.cursor() as cursor:\n        cursor.execute("SELECT size',
                'transaction.atomic(), connection.cursor() as cursor:\n        cursor.execute("SELECT size',
            ),
        ),
        (LOG_TESTS + "test_a_transaction_of_the_log_cannot_hide_inside_another",),
    ),
    # What the database holds
    Mutant(
        "entries-can-be-updated",
        "Who owns the tables can change an entry.",
        (Edit(GUARDS, "BEFORE UPDATE OR DELETE ON audit_entry", "BEFORE DELETE ON audit_entry"),),
        (LOG_TESTS + "test_the_owner_cannot_change_the_log_either",),
    ),
    Mutant(
        "entries-can-be-truncated",
        "Who owns the tables can empty the log.",
        (Edit(GUARDS, "BEFORE TRUNCATE ON audit_entry", "AFTER UPDATE ON audit_entry"),),
        (LOG_TESTS + "test_the_owner_cannot_change_the_log_either",),
    ),
    Mutant(
        "the-application-may-update",
        "The application's role can change an entry.",
        (Edit(GUARDS, "GRANT SELECT, INSERT ON audit_entry TO", "GRANT SELECT, INSERT, UPDATE ON audit_entry TO"),),
        (LOG_TESTS + "test_the_application_cannot_change_the_log",),
    ),
    Mutant(
        "hash-not-recomputed",
        "The database takes an entry whose hash is not that of its text.",
        (Edit(GUARDS, HASH_CHECK, "CHECK (octet_length(hash) = 32),\n  ADD CONSTRAINT audit_entry_columns"),),
        (LOG_TESTS + "test_a_row_that_disagrees_with_its_text_is_refused",),
    ),
    Mutant(
        "body-as-jsonb",
        "The text of an entry is kept as a database writes JSON, not as it was hashed.",
        (
            Edit(GUARDS, HASH_CHECK, "CHECK (octet_length(hash) = 32),\n  ADD CONSTRAINT audit_entry_columns"),
            Edit(
                GUARDS,
                'ORDER = r"""\n',
                'ORDER = r"""\nCREATE FUNCTION audit_jsonb() RETURNS trigger LANGUAGE plpgsql AS $$\n'
                "BEGIN NEW.body := NEW.body::jsonb::text; RETURN NEW; END $$;\n"
                "CREATE TRIGGER audit_jsonb BEFORE INSERT ON audit_entry\n"
                "  FOR EACH ROW EXECUTE FUNCTION audit_jsonb();\n",
            ),
        ),
        (LOG_TESTS + "test_the_stored_text_is_what_was_hashed_and_the_stamp_says_when_and_by_whom",),
    ),
    Mutant(
        "gaps-in-the-log",
        "An entry can be missing in the middle of the log.",
        (Edit(GUARDS, "IF hi - lo + 1 <> added OR lo <> COALESCE(before, -1) + 1 THEN", "IF false THEN"),),
        (LOG_TESTS + "test_a_gap_in_the_log_is_refused",),
    ),
    Mutant(
        "false-links-are-taken",
        "The database takes an entry that follows none.",
        (Edit(GUARDS, "p.hash IS DISTINCT FROM f.prev LIMIT 1", "false LIMIT 1"),),
        (LOG_TESTS + "test_an_entry_that_does_not_follow_its_predecessor_is_refused",),
    ),
    Mutant(
        "failed-left-without-an-entry",
        "A run leaves FAILED and the log does not say who or what moved it.",
        (
            Edit(
                "runs/migrations/0003_commands.py",
                "WHEN (OLD.status = 'FAILED' AND NEW.status <> 'FAILED')",
                "WHEN (OLD.status = 'FAILED' AND NEW.status = 'none')",
            ),
        ),
        (RUN_TESTS + "test_failed_is_left_only_with_an_entry_that_says_why",),
    ),
    Mutant(
        "an-ended-run-begins-again",
        "A run that has ended can be made ready by hand.",
        (Edit(RUN_GUARDS, "IF OLD.status IN ('COMPLETED', 'STOPPED') AND", "IF false AND"),),
        (RUN_TESTS + "test_an_ended_run_stays_as_its_log_says",),
    ),
    Mutant(
        "a-status-without-an-entry",
        "A run's status changes and its chain does not grow.",
        (Edit(RUN_GUARDS, "IF NEW.status <> OLD.status AND NEW.n = OLD.n THEN", "IF false THEN"),),
        ("tests/functional/test_guards_sends.py::test_a_status_changes_only_with_an_entry",),
    ),
    Mutant(
        "an-intent-twice",
        "A step's attempt can be intended twice.",
        (
            Edit(
                "runs/migrations/0001_initial.py",
                'fields=("run", "step", "visit", "attempt"), name="runs_intent_once"',
                'fields=("run", "step", "visit", "attempt", "id"), name="runs_intent_once"',
            ),
        ),
        (RUN_TESTS + "test_an_intent_is_never_changed_and_made_once",),
    ),
    Mutant(
        "limits-only-in-the-code",
        "The database takes a counter beyond its limit.",
        (
            Edit(
                "policies/migrations/0001_initial.py",
                'models.F("reserved"), "+", models.F("posted")',
                'models.F("reserved"), "*", models.F("posted")',
            ),
        ),
        (POLICY_TESTS + "test_a_counter_never_exceeds_its_limit",),
    ),
    Mutant(
        "consents-can-be-changed",
        "A recorded consent can be rewritten.",
        (
            Edit(
                "policies/migrations/0002_guards.py",
                'for table in ("consent", "policyversion")',
                'for table in ("policyversion",)',
            ),
        ),
        (POLICY_TESTS + "test_consent_is_append_only",),
    ),
]
