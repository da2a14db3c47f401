"""What a policy's recovery rules do about a failed send, and where they leave it to a person."""

from typing import Any

import pytest

from runs.engine import walk
from tests.unit.runs.driver import START_AT, Driver, make_plan

DONE = {"kind": "end", "result": "finished", "goal": True}
MAIL = {"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}}
RETRY = {"on": ["smtp_421", "rate_limited"], "action": "retry", "max_attempts": 3, "backoff_ticks": [60, 300]}
AGAIN = {"on": ["smtp_timeout_after_data"], "action": "redispatch", "max_attempts": 1, "backoff_ticks": [30]}
EVIDENCE = {"on": ["smtp_timeout_after_data"], "action": "resolve_on_evidence"}


def failed(code: str = "smtp_421", kind: str = "not_sent", **plan: Any) -> Driver:
    run = Driver(make_plan({"mail": MAIL, "done": DONE}, **plan))
    run.gate()
    run.outcome(kind, code=code)
    return run


def test_a_retry_is_recorded_after_the_failure_and_waits_for_its_backoff() -> None:
    run = failed()
    assert run.recover(START_AT, RETRY) == "PAUSED"
    assert run.types[-2:] == ["run.failed", "recovery.applied"]
    assert (run.state.reason, run.state.due) == ("recovery:smtp_421", START_AT + 60)
    applied = run.last("recovery.applied")
    assert applied == {
        "policy": {"key": "outreach", "hash": "aa" * 32},
        "rule": 0,
        "on": "smtp_421",
        "action": "retry",
        "attempt": 1,
        "until": START_AT + 60,
        "label": "",
        "key_ttl_s": 0,
    }


def test_a_retry_passes_the_whole_gate_with_a_new_intent() -> None:
    run = failed()
    run.recover(START_AT, RETRY)
    assert run.gate() == "DISPATCHING"
    assert run.last("send.intended")["attempt"] == 2
    assert "may_duplicate_of" not in run.last("send.intended")


def test_the_last_backoff_is_repeated_and_after_the_last_attempt_the_rule_gives_up_on_the_record() -> None:
    run = failed()
    waits = []
    for _ in range(3):
        at = run.now if run.state.due else START_AT
        run.recover(at, RETRY)
        waits.append((run.state.due or 0) - at)
        run.gate()
        run.outcome("not_sent", at=run.state.moment, code="smtp_421")
    assert waits == [60, 300, 300]
    assert run.recover(START_AT + 900, RETRY) == "FAILED"
    assert run.last("recovery.exhausted")["attempts"] == 3
    assert run.choice(START_AT + 900, RETRY) is None


def test_an_operators_retry_lets_the_rules_begin_anew() -> None:
    run = failed()
    run.recover(START_AT, RETRY | {"max_attempts": 1})
    run.gate()
    run.outcome("not_sent", at=START_AT + 60, code="smtp_421")
    run.recover(START_AT + 60, RETRY | {"max_attempts": 1})
    assert run.state.exhausted
    run.command("retry", START_AT + 90)
    run.gate()
    run.outcome("not_sent", at=START_AT + 90, code="smtp_421")
    assert run.recover(START_AT + 90, RETRY | {"max_attempts": 1}) == "PAUSED"


@pytest.mark.parametrize("code", ["smtp_auth_failed", "stale"])
def test_a_failure_no_rule_names_is_left_to_a_person(code: str) -> None:
    assert failed(code).choice(START_AT, RETRY) is None


def test_a_rule_for_another_channel_does_not_apply() -> None:
    assert failed().choice(START_AT, RETRY | {"channels": ["voice"]}) is None


def test_nothing_of_unknown_fate_is_ever_retried_whatever_a_rule_says() -> None:
    run = failed("smtp_timeout_after_data", "unknown")
    wrong = RETRY | {"on": ["smtp_timeout_after_data"]}
    assert run.choice(START_AT, wrong) is None
    with pytest.raises(walk.IllegalMove, match="no recovery rule"):
        run.recover(START_AT, wrong)


def test_a_redispatch_needs_a_key_that_still_lives_when_it_is_due() -> None:
    run = failed("smtp_timeout_after_data", "unknown")
    assert run.choice(START_AT, AGAIN) is None
    assert run.choice(START_AT, AGAIN, key_ttl_s=89) is None
    assert run.choice(START_AT, AGAIN, key_ttl_s=90) is not None


def test_a_redispatch_by_rule_sends_the_same_message_under_the_same_key() -> None:
    run = failed("smtp_timeout_after_data", "unknown")
    first = run.state.intent
    assert run.recover(START_AT, AGAIN, key_ttl_s=600) == "PAUSED"
    assert run.gate() == "DISPATCHING"
    assert run.last("send.redispatched")["intent"] == first
    assert run.outcome("accepted", at=START_AT + 30) == "COMPLETED"


def test_evidence_resolves_a_run_along_what_it_proves_where_a_rule_says_so() -> None:
    run = failed("smtp_timeout_after_data", "unknown")
    assert run.choice(START_AT, EVIDENCE) is None
    run.event("delivered", START_AT + 20, step="mail")
    assert run.recover(START_AT + 20, EVIDENCE) == "COMPLETED"
    assert run.last("recovery.applied")["label"] == "sent"
    assert run.types[-3:] == ["recovery.applied", "step.completed", "run.completed"]


def test_evidence_comes_before_a_redispatch() -> None:
    run = failed("smtp_timeout_after_data", "unknown")
    run.event("delivered", START_AT + 20, step="mail")
    found = run.choice(START_AT + 20, AGAIN, EVIDENCE, key_ttl_s=600)
    assert found is not None
    assert found.action == "resolve_on_evidence"


def test_a_denial_is_not_for_recovery_rules() -> None:
    run = Driver(make_plan({"mail": MAIL, "done": DONE}))
    run.gate(consent={"status": "unknown", "version": 0, "kind": ""})
    assert run.choice(START_AT, RETRY | {"on": ["consent"]}) is None


def test_an_exit_that_is_due_is_taken_instead_of_waiting_for_the_retry() -> None:
    replied = [{"when": {"op": "event_seen", "event": "replied"}, "goto": "done"}]
    run = failed(exit_on=replied)
    run.event("replied", START_AT, step="mail")
    assert run.recover(START_AT, RETRY) == "COMPLETED"
