"""Every way an SMTP session can fail has one code, and the code says truly whether the message may have left."""

import socket
import threading
import time

import pytest

from channels.kinds import Failure
from channels.messages import not_sent, unknown
from tests.channels_fakes.smtp import Drip, Drop, Flood, Reply, ScriptedSmtp, Silence, deaf_listener
from tests.unit.channels.conftest import mail

BEFORE_DATA = ("banner", "ehlo", "mail", "rcpt", "data")


@pytest.mark.parametrize(
    ("phase", "reply", "code"),
    [
        ("banner", "421 4.3.2 busy", "smtp_421"),
        ("banner", "554 5.7.1 go away", "smtp_session_refused"),
        ("banner", "450 later", "smtp_temporary_refused"),
        ("ehlo", "550 who are you", "smtp_session_refused"),
        ("mail", "550 5.7.1 not you", "smtp_sender_refused"),
        ("mail", "451 4.3.0 later", "smtp_temporary_refused"),
        ("mail", "552 5.3.4 too big", "smtp_data_refused"),
        ("mail", "450 4.7.28 too many messages", "rate_limited"),
        ("mail", "421 4.7.0 closing", "smtp_421"),
        ("rcpt", "550 5.1.1 no such user", "smtp_recipient_refused"),
        ("rcpt", "552 5.2.2 mailbox full", "smtp_recipient_refused"),
        ("rcpt", "450 4.2.1 greylisted", "smtp_temporary_refused"),
        ("rcpt", "421 closing", "smtp_421"),
        ("data", "554 5.6.0 no", "smtp_data_refused"),
        ("data", "451 later", "smtp_temporary_refused"),
        ("final", "550 5.7.1 spam", "smtp_data_refused"),
        ("final", "451 4.7.1 greylisted", "smtp_data_deferred"),
        ("final", "421 4.3.2 shutting down", "smtp_data_deferred"),
    ],
)
def test_a_refusal_at_any_phase_is_certain(smtp, phase, reply, code):
    with ScriptedSmtp({phase: Reply(reply)}) as server:
        assert smtp(server.port).send(mail(), "key") == not_sent(code)
    assert server.connections == 1
    assert phase == "final" or server.messages == []


@pytest.mark.parametrize("phase", BEFORE_DATA)
@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_lost_before_the_message_is_certain(smtp, phase, reset):
    with ScriptedSmtp({phase: Drop(reset)}) as server:
        assert smtp(server.port).send(mail(), "key") == not_sent("smtp_dropped_before_data")
    assert server.connections == 1


@pytest.mark.parametrize("phase", BEFORE_DATA)
def test_silence_before_the_message_is_certain(smtp, phase):
    with ScriptedSmtp({phase: Silence()}) as server:
        assert smtp(server.port, total_s=0.15).send(mail(), "key") == not_sent("smtp_timeout_before_data")
    assert server.said_into_silence == b"", "who waits for an answer does not say QUIT over it"


@pytest.mark.parametrize("phase", BEFORE_DATA)
@pytest.mark.parametrize("text", ["hello there", "", "999 what", "x" * 9000], ids=["words", "empty", "code", "long"])
def test_nonsense_before_the_message_is_certain(smtp, phase, text):
    with ScriptedSmtp({phase: Reply(text)}) as server:
        assert smtp(server.port).send(mail(), "key") == not_sent("smtp_garbled_before_data")


@pytest.mark.parametrize("act", [Drop(), Drop(reset=True)])
def test_a_connection_lost_while_the_message_is_written_is_certain(smtp, act):
    with ScriptedSmtp({"body": act}) as server:
        big = mail(body="A line of some length.\n" * 400_000)
        assert smtp(server.port, total_s=5).send(big, "key") == not_sent("smtp_dropped_before_data")
    assert server.messages == []


def test_a_connection_lost_once_all_is_written_is_unknown_even_if_nobody_read_it(smtp):
    with ScriptedSmtp({"body": Drop()}) as server:
        assert smtp(server.port).send(mail(), "key") == unknown("smtp_dropped_after_data")
    assert server.messages == [], "we cannot know that, and do not guess"


