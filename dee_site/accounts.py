"""What is done to accounts: second factors and locks. Each change is an entry of the stream desk/accounts.

The entries name people by number only (`user:3`) and hold no personal data; a reason lies in the vault. Codes of the
app are checked and slowed down by django-otp; recovery codes are kept as keyed fingerprints, so nobody who reads the
table can log in with one, and a new DEE_SECRET_KEY makes them worthless.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.utils.crypto import salted_hmac
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit import log, vault

STREAM = "desk/accounts"
CODES, FEW = 10, 3
DIGITS = 6
# Letters and digits that nobody mistakes for another; 12 of them are 58 bits.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
CODE_LENGTH = 12
NAME = "phone or password manager"
RECOVERY = "recovery codes"


class Refused(Exception):
    """Something is not right; the message says what, `field` where. Nothing was done."""

    def __init__(self, message: str, field: str = "code") -> None:
        super().__init__(message)
        self.field = field


def has_second_factor(user: User) -> bool:
    """Return whether this person has to enter a code to log in."""
    return bool(TOTPDevice.objects.devices_for_user(user, confirmed=True).exists())


def codes_left(user: User) -> int:
    """Return how many recovery codes of this person are not used up."""
    return int(StaticToken.objects.filter(device__user=user).count())


def switch_on(*, user: User, key: str, code: str) -> tuple[Device, list[str]]:
    """Let this person's app, which holds the key, be their second factor; return it and new recovery codes.

    key: hex digits. code: what the app shows, as the proof that it holds the key. Raises: Refused.
    """
    with log.writing(by=_actor(user)) as writer:
        if has_second_factor(user):
            raise Refused("A second factor is switched on already. Remove it first.")
        device = TOTPDevice.objects.create(user=user, name=NAME, key=key)
        if not device.verify_token(_plain(code)):
            raise Refused("This is not the code of this key and this minute. Is the clock of the device right?")
        codes = _new_codes(user)
        writer.append(STREAM, "account.second_factor_on", {"user": user.pk})
    return device, codes


def renew_codes(*, user: User, password: str, code: str) -> list[str]:
    """Replace this person's recovery codes by new ones. Raises: Refused."""
    with _proved(user, password, code) as writer:
        codes = _new_codes(user)
        writer.append(STREAM, "account.recovery_codes_renewed", {"user": user.pk})
    return codes


def switch_off(*, user: User, password: str, code: str) -> None:
    """Take this person's second factor and recovery codes away. Raises: Refused."""
    with _proved(user, password, code) as writer:
        _remove_all(user)
        writer.append(STREAM, "account.second_factor_off", {"user": user.pk})


def reset(*, actor: str, user: User, reason: str) -> None:
    """Take away somebody's second factor, because they lost it. Raises: Refused."""
    if not reason.strip():
        raise Refused("Say how you know that it is really them who asks.", "reason")
    with log.writing(by=actor) as writer:
        if not has_second_factor(user):
            raise Refused("There is no second factor to reset.", "reason")
        held = vault.hold(kind="note", value=reason.strip(), subject=STREAM)
        _remove_all(user)
        writer.append(STREAM, "account.second_factor_reset", {"user": user.pk, "note": held})


def pass_second_factor(*, user: User, code: str) -> Device:
    """Check a code of the app or a recovery code, which is used up by it. Raises: Refused; also while slowed down."""
    refused = ""
    with log.writing(by=_actor(user)) as writer:
        device, refused = _checked(user, code)
        if device is not None:
            by = "recovery code" if isinstance(device, StaticDevice) else "app"
            writer.append(STREAM, "account.second_factor_passed", {"user": user.pk, "with": by})
        elif not refused:
            refused = "This code is not right, or it was used already. Wait for the next one."
            writer.append(STREAM, "account.second_factor_failed", {"user": user.pk})
    if device is None:  # raised out here: the failure that slows the next try down has to be kept
        raise Refused(refused)
    return device


def locked(limit: int, since: datetime) -> Sequence[AccessAttempt]:
    """Return the names that are locked out, and from where: too many wrong passwords since an instant."""
    found = AccessAttempt.objects.filter(failures_since_start__gte=limit, attempt_time__gt=since)
    return list(found.order_by("-attempt_time")[:200])


def unlock(*, actor: str, attempt_id: int, reason: str) -> None:
    """Let somebody who is locked out try again at once. Raises: Refused."""
    if not reason.strip():
        raise Refused("Say why.", "reason")
    with log.writing(by=actor) as writer:
        attempt = AccessAttempt.objects.select_for_update().filter(pk=attempt_id).first()
        if attempt is None:
            raise Refused("This lock is gone already.", "reason")
        # What strangers typed as a name may be anything, a password too: the log names accounts that exist only.
        user = User.objects.filter(username=attempt.username).first()
        held = vault.hold(kind="note", value=reason.strip(), subject=STREAM)
        AccessAttempt.objects.filter(username=attempt.username, ip_address=attempt.ip_address).delete()
        writer.append(STREAM, "account.unlocked", {"user": user.pk if user else 0, "note": held})


@contextmanager
def _proved(user: User, password: str, code: str) -> Iterator[log.Writer]:
    """Open the transaction of a change that takes the password and a code; a wrong code slows the next try down."""
    if not user.check_password(password):
        raise Refused("This is not your password.", "password")
    pass_second_factor(user=user, code=code)
    with log.writing(by=_actor(user)) as writer:
        yield writer


def _checked(user: User, code: str) -> tuple[Device | None, str]:
    """Return the device that takes this code, or the sentence why none may be tried now."""
    plain = _plain(code)
    if plain.isdecimal() and len(plain) == DIGITS:
        devices = TOTPDevice.objects.devices_for_user(user, confirmed=True)
        token = plain
    else:
        devices = StaticDevice.objects.devices_for_user(user, confirmed=True)
        token = _fingerprint(user, plain)
    for device in devices.select_for_update().order_by("pk"):
        allowed, why = device.verify_is_allowed()
        if not allowed:
            until = why["locked_until"].strftime("%H:%M:%S")
            return None, f"Too many wrong codes. The next one is looked at from {until} UTC on; nothing was checked."
        if device.verify_token(token):
            return device, ""
    return None, ""


def _new_codes(user: User) -> list[str]:
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name=RECOVERY)
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)) for _ in range(CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_fingerprint(user, code)) for code in codes)
    return ["-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4)) for code in codes]


def _fingerprint(user: User, code: str) -> str:
    return salted_hmac("dee.recovery-code", f"{user.pk}:{code}", algorithm="sha256").hexdigest()[:16]


def _remove_all(user: User) -> None:
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()


def _plain(code: str) -> str:
    """Return a code as it is compared: people type spaces and dashes, and capital letters."""
    return "".join(code.split()).replace("-", "").lower()


def _actor(user: User) -> str:
    return f"user:{user.pk}"
