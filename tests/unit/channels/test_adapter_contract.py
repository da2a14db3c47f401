"""One contract for every adapter: what the engine may rely on, whoever carries the message."""

import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.adapters.base import Adapter
from channels.adapters.null import NullAdapter
from channels.adapters.sandbox import SandboxEmail, SandboxVoice
from channels.kinds import CALL_LABELS, Channel, Event, Failure, failure
from channels.messages import Message, Outcome, OutcomeKind
from tests.channels_fakes.smtp import ScriptedSmtp
from tests.unit.channels.conftest import call, mail

ADAPTERS = ("null email", "null voice", "sandbox email", "sandbox voice", "smtp email")


@pytest.fixture(scope="module")
def server():
    with ScriptedSmtp() as server:
        yield server


@pytest.fixture(params=ADAPTERS)
def adapter(request, server, smtp) -> Adapter:
    makers = {
        "null email": lambda: NullAdapter(Channel.EMAIL),
        "null voice": lambda: NullAdapter(Channel.VOICE),
        "sandbox email": lambda: SandboxEmail("seed"),
        "sandbox voice": lambda: SandboxVoice("seed"),
        "smtp email": lambda: smtp(server.port),
    }
    return makers[request.param]()


def ordinary(adapter: Adapter) -> Message:
    """A message to somebody whom the sandbox's script lets it reach."""
    return mail(to="ann+delivered@example.org") if adapter.channel == Channel.EMAIL else call()


def well_formed(outcome: Outcome) -> bool:
    match outcome.kind:
        case OutcomeKind.NOT_SENT:
            return failure(outcome.code).certain and not outcome.label
        case OutcomeKind.UNKNOWN:
            return not failure(outcome.code).certain and not outcome.label
        case OutcomeKind.LABEL:
            return outcome.label in CALL_LABELS and not outcome.code
        case _:
            return not outcome.code and not outcome.label


def test_it_says_what_it_is(adapter):
    assert adapter.name and adapter.channel in Channel
    assert adapter.sandbox in (True, False) and adapter.lookup in (True, False)
    assert adapter.idempotency == "none" or (adapter.idempotency[0] == "keyed" and adapter.idempotency[1] > 0)
    assert set(adapter.callbacks) <= set(Event)


def test_an_ordinary_message_is_accepted(adapter):
    outcome = adapter.send(ordinary(adapter), "key")
    assert outcome.kind == OutcomeKind.ACCEPTED
    assert well_formed(outcome)


@pytest.mark.parametrize(
    "change",
    [
        {"to": "ann@example.org\r\nBcc: eve@example.org"},
        {"to": "ann@example.org, eve@example.org"},
        {"to": "<ann@example.org>"},
        {"to": "+1 212 555 0191"},
        {"to": "ann@example.org>\r\nDATA"},
        {"to": ""},
        {"to": "a" * 250 + "@example.org"},
        {"subject": "Hello\r\nBcc: eve@example.org"},
        {"subject": "Hello\nthere"},
        {"subject": "Hello\x00"},
        {"subject": "x" * 1000},
        {"sender": "DEE <a@b.example>\r\nBcc: eve@example.org"},
        {"intent": "1\r\nBcc: eve@example.org"},
        {"intent": ""},
        {"intent": "a b"},
        {"intent": "i" * 201},
        {"sender": "x" * 330},
        {"headers": {"List-Unsubscribe": "<https://x>\r\nBcc: eve@example.org"}},
        {"headers": {"List-Unsubscribe": ""}},
        {"headers": {"X-Bad\r\nBcc": "eve@example.org"}},
        {"headers": {"Bcc": "eve@example.org"}},
        {"headers": {"FROM": "eve@example.org"}},
        {"headers": {"Content-Type": "text/html"}},
    ],
)
def test_nothing_is_smuggled_into_a_message(adapter, server, change):
    before = server.connections
    outcome = adapter.send(replace(ordinary(adapter), **change), "key")
    assert (outcome.kind, outcome.code) == (OutcomeKind.NOT_SENT, Failure.INVALID_MESSAGE)
    assert server.connections == before, "nothing was even tried"


def test_it_carries_its_own_channel_only(adapter):
    other = call() if adapter.channel == Channel.EMAIL else mail()
    assert adapter.send(other, "key").code == Failure.INVALID_MESSAGE


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(to=st.text(max_size=40), subject=st.text(max_size=40), body=st.text(max_size=400), intent=st.text(max_size=40))
def test_it_never_raises(adapter, to, subject, body, intent):
    message = replace(ordinary(adapter), subject=subject, body=body, intent=intent)
    assert well_formed(adapter.send(message, "key"))
    assert well_formed(adapter.send(replace(message, to=to), "key"))


def test_sixteen_threads_may_use_it(adapter):
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(
            target=lambda n=n: outcomes.append(adapter.send(replace(ordinary(adapter), intent=f"i{n}"), ""))
        )
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED] * 16


def test_what_follows_comes_from_the_declared_callbacks(adapter):
    message = ordinary(adapter)
    later = adapter.reactions(message)
    assert later == adapter.reactions(message)
    assert all(isinstance(delay, int) and delay > 0 and event in adapter.callbacks for delay, event in later)
    assert adapter.sandbox or later == ()
