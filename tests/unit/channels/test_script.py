"""Simulated recipients: the same for the same arguments, for ever, and every behaviour can be asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.adapters import script
from channels.adapters.sandbox import SandboxEmail, SandboxVoice
from channels.kinds import CALL_RESULTS, EMAIL_EVENTS, Channel
from channels.messages import OutcomeKind
from tests.unit.channels.conftest import call, mail

texts = st.text(max_size=30)


def events(seed, intent, to, channel, attempt=1):
    return tuple(event for _, event in script.reactions(seed, intent, to, channel, attempt)[1])


@given(texts, texts, texts, st.sampled_from(Channel), st.integers(1, 5))
def test_the_same_arguments_give_the_same_answer(seed, intent, to, channel, attempt):
    first = script.reactions(seed, intent, to, channel, attempt)
    assert first == script.reactions(seed, intent, to, channel, attempt)


@given(texts, texts, st.sampled_from([*script.MAIL, "", "unknown"]), st.integers(1, 3))
def test_delays_rise_from_a_positive_second(seed, intent, tag, attempt):
    outcome, later = script.reactions(seed, intent, f"ann+{tag}@example.org", Channel.EMAIL, attempt)
    delays = [delay for delay, _ in later]
    assert delays == sorted(set(delays)) and all(delay > 0 for delay in delays)
    assert {event for _, event in later} <= set(EMAIL_EVENTS)
    assert not (outcome.kind == OutcomeKind.NOT_SENT and later), "what was not sent has no consequences"


def test_one_answer_is_written_down():
    """Recorded demos depend on it: whoever changes it changes them."""
    outcome, later = script.reactions("demo", "0" * 32, "ann@example.org", Channel.EMAIL)
    assert (outcome.kind, [(delay, str(event)) for delay, event in later]) == ("accepted", WRITTEN_DOWN)


WRITTEN_DOWN = [(2, "delivered"), (28306, "opened")]


@pytest.mark.parametrize(
    ("tag", "kind", "code", "after"),
    [
        ("delivered", "accepted", "", ("delivered",)),
        ("opens", "accepted", "", ("delivered", "opened")),
        ("clicks", "accepted", "", ("delivered", "opened", "clicked")),
        ("replies", "accepted", "", ("delivered", "opened", "replied")),
        ("autoreply", "accepted", "", ("delivered", "auto_reply")),
        ("bounces", "accepted", "", ("bounced_hard",)),
        ("softbounces", "accepted", "", ("bounced_soft",)),
        ("complains", "accepted", "", ("delivered", "complained")),
        ("unsubscribes", "accepted", "", ("delivered", "opened", "unsubscribed")),
        ("refused", "not_sent", "smtp_recipient_refused", ()),
        ("timeout-before", "not_sent", "smtp_timeout_before_data", ()),
        ("timeout-after", "unknown", "smtp_timeout_after_data", ("delivered",)),
        ("flaky", "not_sent", "smtp_temporary_refused", ()),
        ("silent", "accepted", "", ()),
    ],
)
@pytest.mark.parametrize("to", ["ann+{}@example.org", "ann+x+{}@example.org", "ANN+{}@EXAMPLE.ORG"])
def test_a_mail_tag_chooses(tag, kind, code, after, to):
    address = to.format(tag.upper() if to.isupper() else tag)
    outcome, later = script.reactions("any", "intent", address, Channel.EMAIL)
    assert (outcome.kind, outcome.code) == (kind, code)
    assert tuple(event for _, event in later) == after


@pytest.mark.parametrize(
    ("digits", "kind", "code", "after"),
    [
        ("0191", "accepted", "", ("answered",)),
        ("0192", "accepted", "", ("no_answer",)),
        ("0193", "accepted", "", ("busy",)),
        ("0194", "accepted", "", ("voicemail",)),
        ("0195", "accepted", "", ("failed",)),
        ("0196", "not_sent", "call_refused", ()),
        ("0197", "not_sent", "call_timeout_before_request", ()),
        ("0198", "unknown", "call_timeout_after_request", ("answered",)),
        ("0199", "not_sent", "call_refused", ()),
        ("0190", "accepted", "", ()),
    ],
)
def test_the_last_digits_of_a_phone_choose(digits, kind, code, after):
    outcome, later = script.reactions("any", "intent", f"+1212555{digits}", Channel.VOICE)
    assert (outcome.kind, outcome.code) == (kind, code)
    assert tuple(event for _, event in later) == after


def test_the_flaky_recipient_is_reached_by_the_second_attempt():
    assert script.reactions("s", "i1", "a+flaky@x.example", Channel.EMAIL, 1)[0].kind == "not_sent"
    assert script.reactions("s", "i2", "a+flaky@x.example", Channel.EMAIL, 2)[0].kind == "accepted"
    assert events("s", "i2", "a+flaky@x.example", Channel.EMAIL, 2) == ("delivered", "opened")
    assert script.reactions("s", "i1", "+12125550199", Channel.VOICE, 2)[0].kind == "accepted"


@pytest.mark.parametrize("channel", Channel)
def test_everybody_else_shows_every_behaviour_in_its_share(channel):
    table = script.MAIL if channel == Channel.EMAIL else script.CALLS
    to = "ann@example.org" if channel == Channel.EMAIL else "+12125550100"
    assert sum(behaviour.share for behaviour in table.values()) == 100
    seen = [script.reactions("demo", f"intent-{n}", to, channel) for n in range(3000)]
    not_reached = sum(outcome.kind != "accepted" for outcome, _ in seen) / 3000
    failing = sum(b.share for b in table.values() if b.failure is not None) / 100
    assert abs(not_reached - failing) < 0.03
    happened = {event for _, later in seen for _, event in later}
    assert happened == set(EMAIL_EVENTS if channel == Channel.EMAIL else CALL_RESULTS)


def test_another_seed_is_another_demo():
    intents = [f"intent-{n}" for n in range(50)]
    first, other = ([events(seed, i, "a@x.example", Channel.EMAIL) for i in intents] for seed in ("demo", "other"))
    assert first != other


def test_the_sandbox_answers_as_the_script_says():
    message = mail(to="ann+timeout-after@example.org")
    assert SandboxEmail("s").send(message, "key").code == "smtp_timeout_after_data"
    assert [event for _, event in SandboxEmail("s").reactions(message)] == ["delivered"]
    assert SandboxEmail("s").send(mail(to="a+flaky@x.example", attempt=2), "key").kind == "accepted"
    assert [event for _, event in SandboxVoice("s").reactions(call(to="+12125550193"))] == ["busy"]


def test_a_slow_sandbox_sleeps_before_it_answers(monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    SandboxEmail("s", delay_s=1.5).send(mail(), "key")
    assert slept == [1.5]
