"""Which adapter carries which channel here? An explicit table, chosen by two settings.

Plans, policies and runs name channels only; this is the one place where a provider's name meets a channel.
"""

import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.signals import setting_changed
from django.dispatch import receiver

from channels.adapters import mime
from channels.adapters.base import Adapter
from channels.adapters.null import NullAdapter
from channels.adapters.sandbox import SandboxEmail, SandboxVoice
from channels.adapters.smtp import TLS_MODES, SmtpEmail, SmtpSettings
from channels.kinds import Channel

SETTING = {Channel.EMAIL: "DEE_EMAIL_ADAPTER", Channel.VOICE: "DEE_VOICE_ADAPTER"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHORTEST_SECRET = 32


def adapter_for(channel: str) -> Adapter:
    """Return the adapter that carries this channel. Raises: ValueError for a channel or a setting nobody knows."""
    return _adapter(Channel(channel))


@lru_cache
def _adapter(kind: Channel) -> Adapter:
    name = _setting(SETTING[kind], "sandbox")
    sandbox = _setting("DEE_SANDBOX_SEED", "demo"), float(_setting("DEE_SANDBOX_DELAY_S", 0))
    makers: dict[tuple[Channel, str], Callable[[], Adapter]] = {
        (Channel.EMAIL, "sandbox"): lambda: SandboxEmail(*sandbox),
        (Channel.EMAIL, "smtp"): lambda: SmtpEmail(_smtp_settings()),
        (Channel.EMAIL, "null"): lambda: NullAdapter(Channel.EMAIL),
        (Channel.VOICE, "sandbox"): lambda: SandboxVoice(*sandbox),
        (Channel.VOICE, "null"): lambda: NullAdapter(Channel.VOICE),
    }
    if (kind, name) not in makers:
        known = ", ".join(sorted(adapter for of, adapter in makers if of == kind))
        raise ValueError(f"{SETTING[kind]} is “{name}”, which is no adapter for {kind}. Use one of: {known}.")
    return makers[kind, name]()


@receiver(setting_changed)
def _forget(**kwargs: Any) -> None:
    """Settings change in tests only; then no adapter of the old ones may answer."""
    _adapter.cache_clear()


def all_sandbox() -> bool:
    """Return whether nothing can leave this machine, whichever the channel."""
    return all(adapter_for(channel).sandbox for channel in Channel)


def key_ttl_s(channel: str) -> int:
    """Return for how many seconds this channel's adapter knows a message by its key, 0 when it does not."""
    known = adapter_for(channel).idempotency
    return 0 if known == "none" else known[1]


def hook_secrets(adapter: str) -> tuple[str, ...]:
    """Return the secrets with which this adapter's webhooks may be signed: several while one is being replaced."""
    secrets: Mapping[str, str | list[str]] = _setting("DEE_HOOK_SECRETS", {})
    found = secrets.get(adapter, ())
    return (found,) if isinstance(found, str) else tuple(found)


def _setting(name: str, default: Any) -> Any:
    return getattr(settings, name, default)


def _smtp_settings() -> SmtpSettings:
    return SmtpSettings(
        host=_setting("DEE_SMTP_HOST", ""),
        port=_setting("DEE_SMTP_PORT", 587),
        user=_setting("DEE_SMTP_USER", ""),
        password=_setting("DEE_SMTP_PASSWORD", ""),
        tls=_setting("DEE_SMTP_TLS", "starttls"),
        ca_file=_setting("DEE_SMTP_CA_FILE", ""),
        ehlo=_setting("DEE_SMTP_EHLO", ""),
        mail_from=_setting("DEE_MAIL_FROM", ""),
    )


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Say at start-up, in sentences, what about the channels' settings cannot work."""
    found: list[CheckMessage] = []
    for channel in Channel:
        try:
            adapter_for(channel)
        except mime.BadAddress as error:
            found.append(Error(f"DEE_MAIL_FROM is “{_smtp_settings().mail_from}”: {error}.", id="channels.E002"))
        except ssl.SSLError:
            found.append(Error("DEE_SMTP_CA_FILE holds no certificate in PEM form.", id="channels.E003"))
        except OSError as error:
            text = f"DEE_SMTP_CA_FILE is “{_smtp_settings().ca_file}”, which cannot be read: {error.strerror}."
            found.append(Error(text, id="channels.E003"))
        except ValueError as error:
            found.append(Error(str(error), id="channels.E001"))
    if _setting(SETTING[Channel.EMAIL], "sandbox") == "smtp":
        found += _check_smtp(_smtp_settings())
    return found + _check_hooks()


def _check_smtp(smtp: SmtpSettings) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not smtp.host:
        found.append(
            Error("DEE_EMAIL_ADAPTER is smtp and DEE_SMTP_HOST is empty. Name the mail server.", id="channels.E004")
        )
    if not 1 <= smtp.port <= 65535:
        found.append(Error(f"DEE_SMTP_PORT is {smtp.port}. Use a number from 1 to 65535.", id="channels.E005"))
    if smtp.tls == "none" and smtp.user and smtp.host not in _LOOPBACK:
        text = f"DEE_SMTP_TLS is none, so the password goes to {smtp.host} in clear. Use starttls or tls."
        found.append(Error(text, id="channels.E006"))
    elif smtp.tls == "none" and smtp.host not in _LOOPBACK:
        text = (
            f"DEE_SMTP_TLS is none, so every mail goes to {smtp.host} in clear. Use one of: {', '.join(TLS_MODES[1:])}."
        )
        found.append(Warning(text, id="channels.W001"))
    return found


def _check_hooks() -> list[CheckMessage]:
    return [
        Error(
            f"A webhook secret of “{adapter}” in DEE_HOOK_SECRETS is shorter than {_SHORTEST_SECRET} characters,"
            " so signatures could be guessed. Make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'",
            id="channels.E007",
        )
        for adapter in _setting("DEE_HOOK_SECRETS", {})
        if any(len(secret) < _SHORTEST_SECRET for secret in hook_secrets(adapter)) or not hook_secrets(adapter)
    ]
