"""What people, pages, operators, providers and bad luck do in a story of `stories`."""

import json
import uuid

from audit.models import Head
from channels.models import Reaction
from policies import operations as policy_operations
from policies import publishing
from policies.models import Contact, KillSwitch, Suppression
from runs import inbox, operations
from runs.models import Engine, Inbox, Intent, Run
from tests.functional.random_plans import DAY, HOUR
from tests.functional.stories import CRASHES, Act, Story


def enrol(story: Story, _contact: Contact) -> None:
    refs = story.rng.sample(story.refs, story.rng.randint(1, len(story.refs)))
    again = story.rng.choice(("", "", "b", "c"))
    operations.enrol(plan_key=story.rng.choice(story.plans), contact_refs=refs, actor="cli", again=again)


def command(story: Story, _contact: Contact) -> None:
    """An operator acts on a run as they saw it, or as it was before; a double click counts once."""
    rng = story.rng
    runs = list(Run.objects.order_by("no"))
    failed = [run for run in runs if run.status == "FAILED" or run.reason in ("task", "held")]
    if not runs:
        return
    run = rng.choice(failed) if failed and rng.random() < 0.8 else rng.choice(runs)
    name = rng.choice(("retry", "resolve", "resolve", "cancel", "skip", "redispatch", "send_again", "hold", "hold"))
    if run.status == "PAUSED" and run.reason == "held":
        name = "release"
    elif run.reason.startswith("unknown_outcome"):
        name = rng.choice((name, "redispatch", "redispatch", "send_again"))
    elif run.reason == "task":
        name = rng.choice(("complete_task", "complete_task", "hold"))
    labels = operations.labels_of(run) or ("sent",)
    given = {
        "run_no": run.no,
        "command": name,
        "expected_n": run.n - (rng.random() < 0.2),
        "command_id": str(uuid.UUID(int=rng.getrandbits(128))),
        "actor": "user:1",
        "note": "Mrs Quince rang us",
        "label": rng.choice(labels),
        "confirmation": run.ref,
    }
    for _ in range(rng.choice((1, 1, 2))):
        try:
            operations.send_command(**given)
        except operations.Refused:
            story.seen["a command refused on the page"] += 1
    if rng.random() < 0.3:
        body = {"command": "cancel", "run": run.no, "expected_n": run.n, "actor": "user:2", "note": None}
        inbox.put(source="command", external_id=str(uuid.UUID(int=rng.getrandbits(128))), kind="command", body=body)


def event(story: Story, _contact: Contact) -> None:
    """A provider tells something: of an intent of ours or of none, once or twice, in or out of order."""
    rng = story.rng
    intent = story.intent() if rng.random() < 0.85 else None
    kind = rng.choice(
        [*("opened", "clicked", "replied", "answered", "busy", "failed") * 3, "unsubscribed", "complained"]
    )
    body = {"event": kind, "intent": intent or "0" * 32, "machine": rng.random() < 0.2}
    name = f"e-{rng.getrandbits(64)}"
    for _ in range(rng.choice((1, 1, 2))):
        inbox.put(source="hook:p", external_id=name, kind="event", body=body)


def quick_event(story: Story, contact: Contact) -> None:
    """A provider is quicker than our own record: the event of a message whose outcome is not written yet."""
    intent = Intent.objects.filter(run__contact=contact).order_by("id").last()
    if intent:
        kind = story.rng.choice(("answered", "busy", "failed", "delivered", "replied", "unsubscribed"))
        name = f"q-{story.rng.getrandbits(64)}"
        inbox.put(source="hook:p", external_id=name, kind="event", body={"event": kind, "intent": intent.id})


def webhook_before_reaction(story: Story, _contact: Contact) -> None:
    told = Reaction.objects.filter(released=False).order_by("id").first()
    if told:
        body = json.loads(told.body)
        inbox.put(source=told.source, external_id=told.external_id, kind="event", body=body)


def odd_row(story: Story, _contact: Contact) -> None:
    kind = story.rng.choice(("event", "command", "run.start"))
    body = story.rng.choice(("[", "[]", '{"run":"abc"}', '{"run":true,"intent":{}}', '{"run":1e5}', '"\\ud800"'))
    Inbox.objects.create(source="odd", external_id=f"{story.rng.getrandbits(64)}", kind=kind, body=body)


