"""How environment variables are read: each wrong one ends in a sentence that names it and says what to do."""

from pathlib import Path

import pytest

from dee_site import env


def test_a_missing_variable_is_named_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEE_X", raising=False)

    with pytest.raises(env.Misconfigured, match=r"DEE_X is not set\. Ask the admin\."):
        env.text("DEE_X", hint="Ask the admin.")


def test_an_empty_variable_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEE_X", "  ")

    assert env.text("DEE_X", "fallback") == "fallback"


@pytest.mark.parametrize(
    ("value", "meaning"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("false", False), ("off", False)]
)
def test_a_flag_is_yes_or_no(monkeypatch: pytest.MonkeyPatch, value: str, meaning: bool) -> None:
    monkeypatch.setenv("DEE_X", value)

    assert env.flag("DEE_X", not meaning) is meaning


@pytest.mark.parametrize("value", ["maybe", "2", "ja"])
def test_any_other_flag_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DEE_X", value)

    with pytest.raises(env.Misconfigured, match=f"DEE_X is '{value}'"):
        env.flag("DEE_X", True)


@pytest.mark.parametrize("value", ["0", "11", "1.5", "ten", "-3"])
def test_a_number_outside_its_range_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DEE_X", value)

    with pytest.raises(env.Misconfigured, match="whole number from 1 to 10"):
        env.integer("DEE_X", 5, least=1, most=10)


def test_a_list_is_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEE_X", "a.example, b.example,,")

    assert env.words("DEE_X") == ["a.example", "b.example"]


def test_a_word_outside_the_closed_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEE_X", "xml")

    with pytest.raises(env.Misconfigured, match="Use one of: json, console"):
        env.choice("DEE_X", "json", among=("json", "console"))


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    monkeypatch.delenv("DEE_X", raising=False)
    monkeypatch.setenv("DEE_X_FILE", str(file))

    assert env.secret("DEE_X") == "from the file"


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEE_X", "one")
    monkeypatch.setenv("DEE_X_FILE", "/somewhere")

    with pytest.raises(env.Misconfigured, match="both set"):
        env.secret("DEE_X")


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), ("\n", "is empty")])
def test_a_secret_file_without_a_secret_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    monkeypatch.delenv("DEE_X", raising=False)
    monkeypatch.setenv("DEE_X_FILE", str(file))

    with pytest.raises(env.Misconfigured, match=said):
        env.secret("DEE_X")


def test_a_database_address_over_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEE_X", "postgresql://dee_app:p%40ss@db.example:6543/dee?sslmode=require")

    assert env.postgres("DEE_X") == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "dee",
        "USER": "dee_app",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6543",
        "OPTIONS": {"sslmode": "require"},
    }


def test_a_database_address_over_a_unix_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEE_X", "postgresql://dee_app@/dee?host=/run/a%20folder")

    read = env.postgres("DEE_X")

    assert (read["HOST"], read["USER"], read["NAME"], read["OPTIONS"]) == ("/run/a folder", "dee_app", "dee", {})


@pytest.mark.parametrize(
    "url", ["sqlite:///db.sqlite3", "mysql://root@localhost/dee", "postgresql://host", "postgresql://host:port/dee"]
)
def test_any_other_database_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DEE_X", url)

    with pytest.raises(env.Misconfigured, match="DEE_X"):
        env.postgres("DEE_X")


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("redis+socket:///run/valkey.sock", "unix:///run/valkey.sock"),
    ],
)
def test_a_broker_address_has_one_spelling(monkeypatch: pytest.MonkeyPatch, url: str, read: str) -> None:
    monkeypatch.setenv("DEE_X", url)

    assert env.redis("DEE_X") == read


def test_another_broker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEE_X", "amqp://localhost")

    with pytest.raises(env.Misconfigured, match="not a Redis URL"):
        env.redis("DEE_X")
