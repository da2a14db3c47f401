"""How is one environment variable read?

Every reader stops start-up with a sentence that names the variable and says what to set, so that a wrong deployment
never runs half-configured. Only this file reads os.environ.
"""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


class Misconfigured(ImproperlyConfigured):
    """An environment variable is missing or malformed; the message is a sentence with a hint."""


def text(name: str, default: str | None = None, *, hint: str = "") -> str:
    """Return the variable as it stands. Without a default it must be set and not empty."""
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise Misconfigured(f"{name} is not set. {hint or 'Set it in the environment; .env.example lists every name.'}")
    return value


def flag(name: str, default: bool) -> bool:
    """Return a truth value."""
    value = text(name, "1" if default else "0").lower()
    if value not in TRUE | FALSE:
        raise Misconfigured(f"{name} is {value!r}, which is neither yes nor no. Use 1 or 0.")
    return value in TRUE


def integer(name: str, default: int, *, least: int, most: int) -> int:
    """Return a whole number in least..most."""
    value = text(name, str(default))
    if not value.removeprefix("-").isdecimal() or not least <= int(value) <= most:
        raise Misconfigured(f"{name} is {value!r}. Use a whole number from {least} to {most}.")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated list without empty members."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def choice(name: str, default: str, *, among: tuple[str, ...]) -> str:
    """Return one of a closed set of words."""
    value = text(name, default)
    if value not in among:
        raise Misconfigured(f"{name} is {value!r}. Use one of: {', '.join(among)}.")
    return value


def secret(name: str, default: str | None = None, *, hint: str = "") -> str:
    """Return a secret from NAME, or from the file that NAME_FILE names (as container secrets are mounted)."""
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return text(name, default, hint=hint or f"Set it, or set {name}_FILE to the path of a file that holds it.")
    if os.environ.get(name, "").strip():
        raise Misconfigured(f"{name} and {name}_FILE are both set. Keep one of them.")
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"{name}_FILE names {path!r}, which cannot be read: {error.strerror}.") from error
    if not value:
        raise Misconfigured(f"{name}_FILE names {path!r}, which is empty. Put the secret on its first line.")
    return value


def secrets_by_name(name: str) -> dict[str, list[str]]:
    """Return secrets written as `who=secret,who=secret`; one who may have several while one is being replaced."""
    found: dict[str, list[str]] = {}
    for pair in secret(name, "").split(","):
        who, _, value = (part.strip() for part in pair.partition("="))
        if value:
            found.setdefault(who, []).append(value)
        elif pair.strip():
            raise Misconfigured(f"{name} holds a part without a secret. Write it as adapter=secret,adapter=secret.")
    return found


def postgres(name: str, *, session: str = "") -> dict[str, object]:
    """Return Django's connection settings from a libpq URL; a unix socket is `?host=/directory`.

    session: libpq `options` for every connection, unless the URL brings its own.
    """
    hint = "Use postgresql://USER:PASSWORD@HOST:PORT/NAME, or postgresql://USER@/NAME?host=/socket/directory."
    url = urlsplit(secret(name, hint=hint))
    try:
        port = url.port
    except ValueError as error:
        raise Misconfigured(f"The port in {name} is not a number. {hint}") from error
    if url.scheme not in {"postgres", "postgresql"} or not url.path.strip("/"):
        raise Misconfigured(f"{name} does not name a PostgreSQL database, the only kind DEE runs on. {hint}")
    options = {"options": session, **dict(parse_qsl(url.query))} if session else dict(parse_qsl(url.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.strip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": options.pop("host", None) or unquote(url.hostname or ""),
        "PORT": options.pop("port", None) or str(port or ""),
        "OPTIONS": options,
    }


def redis(name: str) -> str:
    """Return the broker's URL in redis-py's spelling: redis://…, rediss://… or unix:///path/of/socket."""
    value = secret(name, hint="Use redis://HOST:PORT/0, or unix:///path/of/the/socket.")
    value = value.replace("redis+socket://", "unix://", 1)
    if not value.startswith(("redis://", "rediss://", "unix:///")):
        raise Misconfigured(f"{name} is not a Redis URL. Use redis://HOST:PORT/0, or unix:///path/of/the/socket.")
    return value
