"""What the SMTP adapter says to a server, in clear and under TLS, and what the server has in hand afterwards."""

import base64
import email
import email.policy
import socket
import threading

import pytest
from aiosmtpd.controller import Controller

from channels.adapters import mime
from channels.adapters.smtp import SmtpEmail, SmtpSettings
from channels.messages import not_sent
from tests.channels_fakes.certificates import Authority
from tests.channels_fakes.smtp import Drop, Reply, ScriptedSmtp, Silence
from tests.unit.channels.conftest import mail


def test_the_session_in_order(smtp):
    with ScriptedSmtp() as server:
        outcome = smtp(server.port, ehlo="dee.example").send(mail(), "key")
    assert (outcome.kind, outcome.provider_ref) == ("accepted", "4FQ2XK1")
    first, sender, recipient, data, last = server.commands
    assert first == "ehlo dee.example"
    # Python's patch versions differ in the case of a command's words.
    assert sender.lower().startswith("mail from:<noreply@dee.example> size=")
    assert recipient.lower() == "rcpt to:<ann@example.org>"
    assert (data.lower(), last) == ("data", "QUIT")


def test_one_connection_for_each_send(smtp):
    with ScriptedSmtp() as server:
        for expected in (1, 2, 3):
            smtp(server.port).send(mail(), "key")
            assert server.connections == expected


@pytest.mark.parametrize("phase", ["banner", "ehlo", "mail", "rcpt", "data", "final"])
def test_nothing_is_tried_twice(smtp, phase):
    with ScriptedSmtp({phase: Reply("451 4.3.0 try again")}) as server:
        assert smtp(server.port).send(mail(), "key").kind == "not_sent"
    assert server.connections == 1
    verbs = [command.split()[0].lower() for command in server.commands]
    assert len(verbs) == len(set(verbs))


def test_without_a_name_we_greet_with_our_address(smtp):
    with ScriptedSmtp() as server:
        smtp(server.port).send(mail(), "key")
    assert server.commands[0] == "ehlo [127.0.0.1]"


def test_a_name_that_resolves_is_used(smtp):
    with ScriptedSmtp() as server:
        assert smtp(server.port, host="localhost").send(mail(), "key").kind == "accepted"


def test_the_size_given_is_the_size_written(smtp):
    with ScriptedSmtp() as server:
        smtp(server.port).send(mail(body="\n".join(["no dots", "here"])), "key")
    stated = int(server.commands[1].rpartition("size=")[2])
    assert stated == len(server.messages[0]) + len(b".\r\n")


def test_a_server_without_size_is_not_asked(smtp):
    with ScriptedSmtp({"ehlo": Reply("250 fake")}) as server:
        assert smtp(server.port).send(mail(), "key").kind == "accepted"
    assert server.commands[1].lower() == "mail from:<noreply@dee.example>"


@pytest.mark.parametrize("body", [".", "..\n.\n.hidden\n", "first\n.\nQUIT\n", "grüße\n.\n..\n"])
def test_lines_with_dots_arrive_as_written(smtp, body):
    with ScriptedSmtp() as server:
        assert smtp(server.port).send(mail(body=body), "key").kind == "accepted"
    received = email.message_from_bytes(server.messages[0], policy=email.policy.default)
    assert received.get_content().replace("\r\n", "\n").rstrip("\n") == body.rstrip("\n")
    assert server.commands[-1] == "QUIT" and len(server.commands) == 5


@pytest.mark.parametrize(
    ("answer", "ref"),
    [
        ("250 2.0.0 Ok: queued as 4FQ2XK1", "4FQ2XK1"),
        ("250 OK id=1rX2yz-0000-Ab", "1rX2yz-0000-Ab"),
        ("250 thanks, ann@example.org", ""),
        ("250 queued as ann@example.org", ""),
        ("250-2.0.0 thanks\r\n250 queued as AB12", "AB12"),
    ],
)
def test_only_an_id_is_kept_of_the_answer(smtp, answer, ref):
    with ScriptedSmtp({"final": Reply(answer)}) as server:
        outcome = smtp(server.port).send(mail(), "key")
    assert (outcome.kind, outcome.provider_ref) == ("accepted", ref)


