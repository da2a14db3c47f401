"""What do the pages show? Reads that span tables; nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from audit.models import Head
from policies import addresses, hours, periods, zones
from policies.models import Consent, Contact, Counter, KillSwitch, Policy, Suppression
from policies.rules import document, limits


def lane_clock() -> int:
    """Return the lane clock, epoch seconds: what expiry and days are compared with."""
    return Head.objects.values_list("clock", flat=True).get(pk=1)


def latest_moment() -> int:
    """Return the later of the lane clock and the database's clock: nothing recorded may lie after it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT GREATEST(clock, floor(extract(epoch FROM clock_timestamp()))::bigint) FROM audit_head")
        return int(cursor.fetchone()[0])


def find_contacts(text: str, state: str = "", *, by_ref_only: bool = False) -> QuerySet[Contact]:
    """Return contacts by the beginning of their reference or name, or by their exact address.

    by_ref_only: for people who may not read names and addresses, so that a search does not tell them.
    """
    found = Contact.objects.order_by("ref")
    if state:
        found = found.filter(state=state)
    text = text.strip()
    if not text:
        return found
    if by_ref_only:
        return found.filter(ref__istartswith=text)
    try:
        address = addresses.normal(text)
        return found.filter(Q(email=address) | Q(phone=address))
    except addresses.BadAddress:
        name = Q(first_name__istartswith=text) | Q(last_name__istartswith=text)
        return found.filter(Q(ref__istartswith=text) | name)


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The newest record of one channel and purpose, and the ones before it, newest first."""

    newest: Consent
    history: Sequence[Consent]


def consent_states(contact: Contact) -> list[ConsentState]:
    """Return a contact's consents by channel and purpose."""
    grouped: dict[tuple[str, str], list[Consent]] = {}
    for row in contact.consents.order_by("channel", "purpose", "-version"):
        grouped.setdefault((row.channel, row.purpose), []).append(row)
    return [ConsentState(rows[0], rows[1:]) for rows in grouped.values()]


def suppressions_of(contact: Contact) -> list[Suppression]:
    """Return every entry for a contact's addresses, newest first, the removed ones too."""
    own = [address for address in (contact.email, contact.phone) if address]
    return list(Suppression.objects.filter(address__in=own).order_by("-id"))


@dataclass(frozen=True, slots=True)
class ZoneEvidence:
    """One candidate zone: where it comes from, and the local time there."""

    name: str
    sources: str
    local_time: str


def zone_evidence(contact: Contact, now: int) -> list[ZoneEvidence]:
    """Return the candidate zones of a contact with what speaks for each."""
    by_phone = zones.phone_zones(contact.phone) if contact.phone else frozenset()
    evidence = []
    for name in zones.candidate_zones(contact.zone, contact.phone):
        sources = ["stated by the contact"] if name == contact.zone else []
        sources += ["allowed by the phone number"] if name in by_phone else []
        minute = hours.local(name, now)["minute"]
        evidence.append(ZoneEvidence(name, ", ".join(sources), f"{minute // 60:02}:{minute % 60:02}"))
    return evidence


def find_consents(wanted: dict[str, str]) -> QuerySet[Consent]:
    """Return records by exact channel, purpose and status, the newest first."""
    return Consent.objects.filter(**wanted).select_related("contact").order_by("-id")


def newest_suppressions(before: str, count: int) -> list[Suppression]:
    """Return entries that nobody removed, the newest first. before: the id of the last one already shown, or ""."""
    found = Suppression.objects.filter(removed_at=None).order_by("-id")
    if before.isdecimal() and len(before) <= 18:
        found = found.filter(pk__lt=int(before))
    return list(found[:count])


def entries_for(address: str) -> list[Suppression]:
    """Return every entry for an address in normal form, newest first."""
    return list(Suppression.objects.filter(address=address).order_by("-id"))


@dataclass(frozen=True, slots=True)
class Usage:
    """One limit or budget as it stands. used, limit: messages, or micro-units of the currency."""

    key: str
    what: str
    used: int
    limit: int
    resets_at: int | None
    currency: str

    @property
    def percent(self) -> int:
        """Return how full it is; 100 when nothing more fits."""
        return 100 if self.limit == 0 else min(100, self.used * 100 // self.limit)


@dataclass(frozen=True, slots=True)
class PolicyState:
    """A policy with its active document and the use of its limits."""

    policy: Policy
    body: dict[str, Any]
    usages: Sequence[Usage]


def policy_states(now: int) -> list[PolicyState]:
    """Return every policy with the use of its limits at an instant; two statements."""
    wanted = []
    for policy in Policy.objects.exclude(active_version=None).select_related("active_version").order_by("key"):
        assert policy.active_version is not None
        body = dict(document.parse(policy.active_version.body).body)
        wanted.append((policy, body, [(a, *periods.counter(a, body["zone"], now)) for a in _amounts(body)]))
    counters = Counter.objects.in_bulk([key for _, _, counted in wanted for _, key, _ in counted])
    return [
        PolicyState(policy, body, [_usage(body, amount, counters.get(key), end) for amount, key, end in counted])
        for policy, body, counted in wanted
    ]


def _amounts(body: dict[str, Any]) -> list[document.Amount]:
    """Return every limit and budget of a policy once, daily limits first."""
    every = [amount for channel in document.CHANNELS for amount in document.amounts_for(body, channel)]
    once = dict.fromkeys(amount._replace(units=0) for amount in every)
    return sorted(once, key=lambda amount: amount.rule != limits.RULE)


def _usage(body: dict[str, Any], amount: document.Amount, counter: Counter | None, resets_at: int | None) -> Usage:
    used = counter.used if counter else 0
    if amount.rule == limits.RULE:
        channel = next(item["channel"] for item in body["daily_limits"] if item["key"] == amount.key)
        return Usage(amount.key, f"{channel} messages a day", used, amount.limit, resets_at, "")
    what = "budget of a month" if amount.period == "month" else "budget for good"
    return Usage(amount.key, what, used, amount.limit, resets_at, body["currency"])


def engaged_switches() -> list[KillSwitch]:
    """Return the engaged kill switches, everything first."""
    return sorted(
        KillSwitch.objects.filter(engaged=True), key=lambda switch: (switch.scope != "global", switch.scope, switch.key)
    )