def withdraw(story: Story, contact: Contact) -> None:
    channel = story.rng.choice(("email", "voice"))
    policy_operations.revoke_consent(
        actor="user:3", contact=contact, channel=channel, purpose="marketing", source="phone"
    )


def grant(story: Story, contact: Contact) -> None:
    more = {"purpose": "marketing", "kind": "express", "source": "web form", "proof": "form of Mrs Quince"}
    channel = story.rng.choice(("email", "voice"))
    try:
        policy_operations.record_consent(
            actor="user:3", contact=contact, channel=channel, **more, at=Head.objects.get().clock
        )
    except policy_operations.Refused:
        story.seen["a withdrawal wins"] += 1


def suppress(story: Story, contact: Contact) -> None:
    scope = story.rng.choice(("global", "channel", "plan"))
    address = story.rng.choice([address for address in (contact.email, contact.phone) if address])
    plan = {"plan_key": story.rng.choice(story.plans)} if scope == "plan" else {}
    policy_operations.add_suppression(actor="user:3", address=address, scope=scope, reason="manual", **plan)


def lift(story: Story, _contact: Contact) -> None:
    held = Suppression.objects.filter(removed_at=None).order_by("id").first()
    if held:
        policy_operations.remove_suppression(actor="user:3", suppression_id=held.pk, reason="settled", approver=True)


def engage_switch(story: Story, _contact: Contact) -> None:
    scope = story.rng.choice(("global", "channel", "plan"))
    key = {"global": "", "channel": "email", "plan": story.plans[0]}[scope]
    far = (Engine.objects.get().target or 0) > Head.objects.get().clock + 2 * HOUR
    if not far and not KillSwitch.objects.filter(engaged=True).exists():  # a held run asks every quarter of an hour
        publishing.engage_kill_switch(actor="user:3", scope=scope, key=key, reason="stop")


def release_switch(story: Story, _contact: Contact) -> None:
    story.release_switches()


def rename(story: Story, contact: Contact) -> None:
    """A change of a contact that lets the log grow but forbids nothing, or closes the contact."""
    state = story.rng.choices(("active", "closed"), (5, 1))[0]
    name = f"Zebulon{story.rng.randint(10, 99)}"
    policy_operations.update_contact(actor="user:3", ref=contact.ref, state=state, first_name=name)


def other_policy(story: Story, _contact: Contact) -> None:
    story.publish_policy()


def advance(story: Story, _contact: Contact) -> None:
    """Drive the clock: a second, past a deadline, to midnight, for days; shortly while a switch holds everybody."""
    clock = Head.objects.get().clock
    steps = [1, 59, 60, 61, 10 * 60, HOUR]
    if not KillSwitch.objects.filter(engaged=True).exists():
        steps += [9 * HOUR, DAY - clock % DAY, 2 * DAY, DAY - clock % DAY - 1 or DAY]
    operations.advance_clock(seconds=story.rng.choice(steps), actor="cli")


def to_next(story: Story, _contact: Contact) -> None:
    operations.advance_clock(actor="cli")


def outage(story: Story, _contact: Contact) -> None:
    """Nobody ran the engine for a while: the wall is further than the lane clock."""
    if story.live:
        seconds = story.rng.choice((30, 90, HOUR, 9 * HOUR))
        story.owner.execute("UPDATE runs_engine SET offset_s = offset_s + %s", [seconds])


def prepare_crash(story: Story, _contact: Contact) -> None:
    label, after = story.rng.choice(CRASHES[:6]), story.rng.choice((0, 0, 1))
    story.armed = None if story.calm else (label, after)


WEIGHED: dict[Act, int] = {
    enrol: 6,
    command: 8,
    event: 6,
    webhook_before_reaction: 1,
    odd_row: 1,
    withdraw: 1,
    grant: 1,
    suppress: 1,
    lift: 1,
    engage_switch: 1,
    release_switch: 2,
    rename: 1,
    other_policy: 1,
    advance: 9,
    to_next: 2,
    outage: 4,
    prepare_crash: 9,
}
# What may happen while a wave is committed and not yet on its way.
BETWEEN = (withdraw, suppress, rename, engage_switch, quick_event, quick_event)
