"""What does the log say of contacts, consents, suppressions, switches, plans and policies? Folded entry by entry. Pure.

Personal values are in the log as commitments only: `opened` gives the value behind one, or GONE.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runs.rebuild.report import Gone

PERSONAL = ("first_name", "last_name", "email", "phone")
PLAIN = ("zone", "country", "attributes")
SUPPRESSIONS, TEMPLATES, ENGINE = "policy/suppressions", "plan/templates", "engine"

Opened = Callable[[Mapping[str, Any]], str | Gone]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log, with who wrote it. type, tick and so on as in its body."""

    st: str
    n: int
    type: str
    tick: int
    step: str
    visit: int
    data: Mapping[str, Any]
    by: str


@dataclass(slots=True)
class Contact:
    """A contact as the log tells it. fields: PERSONAL and PLAIN ones."""

    state: str
    created_at: int
    version: int = 1
    changed_at: int = 0
    changed_by: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Suppression:
    """One do-not-contact entry. row: its columns, the address apart."""

    address: str | Gone
    row: dict[str, Any]


@dataclass(slots=True)
class Plan:
    """A plan's name: its state, and the number of its active version."""

    state: str = "draft"
    active: int | None = None


class World:
    """Everything outside runs that the log tells, as of the entry taken last."""

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        self.consents: dict[tuple[str, str, str, int], dict[str, Any]] = {}
        self.newest: dict[tuple[str, str, str], dict[str, Any]] = {}  # as the gate's facts show it
        self.suppressions: dict[int, Suppression] = {}
        self.standing: dict[str, list[int]] = {}  # address to entries that nobody removed, oldest first
        self.switches: dict[tuple[str, str], dict[str, Any]] = {}
        self.plans: dict[str, Plan] = {}
        self.plan_versions: dict[tuple[str, int], dict[str, Any]] = {}
        self.activations: list[tuple[str, int, int, str]] = []
        self.reviews: dict[tuple[str, int], dict[str, Any]] = {}
        self.drafts: dict[str, dict[str, Any]] = {}
        self.templates: dict[tuple[str, int], dict[str, Any]] = {}
        self.policies: dict[str, int] = {}  # key to active version
        self.policy_versions: dict[tuple[str, int], dict[str, Any]] = {}
        self.erased: set[str] = set()  # streams whose personal values were erased
        self.triage: dict[int, dict[str, Any]] = {}  # by run
        self.stopped: dict[str, dict[str, Any]] = {}  # bulk actions
        self.halted = ""
        self.clock_inputs = {"clock.advance": 0, "clock.confirm": 0}

    def take(self, entry: Entry, opened: Opened) -> bool:
        """Fold one entry that is not of a run; say whether its type is known."""
        fold = _FOLDS.get(entry.type)
        if fold is None:
            return entry.type in _SAYS_NOTHING or entry.type.startswith(_LOGINS)
        fold(self, entry, opened)
        return True

    def policy_hash(self, key: str) -> str:
        """Return the hash of a policy's active version, or "" when it has none."""
        return str(self.policy_versions[key, self.policies[key]]["hash"]) if key in self.policies else ""

    def engaged(self, channel: str, plan: str) -> list[dict[str, str]]:
        """Return the engaged switches that stop a send on a channel for a plan, by scope."""
        own = {"global": "", "channel": channel, "plan": plan}
        return [
            {"scope": scope, "key": key}
            for (scope, key), row in sorted(self.switches.items())
            if row["engaged"] and own[scope] == key
        ]

    # Contacts

    def _contact_created(self, entry: Entry, opened: Opened) -> None:
        contact = Contact(entry.data["state"], entry.tick)
        self.contacts[_name(entry)] = contact
        self._change(contact, entry, entry.data, opened)

    def _contact_changed(self, entry: Entry, opened: Opened) -> None:
        changed = entry.data["changed"]
        contact = self.contacts[_name(entry)]
        contact.state = changed.get("state", contact.state)
        self._change(contact, entry, changed, opened)

    def _change(self, contact: Contact, entry: Entry, said: Mapping[str, Any], opened: Opened) -> None:
        contact.version, contact.changed_at, contact.changed_by = entry.data["version"], entry.tick, entry.by
        for name in (*PERSONAL, *PLAIN):
            if name in said:
                held = name in PERSONAL and said[name] != ""
                contact.fields[name] = opened(said[name]) if held else said[name]

    def _erased(self, entry: Entry, _: Opened) -> None:
        self.erased.add(entry.st)
        if entry.st.startswith("contact/") and (contact := self.contacts.get(_name(entry))):
            contact.state = "erased"
            contact.fields.update(dict.fromkeys(PERSONAL, ""))

    def _consent(self, entry: Entry, _: Opened) -> None:
        data = entry.data
        status = entry.type.removeprefix("consent.")
        held = data.get("proof") or data.get("note")
        row = {
            "status": status,
            "kind": data.get("kind", ""),
            "source": data["source"],
            "text_version": data.get("text_version", ""),
            "proof_ref": held["ref"] if held else None,
            "at": data["at"],
            "recorded_at": entry.tick,
            "recorded_by": entry.by,
        }
        what = (_name(entry), data["channel"], data["purpose"])
        self.consents[*what, data["version"]] = row
        self.newest[what] = {"status": status, "version": data["version"], "kind": row["kind"]}

    # Suppressions

    def _suppressed(self, entry: Entry, opened: Opened) -> None:
        data = entry.data
        row = {
            "scope": data["scope"],
            "channel": data["channel"],
            "plan_key": data["plan"],
            "reason": data["reason"],
            "source": data["source"],
            "note_ref": data["note"]["ref"] if data["note"] else None,
            "expires_at": data["expires_at"],
            "created_at": entry.tick,
            "created_by": entry.by,
            "removed_at": None,
            "removed_by": "",
            "removed_ref": None,
        }
        address = opened(data["address"])
        self.suppressions[data["id"]] = Suppression(address, row)
        if not isinstance(address, Gone):
            self.standing.setdefault(address, []).append(data["id"])

    def _unsuppressed(self, entry: Entry, _: Opened) -> None:
        found = self.suppressions[entry.data["id"]]
        found.row |= {"removed_at": entry.tick, "removed_by": entry.by, "removed_ref": entry.data["reason"]["ref"]}
        if not isinstance(found.address, Gone):
            self.standing[found.address].remove(entry.data["id"])

    # Switches, plans, policies

    def _switch(self, entry: Entry, _: Opened) -> None:
        self.switches[entry.data["scope"], entry.data["key"]] = {
            "engaged": entry.type == "kill_switch.engaged",
            "changed_at": entry.tick,
            "changed_by": entry.by,
            "reason_ref": entry.data["reason"]["ref"],
        }

    def _plan_created(self, entry: Entry, _: Opened) -> None:
        self.plans[_name(entry)] = Plan()

    def _plan_published(self, entry: Entry, _: Opened) -> None:
        self.plan_versions[_name(entry), entry.data["version"]] = _published(entry)

    def _plan_activated(self, entry: Entry, _: Opened) -> None:
        key, number = _name(entry), entry.data["version"]
        self.plans[key].state, self.plans[key].active = "active", number
        self.activations.append((key, number, entry.tick, entry.by))

    def _plan_reviewed(self, entry: Entry, _: Opened) -> None:
        verdict, note = entry.type.removeprefix("plan."), entry.data.get("note")
        said = {"verdict": verdict, "at": entry.tick, "by": entry.by, "note": note and note["ref"]}
        self.reviews[_name(entry), entry.data["version"]] = said

    def _plan_retired(self, entry: Entry, _: Opened) -> None:
        self.plans[_name(entry)].state = "retired"

    def _draft(self, entry: Entry, _: Opened) -> None:
        said = {"revision": entry.data["revision"], "hash of the text": entry.data["hash"]}
        self.drafts[_name(entry)] = {**said, "updated_at": entry.tick, "updated_by": entry.by}

    def _template(self, entry: Entry, _opened: Opened) -> None:
        key, _, number = entry.data["template"].partition("@")
        self.templates[key, int(number)] = _published(entry)

    def _policy(self, entry: Entry, _: Opened) -> None:
        key, number = _name(entry), entry.data["number"]
        self.policies[key] = number
        self.policy_versions[key, number] = {**_published(entry), "reason_ref": entry.data["reason"]["ref"]}

    # The desk

    def _triaged(self, entry: Entry, _: Opened) -> None:
        fresh = {"assignee": "", "snoozed_until": None, "snoozed_n": None, "notes": 0}
        row = self.triage.setdefault(int(_name(entry)), fresh)
        row["n"] = entry.n
        match entry.type:
            case "triage.assigned":
                row["assignee"] = entry.data["to"]
            case "triage.snoozed":
                row |= {"snoozed_until": entry.data["until"], "snoozed_n": entry.data["failure"]}
            case "triage.woken":
                row |= {"snoozed_until": None, "snoozed_n": None}
            case "triage.noted":
                row["notes"] += 1

    def _bulk_stopped(self, entry: Entry, _: Opened) -> None:
        self.stopped[_name(entry)] = {"cancelled_by": entry.by}

    # The engine

    def _halted(self, entry: Entry, _: Opened) -> None:
        self.halted = entry.data["reason"]

    def _resumed(self, _entry: Entry, _: Opened) -> None:
        self.halted = ""
        self.clock_inputs["clock.confirm"] += 1

    def _advanced(self, _entry: Entry, _: Opened) -> None:
        self.clock_inputs["clock.advance"] += 1


