"""What do requests about people and limits look like, and what does the API show of them? Shape only.

Whether something makes sense is decided by `policies.operations`. An address is masked for whoever may not read it, as
on the pages; notes and proofs, which lie in the vault, are not shown at all.
"""

from typing import Any

from rest_framework import serializers

from audit import clear
from audit.api_base import Asked, Listed, Text, Whole, example, numbered
from policies import addresses
from policies.models import Contact
from policies.rules import consent, document, suppression

LANE = "Lane clock, seconds since the epoch."
WHO = "Who, as the log names people: `user:4`, `cli`, `engine`."
KEPT = "Kept beside the log and erasable; the log itself holds its fingerprint only."


class AddressField(serializers.CharField):
    """An email address or phone number, as the person who asks may see it."""

    def to_representation(self, value: str) -> str:
        return value if clear.may_see(self.context["request"].user) else addresses.masked(value)


class NameField(serializers.CharField):
    """A person's name, empty for whoever may not read it."""

    def to_representation(self, value: str) -> str:
        return clear.name(self.context["request"].user, value)


# --- contacts ---


class ContactsQuery(Listed):
    """Which contacts."""

    q = Text(
        required=False,
        max_length=254,
        help_text="The beginning of a reference; with the right to read them also of a name, or a whole address.",
    )
    state = serializers.ChoiceField(choices=Contact.State.choices, required=False)
    after = Text(required=False, max_length=64, help_text="Reference of the last row seen; `next` has it filled in.")


@example(
    {
        "ref": "c-1001",
        "first_name": "Ada",
        "email": "ada@example.com",
        "phone": "+12125550100",
        "zone": "America/New_York",
        "country": "US",
        "attributes": {"tier": "gold", "balance": 120, "vip": True},
    }
)
class NewContact(Asked):
    """A contact to add."""

    ref = Text(max_length=64, help_text="How files and the log name this contact, like `c-1001`.")
    first_name = Text(max_length=200, required=False, allow_blank=True)
    last_name = Text(max_length=200, required=False, allow_blank=True)
    email = Text(max_length=254, required=False, allow_blank=True)
    phone = Text(max_length=40, required=False, allow_blank=True, help_text="With + and country code.")
    zone = Text(
        max_length=64, required=False, allow_blank=True, help_text="Only as stated by the contact: `America/New_York`."
    )
    country = Text(max_length=2, required=False, allow_blank=True, help_text="Two letters, like `US`.")
    attributes = serializers.DictField(
        required=False, help_text="Values for conditions: whole numbers, texts, true or false."
    )


@example(
    {
        "ref": "c-1001",
        "state": "active",
        "first_name": "Ada",
        "last_name": "",
        "email": "a•••@example.com",
        "phone": "+1•••••00",
        "zone": "America/New_York",
        "country": "US",
        "attributes": {"tier": "gold"},
        "version": 1,
        "created_at": 1795000000,
        "changed_at": 1795000000,
        "changed_by": "user:4",
    }
)
class ContactSerializer(serializers.Serializer[Any]):
    """A person we may want to reach. Without the right `policies.view_address` addresses are masked, names empty."""

    ref = serializers.CharField()
    state = serializers.ChoiceField(choices=Contact.State.choices, help_text="Nothing is sent unless it is `active`.")
    first_name = NameField()
    last_name = NameField()
    email = AddressField()
    phone = AddressField(help_text="E.164.")
    zone = serializers.CharField(help_text="As stated by the contact.")
    country = serializers.CharField()
    attributes = serializers.DictField()
    version = serializers.IntegerField(help_text="Goes up with every change.")
    created_at = serializers.IntegerField(help_text=LANE)
    changed_at = serializers.IntegerField(help_text=LANE)
    changed_by = serializers.CharField(help_text=WHO)


# --- consents ---


class ConsentsQuery(Listed):
    """Which of a contact's consents."""

    channel = serializers.ChoiceField(choices=document.CHANNELS, required=False)
    purpose = Text(required=False, max_length=48)
    after = numbered("Id")


@example(
    {
        "channel": "email",
        "purpose": "marketing",
        "kind": "express",
        "source": "web form 12",
        "text_version": "signup-v3",
        "proof": "form record 77",
    }
)
class NewConsent(Asked):
    """A grant with its proof. It lifts no suppression and never beats a later withdrawal."""

    channel = serializers.ChoiceField(choices=document.CHANNELS)
    purpose = Text(max_length=48, help_text="One lower-case word, as plans name it.")
    kind = serializers.ChoiceField(choices=consent.KINDS, help_text="The legal basis.")
    source = Text(max_length=80, help_text="Where it was said, in a few plain words. No names or addresses.")  # type: ignore[assignment]  # a Field has one
    proof = Text(max_length=500, help_text=f"What shows it. {KEPT}")
    text_version = Text(max_length=80, required=False, help_text="Which wording the contact saw.")
    at = Whole(required=False, min_value=0, help_text="When it was given, seconds since the epoch; now when left out.")


@example({"channel": "email", "purpose": "marketing", "source": "phone call", "note": "asked in the evening"})
class NewWithdrawal(Asked):
    """A withdrawal; it holds from now on, also where nothing was ever granted."""

    channel = serializers.ChoiceField(choices=document.CHANNELS)
    purpose = Text(max_length=48)
    source = Text(max_length=80, help_text="How we were told, in a few plain words. No names or addresses.")  # type: ignore[assignment]  # a Field has one
    note = Text(max_length=500, required=False, allow_blank=True, help_text=KEPT)


