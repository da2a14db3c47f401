"""Why a run stands where it stands: every status and every reason has a sentence, and says who has to do what."""

import pytest

from channels.kinds import Failure
from policies.rules.values import Code
from runs.engine.transitions import NOT_SENT, Status
from runs.showing import reasons

LATER = ("no_result", "engine_fault", "key_expired", "message_changed", "policy_denied", "render_failed", "voided")
FAILURES = [
    *(f"step_failed:{code}" for code in Failure if code.certain),
    "step_failed:stale",
    *(f"unknown_outcome:{code}" for code in (*Failure, *LATER, "stale")),
    "policy_denied:consent",
    "policy_denied:require",
    "render_failed:voucher",
    "engine_fault:KeyError",
    "zone_unknown",
    "step_limit",
    "duration_limit",
    "something:new",
]


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_sentence_and_a_colour(status: Status) -> None:
    said = reasons.standing(status, "step_limit" if status == "FAILED" else "rule:code", "mail")

    assert said.level in ("ok", "bad", "warn", "info", "muted")
    assert said.head and said.why and said.need


@pytest.mark.parametrize("reason", FAILURES)
def test_every_failure_says_where_why_and_what_is_needed(reason: str) -> None:
    said = reasons.standing("FAILED", reason, "mail")

    assert said.head == "Stopped at mail:"
    assert said.why.endswith(".") and "_" not in said.why
    assert said.need.endswith(".")
    assert reasons.cause(reason) == said.why.rstrip(".")


@pytest.mark.parametrize("reason", [reason for reason in FAILURES if reason.startswith("unknown_outcome")])
def test_a_retry_is_never_spoken_of_where_nobody_knows_whether_it_left(reason: str) -> None:
    said = reasons.standing("FAILED", reason, "mail")

    assert "a retry is not offered" in said.need
    assert (
        "Nobody knows" in said.why
        or "may have arrived" in said.why
        or "under its key" in said.why
        or ("the kept message is not the one" in said.why)
    )


def test_a_later_failure_does_not_make_the_first_message_certain() -> None:
    said = reasons.standing("FAILED", "unknown_outcome:smtp_recipient_refused", "mail")

    assert said.why == (
        "An earlier message of this step may have arrived; the latest try failed: "
        "The mail server refused the recipient address."
    )


@pytest.mark.parametrize(("evidence", "need"), [("sent", "resolve it with that outcome"), (NOT_SENT, "can be retried")])
def test_what_became_known_opens_its_way_out(evidence: str, need: str) -> None:
    assert need in reasons.standing("FAILED", "unknown_outcome:outcome_lost", "mail", evidence).need


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("timer", "at mail for a time to come."),
        ("event", "at mail for an event, or for its timeout."),
        ("result", "at mail for the result of a call that was placed."),
        ("task", "for a person to do a task."),
    ],
)
def test_a_run_that_waits_says_for_what(reason: str, why: str) -> None:
    said = reasons.standing("WAITING", reason, "mail")

    assert said.why == why
    assert ("complete the task" in said.need) == (reason == "task") == (said.level == "warn")


@pytest.mark.parametrize(
    ("reason", "head", "why", "need", "short"),
    [
        ("held", "Held at mail:", "an operator holds it.", "somebody releases it", "An operator holds it"),
        (
            "recovery:rate_limited",
            "Trying mail again later:",
            "The provider refuses more messages for now; try later. A recovery policy tries again.",
            "nothing is needed from you",
            "A recovery policy tries again: The provider refuses more messages for now; try later",
        ),
        (
            "daily_limit:daily_limit",
            "Held by a daily limit at mail:",
            "the daily limit is used up.",
            "nothing is needed from you",
            "The daily limit is used up",
        ),
    ],
)
def test_a_run_that_is_paused_says_by_whom_and_until_when(
    reason: str, head: str, why: str, need: str, short: str
) -> None:
    said = reasons.standing("PAUSED", reason, "mail")

    assert (said.head, said.why.startswith(why), need in said.need) == (head, True, True)
    assert reasons.held(reason) == short


@pytest.mark.parametrize("code", [*(code for code in Code if code != Code.OK), "require_false"])
def test_every_code_of_a_rule_has_words(code: str) -> None:
    assert reasons.RULE_CODES[code]
    assert reasons.held(f"rule:{code}")[0].isupper()
