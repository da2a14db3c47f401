"""What must hold at the very moment something happens? Asked of the tables in words of its own, not of the gate's.

At each send: was it committed, may this person be contacted now, does the message leave once for each dispatch.
At each commit: does anything change that may not.
"""

from typing import TYPE_CHECKING, Any

from runs.engine import transitions

if TYPE_CHECKING:
    from channels.messages import Message
    from tests.simulator.story import Story

ENDED = ("COMPLETED", "STOPPED")


def before_a_send(story: "Story", message: "Message") -> None:
    """Note what is wrong when an adapter is handed this message now."""
    database = story.database
    intent = database["runs_intent"].rows.get(message.intent)
    if intent is None or database.open:
        story.wrong.append(f"{message.intent} left without a committed intent")
        return
    known = story.ledger.of(message.intent)
    if known.asked >= story.dispatched[message.intent]:
        story.wrong.append(f"{message.intent} was handed over {known.asked + 1} times")
    kept = database["channels_outboxmessage"].rows[message.intent]
    if (kept["to_address"], kept["subject"], kept["body"]) != (message.to, message.subject, message.body):
        story.wrong.append(f"{message.intent} is not the message that was kept")
    run = database["runs_run"].rows[intent["run_id"]]
    if story.waves[-1] != database["audit_head"].rows[1]["epoch"]:
        story.seen["a replaced engine was in the middle of a send"] += 1
        return  # what it was handed is out of anybody's hands; its successor has called it unknown
    waited_us = database.now_us - story.committed_us[message.intent]
    if waited_us > 61_000_000:
        story.wrong.append(f"{message.intent} left {waited_us // 1_000_000} s after it was allowed")
    if message.again != (known.asked > 0) and not message.again:
        story.wrong.append(f"{message.intent} is handed over again and does not say so")
    found = standing(story, run, message)
    if found != (True, True, True, True, True):
        story.wrong.append(f"{message.intent} of run/{run['no']} left while {found}")


def standing(story: "Story", run: dict[str, Any], message: "Message") -> tuple[bool, bool, bool, bool, bool]:
    """Return whether the run is sending, the contact active and consenting, nobody suppressed, no switch engaged."""
    database, channel, plan = story.database, str(message.channel), run["plan_key"]
    contact = database["policies_contact"].rows[run["contact_id"]]
    said = [
        row
        for row in database["policies_consent"].rows.values()
        if (row["contact_id"], row["channel"], row["purpose"]) == (contact["id"], channel, "marketing")
    ]
    addresses = {contact["email"], contact["phone"]} - {""}
    suppressed = any(
        row["address"] in addresses
        and row["removed_at"] is None
        and (row["expires_at"] is None or story.world.lane < row["expires_at"])
        and (
            row["scope"] == "global"
            or (row["scope"] == "channel" and row["channel"] == channel)
            or (row["scope"] == "plan" and row["plan_key"] == plan and row["channel"] in ("", channel))
        )
        for row in database["policies_suppression"].rows.values()
    )
    switched = any(
        row["engaged"] and row["key"] in ("", channel, plan) for row in story.world.rows("policies_killswitch")
    )
    return (
        run["status"] == "DISPATCHING",
        contact["state"] == "active",
        bool(said) and max(said, key=lambda row: row["version"])["status"] == "granted",
        not suppressed,
        not switched,
    )


def at_commit(story: "Story") -> None:
    """Look at what a transaction has written, as the triggers do, and count the dispatches it commits to."""
    for table, old, row in story.database.written():
        if table == "audit_entry":
            _entry(story, row)
        elif table == "runs_run" and old is not None:
            _run(story, old, row)
        elif table == "audit_head" and old is not None and (row["clock"] < old["clock"] or row["size"] < old["size"]):
            story.wrong.append(f"the head went back: {old} → {row}")
        elif table == "runs_inbox" and old is not None and old["verdict"] and old["verdict"] != row["verdict"]:
            story.wrong.append(f"input {row['id']} got a second verdict")


def _entry(story: "Story", row: dict[str, Any]) -> None:
    if row["type"] in ("send.intended", "send.redispatched"):
        place = row["body"].find('"intent":"')  # the only one in such an entry
        intent = row["body"][place + 10 : place + 42]
        story.dispatched[intent] += 1
        story.committed_us[intent] = story.database.now_us


def _run(story: "Story", old: dict[str, Any], row: dict[str, Any]) -> None:
    if old["status"] in ENDED and (old["status"], old["reason"]) != (row["status"], row["reason"]):
        story.wrong.append(f"run/{row['no']} had ended and is {row['status']}")
    moved = old["status"] != row["status"]
    if row["n"] < old["n"] or (moved and row["n"] == old["n"]):
        story.wrong.append(f"run/{row['no']} is {row['status']} without an entry")
    if moved and row["status"] not in transitions.reachable(old["status"]):
        story.wrong.append(f"run/{row['no']}: {old['status']} → {row['status']}")
