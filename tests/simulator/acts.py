"""What do people, pages, operators and providers do in a story?"""

import json
from collections.abc import Callable
from typing import Any

from django.db import OperationalError

from plans import operations as plan_operations
from policies import operations as policy_operations
from policies import publishing
from runs import operations
from runs.engine import transitions
from runs.models import Run
from tests.simulator.faults import Crash
from tests.simulator.making import DAY, HOUR
from tests.simulator.providers import body
from tests.simulator.story import Story

Act = Callable[[Story], None]
EVENTS = ("opened", "clicked", "replied", "delivered", "answered", "busy", "failed", "auto_reply")
NEAR = (0, 0, 0, 0, -1, 1, -15, -7, 7, 15)


def uuid(story: Story) -> str:
    return f"00000000-0000-4000-8000-{int(story.name('')):012d}"


def page(story: Story, do: Callable[[], Any]) -> None:
    """Let a person use a page: their transaction may be lost too, and they try once more."""
    story.acting = "a page"
    for _ in range(2):
        try:
            do()
            return
        except Crash:
            story.world.connection.forget()
        except OperationalError:
            story.seen["a page met an error of the database"] += 1
        except (operations.Refused, policy_operations.Refused, plan_operations.Refused):
            story.seen["refused on a page"] += 1
            return


# Inputs


def enrol(story: Story) -> None:
    refs = story.rng.sample(story.made.refs, story.rng.randint(1, len(story.made.refs)))
    plan, again = story.rng.choice(story.made.plans), story.rng.choice(("", "", "b", "c"))
    page(story, lambda: operations.enrol(plan_key=plan, contact_refs=refs, actor="cli", again=again))


def some_run(story: Story, *statuses: str) -> dict[str, Any] | None:
    runs = [row for row in story.world.rows("runs_run") if not statuses or row["status"] in statuses]
    return story.rng.choice(runs) if runs else None


def command(story: Story) -> None:
    """An operator gives a command that the page offers; at times too late, twice, or two people do at once."""
    rng = story.rng
    names = list(transitions.Command)
    rng.shuffle(names)
    names = rng.choice(([], [transitions.Command.COMPLETE_TASK])) + names  # few runs wait for a person
    rows = [row for row in story.world.rows("runs_run") if row["status"] not in transitions.FINAL]
    rng.shuffle(rows)
    for name in names:
        for row in rows[:6]:
            if operations.refusal_of(Run.objects.get(no=row["no"]), name) is None:
                give(story, row, name)
                if rng.random() < 0.15:
                    give(story, row, rng.choice(names))  # somebody else does something too
                return


def give(story: Story, row: dict[str, Any], name: str) -> None:
    rng = story.rng
    labels = operations.labels_of(Run.objects.get(no=row["no"])) or ("sent",)
    given = {
        "run_no": row["no"],
        "command": str(name),
        "expected_n": row["n"] - (rng.random() < 0.1),
        "command_id": uuid(story),
        "actor": rng.choice(("user:1", "user:2")),
        "note": "Mrs Quince rang us",
        "label": rng.choice(labels) if name in transitions.LABELLED else "",
        "confirmation": f"run-{row['no']}",
    }
    for _ in range(rng.choice((1, 1, 2))):
        page(story, lambda: operations.send_command(**given))


def any_command(story: Story) -> None:
    """Something that is not the page gives any command to any run: the engine has to refuse what is not legal."""
    row, rng = some_run(story), story.rng
    if row is None:
        return
    name = rng.choice([*transitions.Command, "explode"])
    label = rng.choice(("sent", "answered", "good", "timeout", "", "nonsense"))
    given = {"command": str(name), "run": row["no"], "expected_n": row["n"], "actor": "user:2", "note": None}
    story.put(source="command", external_id=uuid(story), kind="command", body={**given, "label": label})


def release(story: Story) -> None:
    held = [row for row in story.world.rows("runs_run") if row["reason"] == "held"]
    if held:
        give(story, story.rng.choice(held), "release")


def intents(story: Story) -> list[dict[str, Any]]:
    return list(story.world.rows("runs_intent"))


