"""How is DEE configured? One file; everything that differs between places comes from the environment (`env.py`).

Safe by default: HTTPS cookies, sandbox channels, no debug pages. `.env.example` lists every variable.
"""

from pathlib import Path

from csp.constants import NONE, SELF

from dee_site import env, logs
from dee_site.api_settings import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DEE_DATA_DIR", str(BASE_DIR / ".data")))

# --- Who may reach it, and how ---
DEBUG = env.flag("DEE_DEBUG", False)
HTTPS = env.flag("DEE_HTTPS", True)
SECRET_KEY = env.secret(
    "DEE_SECRET_KEY", hint="Make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"
)
ALLOWED_HOSTS = env.words("DEE_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("DEE_CSRF_TRUSTED_ORIGINS")

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("DEE_BEHIND_PROXY", False) else None
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- What it is made of ---
ROOT_URLCONF = "dee_site.urls"
WSGI_APPLICATION = "dee_site.wsgi.application"
INSTALLED_APPS = [
    "audit",
    "channels",
    "policies",
    "plans",
    "runs",
    "dee_site.apps.DeeAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "csp",
    "dee_site.apps.SiteConfig",
]
MIDDLEWARE = [
    "dee_site.request_id.Numbered",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dee_site.errors.Explained",
    "dee_site.second_factor.Asked",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Signing in ---
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "admin:login"
CSRF_FAILURE_VIEW = "dee_site.errors.csrf"
SESSION_COOKIE_AGE = 12 * 3600
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # so that a stranger cannot lock an operator out
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False  # its lines name people
AXES_ENABLE_ADMIN = False  # its lists hold what strangers typed; who is locked out stands on a page of our own
AXES_DISABLE_ACCESS_LOG = True  # addresses and browsers of people, which nobody here looks at
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # so that the page can say until when
AXES_LOCKOUT_CALLABLE = "dee_site.lockout.locked_out"
OTP_TOTP_ISSUER = "DEE"

# --- Where things are ---
# The application connects as DEE_APP_ROLE, which owns nothing; migrations run with DATABASE_URL set to the owner's URL.
DEE_APP_ROLE = env.text("DEE_APP_ROLE", "dee_app")
# A process that is frozen inside a transaction must not hold the head of the log, and nobody waits for it for ever.
SESSION = "-c lock_timeout=15s -c idle_in_transaction_session_timeout=60s"
DATABASES = {
    "default": {**env.postgres("DATABASE_URL", session=SESSION), "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
}
REDIS_URL = env.redis("REDIS_URL")
STATIC_URL = "static/"
STATIC_ROOT = env.text("DEE_STATIC_ROOT", str(DATA_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# --- Channels: nothing leaves the machine unless both lines say so ---
DEE_EMAIL_ADAPTER = env.text("DEE_EMAIL_ADAPTER", "sandbox")
DEE_VOICE_ADAPTER = env.text("DEE_VOICE_ADAPTER", "sandbox")
DEE_SANDBOX_DELAY_S = env.integer("DEE_SANDBOX_DELAY_S", 0, least=0, most=60)
DEE_MAIL_FROM = env.text("DEE_MAIL_FROM", "")
DEE_SMTP_HOST = env.text("DEE_SMTP_HOST", "")
DEE_SMTP_PORT = env.integer("DEE_SMTP_PORT", 587, least=1, most=65535)
DEE_SMTP_USER = env.text("DEE_SMTP_USER", "")
DEE_SMTP_PASSWORD = env.secret("DEE_SMTP_PASSWORD", "")
DEE_SMTP_TLS = env.choice("DEE_SMTP_TLS", "starttls", among=("none", "starttls", "tls"))
DEE_SMTP_CA_FILE = env.text("DEE_SMTP_CA_FILE", "")
DEE_SMTP_EHLO = env.text("DEE_SMTP_EHLO", "")
DEE_HOOK_SECRETS = env.secrets_by_name("DEE_HOOK_SECRETS")

# --- Signing in with a second factor: not asked where nothing can leave the machine, unless it is set ---
DEE_REQUIRE_2FA = env.flag("DEE_REQUIRE_2FA", {DEE_EMAIL_ADAPTER, DEE_VOICE_ADAPTER} != {"sandbox"})

# --- Plans: what has to agree before a version comes into force (`plans.activation`) ---
DEE_ACTIVATION_CHECKS = ["dee_site.activation.policy_problems"]
DEE_REVIEW_TRACES = "runs.trying.review_traces.of_version"  # what it would do
DEE_REVIEW_IMPACT = "runs.plan_impact.of_plan"  # whom a new version touches (`plans.impact`)
DEE_POLICY_KEYS = "dee_site.activation.policy_keys"

# --- The engine ---
# How long a silent engine keeps its place; longer than any send may take.
DEE_LEASE_S = env.integer("DEE_LEASE_S", 20, least=2, most=600)
# Messages on their way at the same time; a crash leaves at most these unknown.
DEE_WAVE = env.integer("DEE_WAVE", 32, least=1, most=256)
DEE_SANDBOX_SEED = env.text("DEE_SANDBOX_SEED", "demo")

# --- The one queue ---
# Celery is a doorbell: a message carries no data, so losing or repeating one changes nothing.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_DEFAULT_QUEUE = "engine"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_CONCURRENCY = 1
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "solo"  # one process, one writer, one fencing epoch: no child that a pool would quietly replace
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = True  # `celery inspect ping` is the worker's health check
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # the worker waits for its broker for ever
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # in memory: the schedule is code, there is nothing to remember
CELERY_BEAT_SCHEDULE = {
    "drain": {"task": "runs.drain", "schedule": 1.0, "options": {"queue": "engine", "expires": 1}},
}
# Celery closes the database connection around every task unless it is told how often it may be used again.
CELERY_DB_REUSE_MAX = 1_000_000
# A page that rings the bell must not wait for a broker that is down; the row it wrote is found by the next beat.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 0,
    "interval_start": 0,
    "connect_retries_timeout": 1,
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
    "visibility_timeout": 60,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}

# --- Logging ---
LOGGING = logs.config(
    style=env.choice("DEE_LOG_FORMAT", "console" if DEBUG else "json", among=("json", "console")),
    level=env.choice("DEE_LOG_LEVEL", "INFO", among=("DEBUG", "INFO", "WARNING", "ERROR")),
)
