"""The site's settings for tests: the same, but with cheap passwords and static files straight from the tree.

`dev.py test` sets the real addresses. The stand-ins below let mypy and the tests that need no server load the settings.
"""

import os

os.environ.setdefault("DEE_SECRET_KEY", "only-for-tests")
os.environ.setdefault("DATABASE_URL", "postgresql://dee_app@/no-server?host=/nonexistent")
os.environ.setdefault("REDIS_URL", "unix:///nonexistent/redis.sock")
os.environ.setdefault("DEE_HTTPS", "0")
os.environ.setdefault("DEE_LOG_FORMAT", "console")

from dee_site.settings import *  # noqa: F403

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
AXES_ENABLED = False  # `client.login()` has no request; the lockout has tests of its own
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405 (a live server's threads must not keep connections between tests)
STATIC_ROOT = ""
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