def event(story: Story) -> None:
    """A provider tells something: of an intent of ours or of none, once or many times, in or out of order."""
    rng, known = story.rng, intents(story)
    kind = rng.choice((*EVENTS * 3, "unsubscribed", "complained", "bounced_hard", "levitated"))
    intent = rng.choice(known)["id"] if known and rng.random() < 0.9 else f"{rng.getrandbits(128):032x}"
    row, name = body(kind, intent, machine=rng.random() < 0.15), story.name("e")
    for _ in range(rng.choice((1, 1, 2, 5))):
        story.put(source="hook:p", external_id=name, kind="event", body=row)


def event_near_its_deadline(story: Story) -> None:
    """What a run waits for comes around its last second: in it, just before or just after."""
    rng = story.rng
    waiting = [row for row in story.world.rows("runs_run") if row["reason"] in ("event", "result", "held")]
    sent = {each["run_id"] for each in intents(story)}
    rows = [row for row in waiting if row["no"] in sent]
    if not rows:
        return
    row = rng.choice(rows)
    intent = rng.choice([i["id"] for i in intents(story) if i["run_id"] == row["no"]])
    state = json.loads(row["state"])
    due = row["due_at"] or state.get("held_due") or story.now
    kind = awaited(story, row) or rng.choice(EVENTS)
    name = story.name("d")

    def tell() -> None:
        story.put(source="hook:p", external_id=name, kind="event", body=body(kind, intent))

    story.at(max(story.now, due + rng.choice(NEAR)), tell)


def awaited(story: Story, row: dict[str, Any]) -> str:
    """Return the event a run waits for, or the empty string."""
    found = [
        json.loads(each["body"])["data"]["event"]
        for each in story.world.rows("audit_entry")
        if each["st"] == f"run/{row['no']}" and each["type"] == "step.waiting"
    ]
    return found[-1] if found else ""


def delivered_again(story: Story) -> None:
    rows = [row for row in story.world.rows("runs_inbox") if row["kind"] == "event" and row["source"] != "odd"]
    if rows:
        row = story.rng.choice(rows)
        story.put(source=row["source"], external_id=row["external_id"], kind="event", body=json.loads(row["body"]))


def before_its_reaction(story: Story) -> None:
    """A sandbox's event comes by a webhook too, before its second has come."""
    told = [row for row in story.world.rows("channels_reaction") if not row["released"]]
    if told:
        row = story.rng.choice(told)
        story.put(source=row["source"], external_id=row["external_id"], kind="event", body=json.loads(row["body"]))


def odd_input(story: Story) -> None:
    kind = story.rng.choice(("event", "command", "run.start", "report"))
    text = story.rng.choice(("[", "[]", '{"run":"abc"}', '{"run":true,"intent":{}}', '{"run":1e5}', '"\\ud800"'))
    story.database["runs_inbox"].insert({"source": "odd", "external_id": story.name("o"), "kind": kind, "body": text})


def late_visible(story: Story) -> None:
    """A row that was received a while ago becomes visible only now: its transaction took long."""
    known = intents(story)
    if known:
        at = story.database.read_clock()
        row = body(story.rng.choice(EVENTS), story.rng.choice(known)["id"])
        source, name = "hook:slow", story.name("s")

        def show() -> None:
            story.database["runs_inbox"].insert(
                {"source": source, "external_id": name, "kind": "event", "body": json.dumps(row), "received_at": at}
            )

        story.at(story.now + story.rng.choice((1, 30, 300)), show)


def quick_event(story: Story) -> None:
    """A provider is quicker than our own record: the event of a message whose outcome is not written yet."""
    going = [row["no"] for row in story.world.rows("runs_run") if row["status"] == "DISPATCHING"]
    mine = [row["id"] for row in intents(story) if row["run_id"] in going]
    if mine:
        kind = story.rng.choice(("answered", "busy", "failed", "delivered", "replied", "unsubscribed"))
        name = story.name("q")
        row = body(kind, story.rng.choice(mine))
        story.put(source="hook:p", external_id=name, kind="event", body=row)
        story.seen["an event while its message is on its way"] += 1