def test_the_refused_recipient_gets_no_message(smtp):
    with ScriptedSmtp({"rcpt": Reply("550 no")}) as server:
        smtp(server.port).send(mail(), "key")
    assert not any(command.lower().startswith("data") for command in server.commands)
    assert server.commands[-1] == "QUIT"


def test_nothing_that_happens_after_the_answer_changes_it(smtp):
    for act in (Drop(reset=True), Silence()):
        with ScriptedSmtp({"quit": act}) as server:
            assert smtp(server.port).send(mail(), "key").kind == "accepted"


def test_log_in(smtp):
    with ScriptedSmtp() as server:
        assert smtp(server.port, user="dee", password="pass word").send(mail(), "key").kind == "accepted"
    verb, method, credentials = server.commands[1].split()
    assert (verb, method) == ("AUTH", "PLAIN")
    assert base64.b64decode(credentials) == b"\0dee\0pass word"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ({"auth": Reply("535 5.7.8 no")}, "smtp_auth_failed"),
        ({"auth": Reply("454 4.7.0 later")}, "smtp_temporary_refused"),
        ({"ehlo": Reply("250 fake")}, "smtp_auth_failed"),
        ({"ehlo": Reply("250-fake\r\n250 AUTH GSSAPI")}, "smtp_auth_failed"),
        ({"auth": Silence()}, "smtp_timeout_before_data"),
        ({"auth": Drop()}, "smtp_dropped_before_data"),
        ({"auth": Reply("x" * 9000)}, "smtp_garbled_before_data"),
    ],
)
def test_log_in_refused(smtp, script, code):
    with ScriptedSmtp({"ehlo": Reply("250-fake\r\n250 AUTH PLAIN"), **script}) as server:
        patience = 0.3 if script == {"auth": Silence()} else 5
        assert smtp(server.port, user="dee", password="x", total_s=patience).send(mail(), "key") == not_sent(code)
    assert not any(command.lower().startswith("mail") for command in server.commands)


def test_the_password_is_not_in_the_settings_text():
    assert "sesame" not in repr(SmtpSettings(host="h", port=25, mail_from="a@b.example", password="sesame"))


class TestTls:
    def test_starttls(self, smtp, authority: Authority):
        with ScriptedSmtp(tls=authority.server_context()) as server:
            adapter = smtp(server.port, tls="starttls", ca_file=str(authority.ca_file))
            assert adapter.send(mail(), "key").kind == "accepted"
        assert [command.split()[0].lower() for command in server.commands[:4]] == ["ehlo", "starttls", "ehlo", "mail"]

    def test_tls_from_the_first_byte(self, smtp, authority: Authority):
        with ScriptedSmtp(tls=authority.server_context(), implicit=True) as server:
            adapter = smtp(server.port, tls="tls", ca_file=str(authority.ca_file))
            assert adapter.send(mail(body="Grüße\n" * 20_000), "key").kind == "accepted"
        assert server.commands[0].startswith("ehlo")

    @pytest.mark.parametrize("mode", ["starttls", "tls"])
    def test_a_certificate_nobody_vouches_for(self, smtp, authority: Authority, mode):
        with ScriptedSmtp(tls=authority.server_context(), implicit=mode == "tls") as server:
            assert smtp(server.port, tls=mode).send(mail(), "key") == not_sent("smtp_tls_failed")
        assert server.messages == []

    def test_a_certificate_for_another_server(self, smtp, authority: Authority):
        with ScriptedSmtp(tls=authority.server_context("127.0.0.9")) as server:
            adapter = smtp(server.port, tls="starttls", ca_file=str(authority.ca_file))
            assert adapter.send(mail(), "key") == not_sent("smtp_tls_failed")

    @pytest.mark.parametrize(
        ("script", "code"),
        [
            ({"ehlo": Reply("250 fake")}, "smtp_tls_failed"),
            ({"starttls": Reply("502 no")}, "smtp_tls_failed"),
            ({"starttls": Reply("454 later")}, "smtp_temporary_refused"),
            ({"starttls": Reply("220 go ahead\r\n250 injected")}, "smtp_tls_failed"),
            ({"starttls": Drop()}, "smtp_dropped_before_data"),
        ],
    )
    def test_there_is_no_fallback_to_a_session_in_clear(self, smtp, authority: Authority, script, code):
        with ScriptedSmtp(script, tls=authority.server_context()) as server:
            adapter = smtp(server.port, tls="starttls", ca_file=str(authority.ca_file))
            assert adapter.send(mail(), "key") == not_sent(code)
        assert not any(command.lower().startswith("mail") for command in server.commands)

    def test_a_server_that_is_silent_instead_of_shaking_hands(self, smtp, authority: Authority):
        with ScriptedSmtp({"banner": Silence()}) as server:
            adapter = smtp(server.port, tls="tls", ca_file=str(authority.ca_file), total_s=0.3)
            assert adapter.send(mail(), "key") == not_sent("smtp_timeout_before_data")

    def test_the_final_dot_under_tls(self, smtp, authority: Authority):
        with ScriptedSmtp({"final": Silence()}, tls=authority.server_context()) as server:
            adapter = smtp(server.port, tls="starttls", ca_file=str(authority.ca_file), total_s=1)
            assert adapter.send(mail(), "key").code == "smtp_timeout_after_data"
        assert len(server.messages) == 1

    def test_silence_while_writing_under_tls(self, smtp, authority: Authority):
        with ScriptedSmtp({"body": Silence()}, tls=authority.server_context()) as server:
            adapter = smtp(server.port, tls="starttls", ca_file=str(authority.ca_file), total_s=0.8)
            big = mail(body="A line of some length.\n" * 400_000)
            assert adapter.send(big, "key") == not_sent("smtp_timeout_before_data")


