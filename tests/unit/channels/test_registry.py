"""Which adapter carries a channel, and which sentence names a setting that cannot work."""

import pytest
from django.core import checks

from channels import registry
from channels.adapters.smtp import SmtpEmail
from channels.kinds import Channel
from tests.channels_fakes.certificates import Authority
from tests.unit.channels.conftest import mail


@pytest.fixture
def real_mail(settings):
    settings.DEE_EMAIL_ADAPTER = "smtp"
    settings.DEE_SMTP_HOST = "mail.example"
    settings.DEE_SMTP_PORT = 587
    settings.DEE_SMTP_TLS = "starttls"
    settings.DEE_MAIL_FROM = "DEE <noreply@dee.example>"
    return settings


def sentences() -> dict[str, str]:
    return {message.id: message.msg for message in registry.check_settings(None)}


def test_everything_is_a_sandbox_by_default():
    assert {registry.adapter_for(channel).name for channel in Channel} == {"sandbox"}
    assert registry.all_sandbox()
    assert registry.check_settings(None) == []


def test_one_real_adapter_is_enough_to_stop_the_sandbox(real_mail):
    assert isinstance(registry.adapter_for("email"), SmtpEmail)
    assert registry.adapter_for("voice").name == "sandbox"
    assert not registry.all_sandbox()


def test_adapters_for_measuring_send_nothing_either(settings):
    settings.DEE_EMAIL_ADAPTER = settings.DEE_VOICE_ADAPTER = "null"
    assert {registry.adapter_for(channel).name for channel in Channel} == {"null"}
    assert registry.all_sandbox()


def test_an_adapter_is_made_once_and_again_when_a_setting_changes(settings):
    first = registry.adapter_for("email")
    assert registry.adapter_for(Channel.EMAIL) is first
    settings.DEE_SANDBOX_SEED = "another"
    assert registry.adapter_for("email") is not first


def test_the_sandbox_takes_its_seed_and_delay_from_the_settings(settings, monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    settings.DEE_SANDBOX_DELAY_S = "0.5"
    registry.adapter_for("email").send(mail(), "key")
    assert slept == [0.5]


def test_an_unknown_channel_or_adapter_is_an_error_with_the_names_that_exist(settings):
    with pytest.raises(ValueError, match="fax"):
        registry.adapter_for("fax")
    settings.DEE_VOICE_ADAPTER = "smtp"
    with pytest.raises(ValueError, match=r"DEE_VOICE_ADAPTER is “smtp”.* Use one of: null, sandbox\."):
        registry.adapter_for("voice")
    assert sentences() == {
        "channels.E001": "DEE_VOICE_ADAPTER is “smtp”, which is no adapter for voice. Use one of: null, sandbox."
    }


def test_good_smtp_settings_pass(real_mail, authority: Authority):
    real_mail.DEE_SMTP_CA_FILE = str(authority.ca_file)
    assert registry.check_settings(None) == []


@pytest.mark.parametrize(
    ("name", "value", "id", "part"),
    [
        ("DEE_SMTP_HOST", "", "channels.E004", "DEE_SMTP_HOST is empty"),
        ("DEE_SMTP_PORT", 0, "channels.E005", "DEE_SMTP_PORT is 0"),
        ("DEE_SMTP_TLS", "ssl", "channels.E001", "“ssl” is not one of none, starttls, tls"),
        ("DEE_SMTP_TLS", "none", "channels.W001", "in clear"),
        ("DEE_SMTP_CA_FILE", "/nonexistent.pem", "channels.E003", "/nonexistent.pem"),
        ("DEE_SMTP_CA_FILE", __file__, "channels.E003", "PEM"),
        ("DEE_MAIL_FROM", "", "channels.E002", "DEE_MAIL_FROM"),
        ("DEE_MAIL_FROM", "nobody", "channels.E002", "“nobody”"),
    ],
)
def test_a_setting_that_cannot_work_is_named(real_mail, name, value, id, part):
    setattr(real_mail, name, value)
    assert part in sentences()[id]


def test_a_password_never_goes_out_in_clear(real_mail):
    real_mail.DEE_SMTP_TLS, real_mail.DEE_SMTP_USER = "none", "dee"
    assert "password goes to mail.example in clear" in sentences()["channels.E006"]
    real_mail.DEE_SMTP_HOST = "127.0.0.1"
    assert sentences() == {}


@pytest.mark.parametrize("secret", ["short", "", [], ["x" * 40, "short"]])
def test_a_guessable_webhook_secret_is_refused(settings, secret):
    settings.DEE_HOOK_SECRETS = {"good": "x" * 32, "mailer": secret}
    assert list(sentences()) == ["channels.E007"]
    assert "“mailer”" in sentences()["channels.E007"]


def test_the_check_runs_with_manage_py_check(settings):
    settings.DEE_EMAIL_ADAPTER = "pigeon"
    assert "channels.E001" in {message.id for message in checks.run_checks(tags=["channels"])}
