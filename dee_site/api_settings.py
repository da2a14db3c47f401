"""How is the API set up? Imported whole by `settings.py`; nothing here depends on the environment."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    # The first one says 401 to a stranger; a session's requests are checked for CSRF by its class.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["dee_site.api_rights.HasRights"],
    "DEFAULT_PARSER_CLASSES": ["dee_site.api_body.StrictJSON"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "dee_site.api_schema.Described",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "dee_site.api_errors.answer",
    "URL_FORMAT_OVERRIDE": None,
    # Counted by each web process for itself, in its own memory: with three processes a person has up to three times
    # as much. It stops a loop that ran away, not an attack; a shared cache would be one more server to need.
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.AnonRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"user": "600/min", "anon": "60/min"},
    "NUM_PROXIES": 0,  # never believe X-Forwarded-For, which anybody can write
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "DEE",
    "VERSION": "1",
    "DESCRIPTION": (
        "Plans for outbound communication, runs, and the evidence of what happened. The API does what the pages do:"
        " the same operations behind the same rights, and every send passes the same gate. It never waits for the"
        " engine; what you ask for becomes an input, and its verdict is read afterwards.\n\n"
        "Sign in with `Authorization: Token <key>`; an administrator makes a key with `manage.py drf_create_token"
        " USER`. Bodies are JSON objects of at most 1 MiB, without fractions, duplicate keys or unknown fields."
        " Every refusal has one shape: a sentence in `error`, and in `fields` a sentence for each field at fault.\n\n"
        "Times are whole seconds since the epoch on the lane clock, money is whole micro-units. Lists are cut by"
        " `limit`; follow `next` until it is null."
    ),
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["dee_site.api_schema.complete"],
}