def seen_late(story: Story) -> None:
    """An input that becomes visible while the engine is reading, with the time at which its transaction began."""
    known = intents(story)
    if not known:
        return
    row, name = body(story.rng.choice(EVENTS), story.rng.choice(known)["id"]), story.name("v")

    def show(story: Story) -> None:
        story.database["runs_inbox"].insert(
            {"source": "hook:p", "external_id": name, "kind": "event", "body": json.dumps(row)}
        )
        story.seen["an input while the engine reads"] += 1

    story.between = show


# Pages


def withdraw(story: Story) -> None:
    contact, channel = story.made.contact(), story.rng.choice(("email", "voice"))
    said = {"channel": channel, "purpose": "marketing", "source": "phone"}
    page(story, lambda: policy_operations.revoke_consent(actor="user:3", contact=contact, **said))


def grant(story: Story) -> None:
    contact, channel = story.made.contact(), story.rng.choice(("email", "voice"))
    more = {"purpose": "marketing", "kind": "express", "source": "web form", "proof": "form of Mrs Quince"}
    page(
        story,
        lambda: policy_operations.record_consent(actor="user:3", contact=contact, channel=channel, **more),
    )


def suppress(story: Story) -> None:
    rng, contact = story.rng, story.made.contact()
    scope = rng.choice(("global", "channel", "plan"))
    addresses = [address for address in (contact.email, contact.phone) if address]
    more: dict[str, Any] = {"plan_key": rng.choice(story.made.plans)} if scope == "plan" else {}
    if rng.random() < 0.5:
        more["expires_at"] = story.now + rng.choice((1, HOUR, DAY))
    if addresses:
        address = rng.choice(addresses)
        page(
            story,
            lambda: policy_operations.add_suppression(
                actor="user:3", address=address, scope=scope, reason="manual", **more
            ),
        )


def lift(story: Story) -> None:
    page(story, story.made.lift_some)


def switch(story: Story) -> None:
    """Sending is stopped, and let go after a while; shortly, for who is held asks again every quarter of an hour."""
    scope = story.rng.choice(("global", "channel", "plan"))
    which = {"scope": scope, "key": {"global": "", "channel": "email", "plan": story.made.plans[0]}[scope]}
    page(story, lambda: publishing.engage_kill_switch(actor="user:3", reason="stop", **which))
    later = story.now + story.rng.choice((1, 60, HOUR))
    story.at(later, lambda: page(story, lambda: publishing.release_kill_switch(actor="user:3", reason="over", **which)))


def change_contact(story: Story) -> None:
    rng, contact = story.rng, story.made.contact()
    change: dict[str, Any] = rng.choice(
        (
            {"first_name": f"Zebulon{rng.randint(10, 99)}"},
            {"email": f"quince.{rng.randint(10, 99)}@example.org"},
            {"zone": rng.choice(("Europe/Berlin", "America/New_York", ""))},
            {"phone": ""},
            {"state": "closed"},
            {"state": "active"},
        )
    )
    page(story, lambda: policy_operations.update_contact(actor="user:3", ref=contact.ref, **change))


def new_policy(story: Story) -> None:
    page(story, story.made.publish_policy)


def new_version(story: Story) -> None:
    key = story.rng.choice(story.made.plans)
    page(story, lambda: story.made.install(key))


def retire(story: Story) -> None:
    """A plan is retired, and comes back as another version."""
    key = story.rng.choice(story.made.plans)
    page(story, lambda: plan_operations.retire_plan(plan_key=key, actor="user:4", note="over"))
    story.at(story.now + story.rng.choice((1, 60, HOUR)), lambda: page(story, lambda: story.made.install(key)))


def confirm(story: Story) -> None:
    page(story, lambda: operations.confirm_clock(actor="user:1"))


def drive(story: Story) -> None:
    """The sandbox clock is driven by hand, to what comes next or by some time; real channels refuse it."""
    seconds = story.rng.choice((None, 1, 60, HOUR))
    page(story, lambda: operations.advance_clock(actor="user:1", seconds=seconds))