def _name(entry: Entry) -> str:
    """Return what a stream is of: `c-1` for `contact/c-1`."""
    return entry.st.partition("/")[2]


def _published(entry: Entry) -> dict[str, Any]:
    return {"hash": entry.data["hash"], "published_at": entry.tick, "published_by": entry.by}


_FOLDS: Mapping[str, Callable[[World, Entry, Opened], None]] = {
    "contact.created": World._contact_created,
    "contact.changed": World._contact_changed,
    "subject.erased": World._erased,
    "consent.granted": World._consent,
    "consent.revoked": World._consent,
    "suppression.added": World._suppressed,
    "suppression.removed": World._unsuppressed,
    "suppression.replaced": World._unsuppressed,
    "kill_switch.engaged": World._switch,
    "kill_switch.released": World._switch,
    "plan.created": World._plan_created,
    "plan.published": World._plan_published,
    "plan.activated": World._plan_activated,
    "plan.approved": World._plan_reviewed,
    "plan.sent_back": World._plan_reviewed,
    "plan.retired": World._plan_retired,
    "draft.saved": World._draft,
    "template.published": World._template,
    "policy.published": World._policy,
    **dict.fromkeys(("triage.assigned", "triage.snoozed", "triage.woken", "triage.noted"), World._triaged),
    "bulk.cancelled": World._bulk_stopped,
    "engine.halted": World._halted,
    "engine.resumed": World._resumed,
    "clock.advanced": World._advanced,
}
_SAYS_NOTHING = frozenset({"engine.started"})
_LOGINS = "account."  # what people did to their logins: no table of the desk comes from it