@example(
    {
        "id": 31,
        "contact": "c-1001",
        "channel": "email",
        "purpose": "marketing",
        "version": 1,
        "status": "granted",
        "kind": "express",
        "source": "web form 12",
        "text_version": "signup-v3",
        "at": 1795000000,
        "recorded_at": 1795000000,
        "recorded_by": "user:4",
    }
)
class ConsentSerializer(serializers.Serializer[Any]):
    """What a contact said about one channel and purpose. Of several the one with the highest version counts."""

    id = serializers.IntegerField()
    contact = serializers.CharField(source="contact.ref", help_text="The contact's reference.")
    channel = serializers.ChoiceField(choices=document.CHANNELS)
    purpose = serializers.CharField()
    version = serializers.IntegerField(help_text="1, 2, 3 … per contact, channel and purpose.")
    status = serializers.ChoiceField(choices=["granted", "revoked"])
    kind = serializers.CharField(help_text="Legal basis of a grant; empty for a withdrawal.")
    source = serializers.CharField()  # type: ignore[assignment]  # a Field has one
    text_version = serializers.CharField()
    at = serializers.IntegerField(help_text="When the contact said so, seconds since the epoch.")
    recorded_at = serializers.IntegerField(help_text=LANE)
    recorded_by = serializers.CharField(help_text=WHO)


# --- suppressions ---


class SuppressionsQuery(Listed):
    """Which suppressions."""

    address = Text(
        required=False,
        max_length=254,
        help_text="A whole email address or phone number: every entry for it, the removed and expired ones too. "
        "Without it, the newest entries that nobody removed.",
    )
    after = numbered("Id")


@example({"address": "ada@example.com", "scope": "channel", "reason": "manual", "note": "asked on the phone"})
class NewSuppression(Asked):
    """An address that is not to be contacted."""

    address = Text(max_length=254, help_text="An email address, or a phone number with + and country code.")
    scope = serializers.ChoiceField(
        choices=suppression.SCOPES, help_text="`channel`: the address's own channel; `global`: everything; `plan`: one."
    )
    reason = serializers.ChoiceField(choices=suppression.REASONS)
    plan_key = Text(max_length=48, required=False, help_text="For the scope `plan`, and only for it.")
    expires_at = Whole(
        required=False,
        allow_null=True,
        min_value=0,
        help_text="First second it no longer holds, seconds since the epoch; left out: for good. What the person or "
        "the law said never expires.",
    )
    note = Text(max_length=500, required=False, allow_blank=True, help_text=KEPT)


@example(
    {
        "id": 7,
        "address": "a•••@example.com",
        "scope": "channel",
        "channel": "email",
        "plan_key": "",
        "reason": "manual",
        "source": "api",
        "holds": True,
        "expires_at": None,
        "created_at": 1795000000,
        "created_by": "user:4",
        "removed_at": None,
        "removed_by": "",
    }
)
class SuppressionSerializer(serializers.Serializer[Any]):
    """An entry of the do-not-contact list. Without the right `policies.view_address` its address is masked."""

    id = serializers.IntegerField()
    address = AddressField()
    scope = serializers.ChoiceField(choices=suppression.SCOPES)
    channel = serializers.CharField(help_text="Empty: every channel.")
    plan_key = serializers.CharField()
    reason = serializers.ChoiceField(choices=suppression.REASONS)
    source = serializers.CharField(help_text="What led to it: an event, a file, a page, the API.")  # type: ignore[assignment]  # a Field has one
    holds = serializers.SerializerMethodField()
    expires_at = serializers.IntegerField(allow_null=True, help_text=LANE)
    created_at = serializers.IntegerField(help_text=LANE)
    created_by = serializers.CharField(help_text=WHO)
    removed_at = serializers.IntegerField(allow_null=True, help_text=LANE)
    removed_by = serializers.CharField(help_text="Empty while nobody removed it.")

    def get_holds(self, entry: Any) -> bool:
        """Whether it stops messages now: neither removed nor expired."""
        return bool(entry.holds_at(self.context["now"]))


# --- limits ---


@example(
    {
        "policy": "outreach",
        "key": "email-day",
        "what": "email messages a day",
        "used": 12,
        "limit": 200,
        "currency": "",
        "resets_at": 1795060800,
    }
)
class LimitSerializer(serializers.Serializer[Any]):
    """One limit or budget and how much of it is used."""

    policy = serializers.CharField()
    key = serializers.CharField()
    what = serializers.CharField(help_text="What it counts, in words.")
    used = serializers.IntegerField(help_text="Messages, or micro-units of the currency.")
    limit = serializers.IntegerField(help_text="The most there may be, in the same unit.")
    currency = serializers.CharField(help_text="Of a budget; empty for a number of messages.")
    resets_at = serializers.IntegerField(allow_null=True, help_text=f"When it starts anew; null: never. {LANE}")


class LimitsSerializer(serializers.Serializer[Any]):
    """Every limit and budget of every policy at an instant."""

    at = serializers.IntegerField(help_text=LANE)
    results = LimitSerializer(many=True)
