"""The stories of the golden corpus. One that is recorded is never changed: tell another one instead.

A new kind of step, input or entry gets a story here, a line in STORIES, and `python -m tests.golden.record`.
"""

from collections.abc import Callable

from tests.golden.telling import POLICY, START_AT, Telling

DONE = {"kind": "end", "result": "finished", "goal": True}
STOP = {"kind": "end", "result": "stopped"}
BLOCKED = {"kind": "end", "result": "blocked"}
MAIL = {"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}}
CALL = {
    "kind": "call",
    "template": "intro@1",
    "on": {"answered": "done", "no_answer": "done", "busy": "stop", "voicemail": "stop", "blocked": "barred"},
}
ENDS = {"done": DONE, "stop": STOP, "barred": BLOCKED}
NARROW = [{"days": [1, 2, 3, 4, 5], "from": "11:00", "to": "18:00"}]


def overview() -> Telling:
    """The plan of the overview: mail, three days, nobody opened it, call, answered; later a complaint."""
    opened = {"op": "event_seen", "event": "opened", "of": "welcome-email"}
    told = Telling(
        {
            "welcome-email": MAIL | {"on": {"sent": "wait-3-days"}},
            "wait-3-days": {"kind": "wait", "seconds": 259_200, "on": {"completed": "check-open"}},
            "check-open": {
                "kind": "branch",
                "cases": [{"name": "yes", "when": opened, "goto": "done"}],
                "else": {"name": "no", "goto": "call-1"},
            },
            "call-1": CALL,
            **ENDS,
        }
    )
    told.send()
    told.event("delivered", 3, step="welcome-email")
    told.event("opened", 1, step="welcome-email", machine_made=True)
    told.timer()
    told.send()
    told.event("answered", 40)
    told.event("complained", 600, step="welcome-email")
    return told


def held_by_policies() -> Telling:
    """A switch, the calling hours and a full day hold a call; then a voided intent, and a busy line."""
    hours = [{"channels": ["voice"], "purposes": ["marketing"], "windows": NARROW}]
    calls = [{"key": "call-day", "channel": "voice", "limit": 10}]
    told = Telling({"call": CALL, **ENDS}, policy={"calling_hours": hours, "daily_limits": calls})
    told.gate(kill=[{"scope": "channel", "key": "voice"}])
    told.gate()
    zones = [{"name": "Europe/Berlin", "offset_s": 3600, "weekday": 5, "minute": 660}]
    inside = {"applies": True, "windows": NARROW, "zones": zones, "opens_at": told.now}
    counters = [counter | {"used": 10} for counter in told.facts(told.now)["counters"] if counter["rule"] != "budget"]
    budget = [counter for counter in told.facts(told.now)["counters"] if counter["rule"] == "budget"]
    told.gate(hours=inside, counters=[*counters, *budget])
    told.gate(later=30, hours=inside)
    told.void("kill_switch")
    told.gate(hours=inside)
    told.event("busy", 0)
    told.outcome()
    return told


def refused_and_resolved() -> Telling:
    """Refused, retried under another policy, lost, resolved by an operator; the next call is barred by consent."""
    told = Telling({"mail": MAIL | {"on": {"sent": "call"}}, "call": CALL, **ENDS})
    told.send(kind="not_sent", code="smtp_recipient_refused")
    told.publish(POLICY | {"prices": {"email": 900, "voice": 80_000}})
    told.command("retry")
    told.send(kind="unknown", code="smtp_timeout_after_data")
    told.command("resolve", label="sent")
    told.gate(consent={"status": "revoked", "version": 2, "kind": ""})
    return told


def cancelled() -> Telling:
    """Nothing may be sent under this plan, so it fails; then an operator cancels it."""
    told = Telling({"mail": MAIL, **{"done": DONE}})
    told.gate(suppressions=[{"id": 7, "scope": "global", "reason": "dnc"}])
    told.command("cancel")
    return told


def waiting_for_events() -> Telling:
    """One event comes in time, one was there before, one never comes; each end of a wait has its own way."""
    wait = {"kind": "wait_for_event", "event": "replied", "timeout_s": 86_400, "of": "mail"}
    told = Telling(
        {
            "mail": MAIL | {"on": {"sent": "reply"}},
            "reply": wait | {"on": {"event": "again", "timeout": "stop"}},
            "again": wait | {"on": {"event": "click", "timeout": "stop"}},
            "click": wait | {"event": "clicked", "on": {"event": "done", "timeout": "stop"}},
            "done": DONE,
            "stop": STOP,
        }
    )
    told.send()
    told.event("replied", 100, step="mail")
    told.timer()
    return told


def opted_out_on_the_way() -> Telling:
    """Somebody unsubscribes while the next mail is on its way; it counts as soon as that is settled."""
    told = Telling({"first": MAIL | {"on": {"sent": "second"}}, "second": MAIL, "done": DONE})
    told.send()
    told.gate()
    told.event("unsubscribed", 0, step="first")
    told.outcome("delivered")
    return told


def left_by_an_exit() -> Telling:
    """A bounce leads out of a wait, into a mail whose text names an attribute nobody set; it is mended and sent."""
    told = Telling(
        {
            "mail": MAIL | {"on": {"sent": "wait"}},
            "wait": {"kind": "wait", "seconds": 3600, "on": {"completed": "done"}},
            "again": MAIL | {"on": {"sent": "stop"}},
            "done": DONE,
            "stop": STOP,
        },
        exit_on=[{"when": {"op": "event_seen", "event": "bounced_hard"}, "goto": "again"}],
        attrs={"score": 7, "tier": "gold"},
    )
    told.send()
    told.event("bounced_hard", 5, step="mail")
    told.gate(error="attr_nickname")
    told.command("retry")
    told.send(kind="delivered")
    return told


def nobody_told_the_result() -> Telling:
    """A call is accepted and never heard of again; an operator says what came of it."""
    told = Telling({"call": CALL, **ENDS})
    told.send()
    told.timer()
    told.command("resolve", label="no_answer")
    return told


def faults() -> Telling:
    """The core meets an error before a send, and again while a message is on its way."""
    told = Telling({"mail": MAIL, "done": DONE})
    told.fault()
    told.command("retry")
    told.gate()
    told.fault("KeyError")
    told.command("cancel")
    return told


def bounds() -> Telling:
    """A plan that goes round and round ends at its bound on steps."""
    again = {"op": "visits_ge", "step": "wait", "count": 40}
    told = Telling(
        {
            "wait": {"kind": "wait", "seconds": 60, "on": {"completed": "often"}},
            "often": {
                "kind": "branch",
                "cases": [{"name": "enough", "when": again, "goto": "done"}],
                "else": {"name": "again", "goto": "wait"},
            },
            "done": DONE,
        },
        limits={"max_steps": 5, "max_duration_s": 86_400},
    )
    for _ in range(3):
        told.timer()
    return told


def by_the_contacts_clock() -> Telling:
    """Wait for nine o'clock, take an arm by hash, and record an opt-out without having sent."""
    told = Telling(
        {
            "morning": {"kind": "wait_until", "time": "09:00", "days": [1, 2, 3], "on": {"completed": "arms"}},
            "arms": {
                "kind": "split",
                "arms": [{"name": "a", "weight": 1, "goto": "out"}, {"name": "b", "weight": 3, "goto": "out"}],
            },
            "out": {"kind": "record_opt_out", "channels": ["email", "voice"], "on": {"recorded": "evening"}},
            "evening": {"kind": "wait_until", "time": "18:00", "on": {"completed": "done"}},
            "done": DONE,
        }
    )
    told.resolve_time(START_AT + 7200)
    told.timer()
    told.resolve_time(told.now)
    return told


def nobody_knows_the_zone() -> Telling:
    """A time of a contact whose clock nobody knows: the run fails, and an operator skips the step."""
    wait = {"kind": "wait_until", "time": "09:00", "on": {"completed": "done"}}
    told = Telling({"morning": wait, "done": DONE})
    told.resolve_time(None, "")
    told.command("skip", label="completed")
    return told


def tasks() -> Telling:
    """A person does the first task, and nobody the second."""
    ask = {"kind": "task", "title": "Look at the contract", "timeout_s": 3600}
    told = Telling(
        {
            "ask": ask
            | {"on": {"fine": "check", "wrong": "stop", "timeout": "stop"}, "instructions": "Page 3.\nSign."},
            "check": ask | {"on": {"fine": "done", "timeout": "stop"}},
            "done": DONE,
            "stop": STOP,
        }
    )
    told.command("complete_task", label="fine")
    told.timer()
    return told


def held() -> Telling:
    """An operator holds a send, a wait whose end comes meanwhile, and a wait for an event that comes meanwhile."""
    wait = {"kind": "wait_for_event", "event": "replied", "timeout_s": 86_400}
    told = Telling(
        {
            "mail": MAIL | {"on": {"sent": "pause"}},
            "pause": {"kind": "wait", "seconds": 600, "on": {"completed": "reply"}},
            "reply": wait | {"on": {"event": "more", "timeout": "stop"}},
            "more": {"kind": "wait", "seconds": 600, "on": {"completed": "done"}},
            "done": DONE,
            "stop": STOP,
        }
    )
    told.command("hold")
    told.command("release")
    told.send()
    told.command("hold")
    told.command("release", 900)
    told.command("hold")
    told.event("replied", 30, step="mail")
    told.command("release")
    told.command("hold")
    told.command("release", 30)
    told.timer()
    return told


def sent_again_on_purpose() -> Telling:
    """A replaced engine reports that a lost mail never left, so it is retried; lost again, it is sent again on purpose.

    The last one may be a duplicate and says so; that the one before it had left is learnt meanwhile.
    """
    told = Telling({"mail": MAIL, "done": DONE})
    told.send(kind="unknown", code="outcome_lost")
    told.report("not_sent", "smtp_recipient_refused")
    told.command("retry")
    told.send(kind="unknown", code="smtp_timeout_after_data")
    told.command("send_again")
    told.send(kind="unknown", code="smtp_dropped_after_data")
    told.event("opened", 30)
    told.command("resolve", label="sent")
    return told


def dispatched_again() -> Telling:
    """The adapter knows the message by its key, so the very same one leaves again; refused once, then delivered."""
    told = Telling({"mail": MAIL, "done": DONE})
    told.send(kind="unknown", code="outcome_lost")
    told.command("redispatch", key_ttl_s=86_400)
    told.gate(consent={"status": "revoked", "version": 2, "kind": ""})
    told.command("redispatch", key_ttl_s=86_400)
    told.gate()
    told.void("suppression")
    told.command("redispatch", key_ttl_s=86_400)
    told.send(kind="delivered")
    return told


def recovered_by_rules() -> Telling:
    """A rule retries twice and gives up; an operator retries; another rule dispatches a lost message again."""
    rules = [
        {"on": ["rate_limited"], "action": "retry", "max_attempts": 2, "backoff_ticks": [60, 300]},
        {"on": ["outcome_lost"], "action": "redispatch", "max_attempts": 1, "backoff_ticks": [30]},
        {"on": ["smtp_timeout_after_data", "outcome_lost"], "action": "resolve_on_evidence"},
    ]
    told = Telling({"mail": MAIL | {"on": {"sent": "again"}}, "again": MAIL, "done": DONE}, policy={"recovery": rules})
    for _ in range(3):
        told.send(kind="not_sent", code="rate_limited")
        told.recover()
    told.command("retry")
    told.send(kind="unknown", code="outcome_lost")
    told.recover(86_400)
    told.send()
    told.send(kind="unknown", code="smtp_timeout_after_data")
    told.event("delivered", 90)
    told.recover()
    return told


def asked_at_the_gate() -> Telling:
    """A condition is asked with the newest facts: a mail nobody opened is not followed by the next; one is stale."""
    opened = {"op": "event_seen", "event": "opened", "of": "first"}
    told = Telling(
        {
            "first": MAIL | {"on": {"sent": "second"}, "max_lateness_s": 600},
            "second": MAIL | {"require": opened, "on": {"sent": "done", "blocked": "third"}},
            "third": MAIL | {"require": {"op": "not", "arg": opened}, "max_lateness_s": 60},
            "done": DONE,
        }
    )
    told.send()
    told.gate()
    told.gate(later=61)
    told.command("retry")
    told.event("opened", 1, step="first")
    told.gate()
    return told


STORIES: dict[str, Callable[[], Telling]] = {
    story.__name__.replace("_", "-"): story
    for story in (
        overview,
        held_by_policies,
        refused_and_resolved,
        cancelled,
        waiting_for_events,
        opted_out_on_the_way,
        left_by_an_exit,
        nobody_told_the_result,
        faults,
        bounds,
        by_the_contacts_clock,
        nobody_knows_the_zone,
        tasks,
        held,
        sent_again_on_purpose,
        dispatched_again,
        recovered_by_rules,
        asked_at_the_gate,
    )
}
