"""How does a simulated recipient behave? A table, and a choice by hash for everybody the table does not name.

A mail address chooses by the tag of its local part (`ann+clicks@example.org`), a phone by its last four digits; the
digits lie in 555-0190…0199, numbers reserved for fiction, so no demo contact behaves oddly by accident. Everybody
else gets a behaviour by SHA-256(seed, intent) in the given weights, so a demo shows every branch and shows it again.

mail tag        share  send                                   then
delivered        20    accepted                               delivered
opens            28    accepted                               delivered, opened
clicks           12    accepted                               delivered, opened, clicked
replies          10    accepted                               delivered, opened, replied
autoreply         3    accepted                               delivered, auto_reply
bounces           4    accepted                               bounced_hard
softbounces       3    accepted                               bounced_soft
complains         2    accepted                               delivered, complained
unsubscribes      4    accepted                               delivered, opened, unsubscribed
refused           3    not_sent(smtp_recipient_refused)       -
timeout-before    2    not_sent(smtp_timeout_before_data)     -
timeout-after     2    unknown(smtp_timeout_after_data)       delivered: it had left, and this is the evidence
flaky             3    not_sent(smtp_temporary_refused) at the first attempt; accepted, delivered, opened at later ones
silent            4    accepted                               -

phone ends in   share  call                                   then
0191 answered    40    accepted                               answered
0192 no answer   25    accepted                               no_answer
0193 busy        12    accepted                               busy
0194 voicemail   13    accepted                               voicemail
0195 failed       3    accepted                               failed
0196 refused      2    not_sent(call_refused)                 -
0197              1    not_sent(call_timeout_before_request)  -
0198              1    unknown(call_timeout_after_request)    answered: it had been placed
0199 flaky        2    not_sent(call_refused) at the first attempt; accepted, answered at later ones
0190 silent       1    accepted                               -

Pure: the same arguments give the same answer on any machine, for ever; a change of this file changes recorded demos.
"""

import hashlib
from dataclasses import dataclass

from channels.adapters.base import Reactions
from channels.kinds import Channel, Event, Failure
from channels.messages import Outcome, accepted, failed


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one kind of recipient does."""

    share: int
    after: tuple[tuple[Event, int, int], ...] = ()  # (event, earliest, latest), seconds after the send
    failure: Failure | None = None
    only_first_attempt: bool = False  # the failure happens once, and then `after` applies

    @property
    def words(self) -> str:
        """What a page calls it: the failure, or the last thing that happens."""
        if self.failure is not None:
            return self.failure.replace("_", " ") + (" once" if self.only_first_attempt else "")
        return self.after[-1][0].replace("_", " ") if self.after else "silent"


_MINUTE, _HOUR = 60, 3600
_DELIVERED = (Event.DELIVERED, 2, 30)
_OPENED = (Event.OPENED, 5 * _MINUTE, 8 * _HOUR)

MAIL: dict[str, Behaviour] = {
    "delivered": Behaviour(20, (_DELIVERED,)),
    "opens": Behaviour(28, (_DELIVERED, _OPENED)),
    "clicks": Behaviour(12, (_DELIVERED, _OPENED, (Event.CLICKED, 8 * _HOUR + 1, 9 * _HOUR))),
    "replies": Behaviour(10, (_DELIVERED, _OPENED, (Event.REPLIED, 8 * _HOUR + 1, 30 * _HOUR))),
    "autoreply": Behaviour(3, (_DELIVERED, (Event.AUTO_REPLY, 31, 90))),
    "bounces": Behaviour(4, ((Event.BOUNCED_HARD, 2, 10 * _MINUTE),)),
    "softbounces": Behaviour(3, ((Event.BOUNCED_SOFT, 5 * _MINUTE, 4 * _HOUR),)),
    "complains": Behaviour(2, (_DELIVERED, (Event.COMPLAINED, 5 * _MINUTE, 24 * _HOUR))),
    "unsubscribes": Behaviour(4, (_DELIVERED, _OPENED, (Event.UNSUBSCRIBED, 8 * _HOUR + 1, 9 * _HOUR))),
    "refused": Behaviour(3, (), Failure.SMTP_RECIPIENT_REFUSED),
    "timeout-before": Behaviour(2, (), Failure.SMTP_TIMEOUT_BEFORE_DATA),
    "timeout-after": Behaviour(2, ((Event.DELIVERED, 5 * _MINUTE, 10 * _MINUTE),), Failure.SMTP_TIMEOUT_AFTER_DATA),
    "flaky": Behaviour(3, (_DELIVERED, _OPENED), Failure.SMTP_TEMPORARY_REFUSED, only_first_attempt=True),
    "silent": Behaviour(4),
}

CALLS: dict[str, Behaviour] = {
    "0191": Behaviour(40, ((Event.ANSWERED, 45, 300),)),
    "0192": Behaviour(25, ((Event.NO_ANSWER, 30, 45),)),
    "0193": Behaviour(12, ((Event.BUSY, 3, 8),)),
    "0194": Behaviour(13, ((Event.VOICEMAIL, 40, 70),)),
    "0195": Behaviour(3, ((Event.FAILED, 1, 5),)),
    "0196": Behaviour(2, (), Failure.CALL_REFUSED),
    "0197": Behaviour(1, (), Failure.CALL_TIMEOUT_BEFORE_REQUEST),
    "0198": Behaviour(1, ((Event.ANSWERED, 60, 300),), Failure.CALL_TIMEOUT_AFTER_REQUEST),
    "0199": Behaviour(2, ((Event.ANSWERED, 45, 300),), Failure.CALL_REFUSED, only_first_attempt=True),
    "0190": Behaviour(1),
}


def reactions(seed: str, intent: str, to: str, channel: Channel, attempt: int = 1) -> tuple[Outcome, Reactions]:
    """Return what the send gives and what happens after it.

    attempt: which send of its step and visit this is, from 1. The delays are whole seconds after the send, rising.
    """
    digest = hashlib.sha256(f"dee.script/1\n{seed}\n{intent}".encode()).digest()
    behaviour = _named(to, channel) or _drawn(MAIL if channel == Channel.EMAIL else CALLS, digest)
    failure = behaviour.failure
    if failure is not None and behaviour.only_first_attempt and attempt > 1:
        failure = None
    outcome = accepted(f"sandbox-{intent}") if failure is None else failed(failure)
    if failure is not None and failure.certain:
        return outcome, ()
    return outcome, tuple(
        (low + int.from_bytes(digest[8 + 4 * at : 12 + 4 * at]) % (high - low + 1), event)
        for at, (event, low, high) in enumerate(behaviour.after)
    )


def _named(to: str, channel: Channel) -> Behaviour | None:
    """Return the behaviour that the recipient's address asks for, if it asks for one."""
    if channel == Channel.VOICE:
        return CALLS.get(to[-4:])
    local = to.partition("@")[0]
    return MAIL.get(local.rpartition("+")[2].lower()) if "+" in local else None


def _drawn(table: dict[str, Behaviour], digest: bytes) -> Behaviour:
    """Return the behaviour whose share of the table the digest falls into."""
    place = int.from_bytes(digest[:8]) % sum(behaviour.share for behaviour in table.values())
    for behaviour in table.values():
        place -= behaviour.share
        if place < 0:
            return behaviour
    raise AssertionError("the shares do not add up to their sum")
