"""Is this text a template? `dee.template/1` documents: one message or call script in JSON, read strictly.

Pure: no Django, clock, random, environment, file or network.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from audit import canon
from channels.kinds import Channel
from plans import content
from plans.document import Invalid, decode
from plans.problems import pointer
from plans.reading import Reader, check_texts

SCHEMA = "dee.template/1"
KEYS = ("schema", "key", "channel", "subject", "body")
MAX_SUBJECT = 200
MAX_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Template:
    """One text to send. text: the canonical document, hashed as `dee.template/1`; variables: what it asks for."""

    key: str
    channel: str
    subject: str
    body: str
    text: str
    hash: str
    variables: tuple[str, ...]


def content_hash(text: str) -> str:
    """Return the hex SHA-256 that names a canonical template document; the database recomputes it."""
    return hashlib.sha256(b"dee.template/1\n" + text.encode()).hexdigest()


def parse(text: str) -> Template:
    """Return the template of a document that passes every check. Raises: document.Invalid with all problems."""
    return read(decode(text))


def read(document: Any) -> Template:
    """Return the template of an already decoded document. Raises: document.Invalid with all problems."""
    reader = Reader()
    found = reader.mapping(document, "", KEYS, ())
    check_texts(reader, found, "", ("/body",))
    if found.get("schema", SCHEMA) != SCHEMA:
        reader.refuse("/schema", f'This is not a template document; its "schema" must be "{SCHEMA}".')
    key = reader.word(found["key"], "/key") if "key" in found else ""
    channel = found.get("channel", "")
    if "channel" in found and channel not in list(Channel):
        reader.refuse("/channel", f"The channel is one of {', '.join(Channel)}.")
    subject = reader.text(found["subject"], "/subject", MAX_SUBJECT) if "subject" in found else ""
    body = reader.text(found["body"], "/body", MAX_BODY) if "body" in found else ""
    if channel == Channel.EMAIL and "subject" in found and not subject.strip():
        reader.refuse("/subject", "An email has a subject; write one.")
    if channel == Channel.VOICE and subject:
        reader.refuse("/subject", 'A call has no subject; leave it empty: "".')
    if "body" in found and not body.strip():
        reader.refuse("/body", "The text is empty; write what is to be said.")
    for name, value in (("subject", subject), ("body", body)):
        for fault in content.faults(value):
            reader.refuse(pointer(name), fault)
    if reader.problems:
        raise Invalid(tuple(reader.problems))
    canonical = canon.encode(found, canon.DOCUMENT)
    variables = tuple(content.variables(f"{subject}\n{body}"))
    return Template(key, channel, subject, body, canonical, content_hash(canonical), variables)


def write(*, key: str, channel: str, subject: str, body: str) -> str:
    """Return the canonical document of a template's parts. Raises: audit.canon.NotCanonical."""
    parts = {"schema": SCHEMA, "key": key, "channel": channel, "subject": subject, "body": body}
    return canon.encode(parts, canon.DOCUMENT)