def test_settings_that_cannot_work_are_refused_at_start(smtp):
    with pytest.raises(ValueError, match="ssl"):
        smtp(25, tls="ssl")
    with pytest.raises(OSError):
        smtp(25, tls="tls", ca_file="/nonexistent.pem")
    with pytest.raises(mime.BadAddress):
        smtp(25, mail_from="nobody")


class _Mailbox:
    def __init__(self) -> None:
        self.received: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, server, session, envelope):
        self.received.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


@pytest.fixture
def real_server():
    mailbox = _Mailbox()
    # aiosmtpd connects to itself to see whether it runs, so it cannot choose the port.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, server_hostname="real.example")
    controller.start()
    yield mailbox, port
    controller.stop()


def test_a_real_server_receives_what_was_meant(real_server):
    mailbox, port = real_server
    settings = SmtpSettings(host="127.0.0.1", port=port, mail_from="Büro <buero@dee.example>", tls="none")
    adapter = SmtpEmail(settings)
    message = mail(
        to="ann+opens@bücher.example",
        subject="Grüße aus dem Büro: 你好 👋 " * 4,
        body="Liebe Ann,\n\n.\nzweite Zeile mit Leerraum  \nvom Büro\n",
        headers={
            "List-Unsubscribe": "<https://dee.example/u/abc>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    assert adapter.send(message, message.intent).kind == "accepted"
    [(sender, recipients, raw)] = mailbox.received
    assert (sender, recipients) == ("buero@dee.example", ["ann+opens@xn--bcher-kva.example"])
    received = email.message_from_bytes(raw, policy=email.policy.default)
    assert received["Subject"] == message.subject
    assert received["From"].addresses[0].display_name == "Büro"
    assert received["To"] == "ann+opens@xn--bcher-kva.example"
    assert received["Message-ID"] == f"<{message.intent}@dee.example>"
    assert received["X-DEE-Intent"] == message.intent
    assert received["List-Unsubscribe"] == "<https://dee.example/u/abc>"
    assert received["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert received["Date"].datetime is not None
    assert received.get_content_type() == "text/plain"
    assert received.get_content().replace("\r\n", "\n") == message.body


def test_many_threads_at_once(real_server):
    mailbox, port = real_server
    adapter = SmtpEmail(SmtpSettings(host="127.0.0.1", port=port, mail_from="noreply@dee.example", tls="none"))
    kinds = []

    def send(number: int) -> None:
        kinds.append(adapter.send(mail(intent=f"intent-{number}", to=f"c{number}@example.org"), "").kind)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds == ["accepted"] * 16
    assert sorted(rcpt for _, [rcpt], _ in mailbox.received) == sorted(f"c{number}@example.org" for number in range(16))