def test_a_server_that_stops_reading_the_message_is_certain(smtp):
    with ScriptedSmtp({"body": Silence()}) as server:
        big = mail(body="A line of some length.\n" * 400_000)
        assert smtp(server.port, total_s=0.6).send(big, "key") == not_sent("smtp_timeout_before_data")


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (Silence(), "smtp_timeout_after_data"),
        (Drip(), "smtp_timeout_after_data"),
        (Drop(), "smtp_dropped_after_data"),
        (Drop(reset=True), "smtp_dropped_after_data"),
        (Reply("hello there"), "smtp_garbled_after_data"),
        (Reply("354 more"), "smtp_garbled_after_data"),
        (Reply("5" * 9000), "smtp_garbled_after_data"),
        (Flood(), "smtp_garbled_after_data"),
    ],
)
def test_without_a_usable_answer_to_the_final_dot_nobody_knows(smtp, act, code):
    patience = 0.8 if act in (Silence(), Drip()) else 5
    with ScriptedSmtp({"final": act}) as server:
        assert smtp(server.port, total_s=patience).send(mail(), "key") == unknown(code)
    assert len(server.messages) == 1, "the fake had read it all: guessing “not sent” would have been wrong"


@pytest.mark.parametrize("phase", ["banner", "ehlo", "final"])
def test_a_server_that_drips_bytes_cannot_hold_a_thread(smtp, phase):
    with ScriptedSmtp({phase: Drip(0.02)}) as server:
        began = time.monotonic()
        outcome = smtp(server.port, total_s=0.6).send(mail(), "key")
    assert outcome.code == ("smtp_timeout_after_data" if phase == "final" else "smtp_timeout_before_data")
    assert time.monotonic() - began < 1


def test_an_endless_answer_is_no_mail_server(smtp):
    with ScriptedSmtp({"ehlo": Flood()}) as server:
        assert smtp(server.port, total_s=5).send(mail(), "key") == not_sent("smtp_garbled_before_data")


def test_nobody_listens(smtp):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert smtp(taken.getsockname()[1]).send(mail(), "key") == not_sent("smtp_connect_refused")


def test_a_listener_that_takes_no_connection(smtp):
    with deaf_listener() as port:
        began = time.monotonic()
        assert smtp(port, connect_s=0.3).send(mail(), "key") == not_sent("smtp_connect_timeout")
        assert time.monotonic() - began < 1


def test_a_name_without_an_address(smtp, monkeypatch):
    def nowhere(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    assert smtp(25, host="mail.invalid").send(mail(), "key") == not_sent("smtp_name_unresolved")


def test_a_resolver_that_hangs_is_left_behind(smtp, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answered.wait(5) and [])
    began = time.monotonic()
    assert smtp(25, host="mail.invalid", connect_s=0.1).send(mail(), "key") == not_sent("smtp_connect_timeout")
    assert time.monotonic() - began < 1
    answered.set()


def test_an_address_that_swallows_packets_leaves_time_for_the_next(smtp, monkeypatch):
    with deaf_listener() as deaf, ScriptedSmtp() as server:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (deaf, server.port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        assert smtp(25, host="mail.example", connect_s=0.8).send(mail(), "key").kind == "accepted"
    assert server.connections == 1


def test_no_way_to_the_server(smtp, monkeypatch):
    def unreachable(self, address):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert smtp(25).send(mail(), "key") == not_sent("smtp_unreachable")


def test_a_fault_of_our_own_before_the_message_is_certain(smtp, monkeypatch, caplog):
    monkeypatch.setattr("channels.adapters.mime.build", lambda *args: 1 / 0)
    assert smtp(25).send(mail(to="secret@example.org"), "key") == not_sent("adapter_error")
    assert "ZeroDivisionError" in caplog.text
    assert "secret@example.org" not in caplog.text


def test_a_fault_of_our_own_once_the_message_is_under_way_is_unknown(smtp, monkeypatch):
    monkeypatch.setattr("channels.adapters.smtp_wire.Session.getreply", _fails_after_data)
    with ScriptedSmtp() as server:
        assert smtp(server.port).send(mail(), "key") == unknown("adapter_error_after_data")


def _fails_after_data(session):
    code, text = super(type(session), session).getreply()
    if text.startswith(b"2.0.0 Ok"):
        raise RuntimeError("a bug")
    return code, text


def test_a_fault_while_the_message_is_being_written_is_unknown(smtp, monkeypatch):
    with ScriptedSmtp() as server:
        adapter = smtp(server.port)
        monkeypatch.setattr("channels.adapters.smtp_wire.memoryview", _fails_on_mail, raising=False)
        assert adapter.send(mail(), "key") == unknown("adapter_error_after_data")


def _fails_on_mail(data):
    if len(data) > 200:
        raise MemoryError
    return memoryview(data)


def test_codes_are_classed_once():
    for code in Failure:
        assert (not_sent if code.certain else unknown)(code).code == code
        with pytest.raises(ValueError, match=code):
            (unknown if code.certain else not_sent)(code)
        assert code.sentence.endswith(".")
