"""People of the desk as roles know them, their apps for one-time codes, and what the log says they did."""

import json
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit.models import Entry
from dee_site import accounts

PASSWORD = "correct horse"
KEY = "3132333435363738393031323334353637383930"


def make_person(name: str = "maria", role: str = "operator", **more: Any) -> User:
    """Return somebody of the desk with a role; "" for none."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, **more)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def browser_of(user: User) -> Client:
    """Return a browser in which this person is logged in, without a second factor."""
    client = Client()
    client.force_login(user)
    return client


def with_factor(user: User) -> list[str]:
    """Switch this person's second factor on; return the recovery codes."""
    return accounts.switch_on(user=user, key=KEY, code=code_now())[1]


def code_now(key: str = KEY) -> str:
    return f"{totp(bytes.fromhex(key)):06}"


def code_of(user: User) -> str:
    """Return what this person's app shows, as if half a minute had passed since the code used last."""
    device = TOTPDevice.objects.get(user=user)
    TOTPDevice.objects.filter(user=user).update(last_t=-1, drift=0, throttling_failure_count=0)
    return code_now(device.key)


def said() -> list[tuple[str, dict[str, Any]]]:
    """Return (type, data) of what the log says of accounts, oldest first."""
    entries = Entry.objects.filter(st=accounts.STREAM).order_by("n")
    return [(entry.type, json.loads(entry.body)["data"]) for entry in entries]


def text(response: Any) -> str:
    return response.content.decode()
