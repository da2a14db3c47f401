"""The world of a soak with real processes: policies, plans whose waits take seconds, and people to write to.

`python -m tests.soak.world` makes it in an empty database, before anything is killed.
"""

from typing import Any

import django

django.setup()

from channels.kinds import CERTAIN, UNKNOWN, Failure  # noqa: E402 (settings must be there first)
from tests.factories import (  # noqa: E402
    BLOCKED,
    DONE,
    WHOLE_WEEK,
    make_contact,
    make_plan,
    make_policy,
    make_template,
)

PEOPLE = 120
PLANS = ("two-mails", "reply", "calls", "counted", "recovering")
TIGHT = (40, 60, 90)  # the daily limits that the policy `tight` has in turn
# Busy, and could not be placed: the sandbox tells both within seconds. Refused, and not reached in time.
BEHAVIOURS = ("0193", "0193", "0195", "0196", "0197")
MAIL: dict[str, Any] = {"kind": "send_email", "template": "hello@1"}
PAUSE: dict[str, Any] = {"kind": "wait", "seconds": 2}
GAVE_UP = {"kind": "end", "result": "gave_up", "goal": False}
CODES_OF_CALLS = {code for code in Failure if code.startswith("call_")}


def limits(policy: str, mails: int) -> list[dict[str, Any]]:
    return [
        {"key": f"{policy}-mails", "channel": "email", "limit": mails},
        {"key": f"{policy}-calls", "channel": "voice", "limit": 100_000},
    ]


def publish_tight(mails: int) -> None:
    """Publish the policy of the plan `counted` with another daily limit."""
    make_policy("tight", daily_limits=limits("tight", mails), calling_hours=HOURS)


HOURS = [{"channels": ["voice"], "purposes": ["marketing"], "windows": WHOLE_WEEK}]


def make_policies() -> None:
    make_policy("open", daily_limits=limits("open", 100_000), calling_hours=HOURS)
    publish_tight(TIGHT[0])
    certain = [str(code) for code in CERTAIN if code not in CODES_OF_CALLS]
    unknown = [str(code) for code in UNKNOWN]
    recovery = [
        {"on": certain, "action": "retry", "max_attempts": 3, "backoff_ticks": [1, 3]},
        {"on": unknown, "action": "resolve_on_evidence"},
    ]
    make_policy("recovering", daily_limits=limits("recovering", 100_000), calling_hours=HOURS, recovery=recovery)


def make_plans() -> None:
    opened = {"name": "yes", "when": {"op": "event_seen", "event": "opened", "of": "mail"}, "goto": "done"}
    two_mails = {
        "mail": MAIL | {"on": {"sent": "pause"}},
        "pause": PAUSE | {"on": {"completed": "looked"}},
        "looked": {"kind": "branch", "cases": [opened], "else": {"name": "no", "goto": "again"}},
        "again": MAIL | {"on": {"sent": "done"}},
        "done": DONE,
    }
    reply = {
        "mail": MAIL | {"on": {"sent": "await", "blocked": "blocked"}},
        "await": {
            "kind": "wait_for_event",
            "event": "replied",
            "of": "mail",
            "timeout_s": 6,
            "on": {"event": "done", "timeout": "again"},
        },
        "again": MAIL | {"on": {"sent": "gave-up", "blocked": "blocked"}},
        "done": DONE,
        "gave-up": GAVE_UP,
        "blocked": BLOCKED,
    }
    results = dict.fromkeys(("answered", "no_answer", "busy", "voicemail"), "pause")
    calls = {
        "call": {"kind": "call", "template": "script@1", "on": results | {"blocked": "mail"}},
        "pause": PAUSE | {"on": {"completed": "mail"}},
        "mail": MAIL | {"on": {"sent": "done", "blocked": "blocked"}},
        "done": DONE,
        "blocked": BLOCKED,
    }
    make_plan("two-mails", two_mails)
    make_plan("reply", reply)
    make_plan("calls", calls)
    make_plan("counted", {"mail": MAIL | {"on": {"sent": "done"}}, "done": DONE}, policy="tight")
    make_plan("recovering", two_mails, policy="recovering")


def main() -> None:
    """Make everything."""
    make_policies()
    make_template()
    make_template("script", "voice", "Hello {{ first_name }}.")
    make_plans()
    for n in range(PEOPLE):
        phone = f"+1212{200 + n}{BEHAVIOURS[n % len(BEHAVIOURS)]}"
        make_contact(f"c-{n}", email=f"c-{n}@example.org", phone=phone, zone="UTC")


if __name__ == "__main__":
    main()
