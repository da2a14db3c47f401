"""The bytes of a mail: read back by the standard library's parser, they hold what was to be said."""

import email
import email.policy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.adapters import mime
from tests.unit.channels.conftest import mail

DATE = "Thu, 01 Jan 2026 00:00:00 -0000"
SENDER = mime.sender("DEE Demo <noreply@dee.example>")

# What PostgreSQL and the template renderer can hand us: any text but NUL and lone surrogates.
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
lines = st.text(characters, max_size=200)
# A subject is one line; the parser drops blanks at its ends and reads other line separators as blanks.
subjects = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300).map(str.strip)


def read(raw: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


@given(subject=subjects)
def test_any_subject_survives(subject):
    message = read(mime.build(mail(subject=subject), SENDER, "ann@example.org", DATE))
    assert message["Subject"] == subject
    assert not message.defects and not message["Subject"].defects


def test_a_subject_that_looks_encoded_is_not_decoded():
    subject = "=?utf-8?b?SGVsbG8=?="
    assert read(mime.build(mail(subject=subject), SENDER, "ann@example.org", DATE))["Subject"] == subject


@given(body=lines)
def test_any_body_survives_but_for_its_line_ends(body):
    raw = mime.build(mail(body=body), SENDER, "ann@example.org", DATE)
    received = read(raw).get_payload(decode=True).decode()
    expected = re.sub(r"\r\n|\r|\n", "\r\n", body)
    assert received == expected + ("" if expected.endswith("\r\n") else "\r\n")


@given(subject=subjects, body=lines, name=subjects)
def test_the_bytes_are_seven_bit_lines_no_server_can_refuse(subject, body, name):
    raw = mime.build(mail(subject=subject, body=body), SENDER, "ann@example.org", DATE)
    assert raw.isascii() and raw.endswith(b"\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("Hello Ann.\n", "7bit"),
        ("Grüße, Ann, und viele gute Wünsche.\n", "quoted-printable"),
        ("你好" * 100, "base64"),
        ("x" * 2000, "quoted-printable"),
        ("a form feed \f here", "quoted-printable"),
    ],
)
def test_the_plainest_encoding_is_taken(body, encoding):
    message = read(mime.build(mail(body=body), SENDER, "ann@example.org", DATE))
    assert message["Content-Transfer-Encoding"] == encoding


def test_a_plain_mail_in_full():
    raw = mime.build(mail(headers={"List-Unsubscribe": "<https://dee.example/u/1>"}), SENDER, "ann@example.org", DATE)
    assert raw.decode().split("\r\n") == [
        "From: DEE Demo <noreply@dee.example>",
        "To: ann@example.org",
        "Subject: Welcome",
        f"Date: {DATE}",
        "Message-ID: <5f0c2d8e9a4b4c6d8e1f2a3b4c5d6e7f@dee.example>",
        "X-DEE-Intent: 5f0c2d8e9a4b4c6d8e1f2a3b4c5d6e7f",
        "List-Unsubscribe: <https://dee.example/u/1>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
        "",
        "Hello Ann.",
        "",
    ]


def test_the_same_message_is_the_same_bytes():
    assert mime.build(mail(), SENDER, "a@b.example", DATE) == mime.build(mail(), SENDER, "a@b.example", DATE)


@pytest.mark.parametrize(
    ("text", "address", "name"),
    [
        ("noreply@dee.example", "noreply@dee.example", ""),
        ('"Acme, Inc." <a@acme.example>', "a@acme.example", "Acme, Inc."),
        ("Acme, Inc. <a@acme.example>", "a@acme.example", "Acme, Inc."),
        ("Büro <a@bücher.example>", "a@xn--bcher-kva.example", "Büro"),
    ],
)
def test_senders(text, address, name):
    sender = mime.sender(text)
    assert sender.address == address
    parsed = read(mime.build(mail(), sender, "ann@example.org", DATE))["From"].addresses[0]
    assert (parsed.addr_spec, parsed.display_name) == (address, name)


@pytest.mark.parametrize(
    "text", ["", "nobody", "a@b@c", "Ann <>", "ann@", "büro@dee.example", "a b@c.example", "a@b, c@d"]
)
def test_senders_that_cannot_be_written(text):
    with pytest.raises(mime.BadAddress):
        mime.sender(text)


def test_a_domain_without_an_ascii_form():
    with pytest.raises(mime.BadAddress, match="domain"):
        mime.wire_address("ann@" + "ü" * 70 + ".example")


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=200))
def test_a_message_id_never_holds_a_character_that_ends_it(intent):
    assert re.fullmatch(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@dee\.example>", mime.message_id(intent, "dee.example"))
