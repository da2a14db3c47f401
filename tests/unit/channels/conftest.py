"""What the tests of this room share: messages, an authority, and adapters with short times."""

from collections.abc import Callable
from typing import Any

import pytest

from channels.adapters.smtp import SmtpEmail, SmtpSettings
from channels.kinds import Channel
from channels.messages import Message
from tests.channels_fakes.certificates import Authority


def mail(**overrides: Any) -> Message:
    return Message(
        **{
            "intent": "5f0c2d8e9a4b4c6d8e1f2a3b4c5d6e7f",
            "channel": Channel.EMAIL,
            "to": "ann@example.org",
            "subject": "Welcome",
            "body": "Hello Ann.\n",
            "run": "run/12",
            **overrides,
        }
    )


def call(**overrides: Any) -> Message:
    return mail(**{"channel": Channel.VOICE, "to": "+12125550191", "subject": "", **overrides})


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def smtp() -> Callable[..., SmtpEmail]:
    """Return a maker of adapters for a port on the loopback. Tests that wait for the end of patience shorten it."""

    def make(port: int, **overrides: Any) -> SmtpEmail:
        settings = {
            "host": "127.0.0.1",
            "port": port,
            "mail_from": "DEE Demo <noreply@dee.example>",
            "tls": "none",
            **overrides,
        }
        return SmtpEmail(SmtpSettings(**settings))

    return make
