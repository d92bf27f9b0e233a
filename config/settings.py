"""Settings of Debrief. Everything that differs between installations comes from the environment: docs/configure.md."""

from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF

from config import env
from config.logs import logging_settings

BASE_DIR = env.BASE_DIR

DEBUG = env.boolean("DEBUG")
SECRET_KEY = env.secret_key(debug=DEBUG)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
FIELD_KEYS = env.field_keys()
BASE_URL = env.address("BASE_URL", default="http://localhost:8000", schemes={"http", "https"}).rstrip("/")
HTTP_ONLY = env.boolean("HTTP_ONLY")
"""True only for a single machine without TLS: cookies are then sent over plain http."""
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]

# -- Applications ------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "accounts",
    "incidents",
    "postmortems",
    "actions",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.RequestContextMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
    "accounts.middleware.NoStoreMiddleware",
    "accounts.middleware.LastUserMiddleware",
    "accounts.middleware.SingleSignOnMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

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
                "csp.context_processors.nonce",
                "accounts.context_processors.shell",
            ],
        },
    },
]
FORM_RENDERER = "accounts.renderer.FormRenderer"
INSTALLED_APPS.insert(0, "django.forms")

# -- Data --------------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.database("DATABASE_URL")}
if pool_size := env.number("DATABASE_POOL_SIZE", default=0):
    options = {"pool": {"min_size": 1, "max_size": pool_size, "timeout": 10}}
    DATABASES["default"]["OPTIONS"] = env.options(DATABASES["default"]) | options

REDIS_URL = env.address("REDIS_URL", default="redis://localhost:6379/0", schemes={"redis", "rediss", "unix"})
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        # Without Redis everything still works, a little slower: a miss, and a line in the log.
        "OPTIONS": {"IGNORE_EXCEPTIONS": True, "SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
    }
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
DJANGO_REDIS_LOGGER = "debrief.cache"
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

FILES_ROOT = env.BASE_DIR / env.text("FILES_ROOT", default="var/files")
"""Where uploaded files are kept: outside the web root, served only through the gate."""
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": FILES_ROOT, "base_url": None},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = env.BASE_DIR / env.text("STATIC_ROOT", default="var/static")
STATICFILES_DIRS = [
    BASE_DIR / "static" / "dist",
    ("js", BASE_DIR / "static" / "js"),
    ("vendor", BASE_DIR / "static" / "vendor"),
    ("img", BASE_DIR / "static" / "img"),
]
WHITENOISE_USE_FINDERS = DEBUG
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

# -- Background work ---------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.broker(REDIS_URL)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900}
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    "sweep-texts": {"task": "postmortems.tasks.sweep_texts", "schedule": 60.0},
    "sync-jira": {"task": "actions.tasks.sync_due", "schedule": 20.0},
    "poll-jira": {"task": "actions.tasks.poll_jira", "schedule": 60.0},
    "sweep-jira": {"task": "actions.tasks.sweep_jira", "schedule": crontab(hour=3, minute=10)},
    "warn-of-tokens": {"task": "actions.tasks.warn_of_tokens", "schedule": crontab(minute=20)},
    "remind": {"task": "actions.tasks.remind", "schedule": 120.0},
    "tell-attendees": {"task": "postmortems.tasks.tell_attendees", "schedule": 60.0},
    "tell-followers": {"task": "postmortems.tasks.tell_followers", "schedule": 120.0},
    "push-pages": {"task": "postmortems.tasks.push_pages", "schedule": 60.0},
    "sweep-exports": {"task": "accounts.tasks.sweep_exports", "schedule": 300.0},
    "mail-comments": {"task": "postmortems.tasks.mail_comments", "schedule": 300.0},
}

# -- People ------------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignupForm"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if HTTP_ONLY else "https"
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "20/m/ip,5/5m/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", default=0)
SIGNUP_DOMAINS = env.words("SIGNUP_DOMAINS")
"""Mail domains whose people may sign up without an invitation; empty means by invitation only."""
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS: dict[str, object] = {}
if oidc_issuer := env.text("OIDC_ISSUER"):
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": env.text("OIDC_NAME", default="Single sign-on"),
                "client_id": env.text("OIDC_CLIENT_ID"),
                "secret": env.text("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": oidc_issuer},
            }
        ],
    }

# -- Mail --------------------------------------------------------------------------------------------------------------

globals().update(env.mail("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", default="Debrief <debrief@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 20

# -- Slack -------------------------------------------------------------------------------------------------------------

REVIEW_HOURS = env.number("REVIEW_HOURS", default=24)
"""How long a post-mortem lies open for review before it is published, counted on working days."""
SLACK_BOT_TOKEN = env.text("SLACK_BOT_TOKEN", default="")
JIRA_PRIVATE_HOSTS = env.words("JIRA_PRIVATE_HOSTS")
"""Hosts on private addresses that a Jira may be on; those on this machine itself may be spoken to without TLS."""
JIRA_CA_FILE = env.text("JIRA_CA_FILE")
"""Certificates to trust besides the public ones, as a file."""
SLACK_HOOK_HOSTS = env.words("SLACK_HOOK_HOSTS")
"""Hosts besides hooks.slack.com that an incoming webhook may be on; on this machine itself also without TLS."""
ATLASSIAN_AUTH_URL = env.address("ATLASSIAN_AUTH_URL", default="https://auth.atlassian.com", schemes={"https", "http"})
"""Where people agree that an app may use a Jira Cloud, and where its tokens are renewed."""
ATLASSIAN_API_URL = env.address("ATLASSIAN_API_URL", default="https://api.atlassian.com", schemes={"https", "http"})
"""Where a Jira Cloud is asked with such a token."""
SLACK_API_URL = env.address("SLACK_API_URL", default="https://slack.com/api/", schemes={"https", "http"})

# -- Time and language -------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# -- Security ----------------------------------------------------------------------------------------------------------

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "accounts.views.errors.csrf_failure"
CSRF_TRUSTED_ORIGINS = [BASE_URL]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if not HTTP_ONLY:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    if ALLAUTH_TRUSTED_PROXY_COUNT:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["htmx", "debrief-paste"],
    },
}
PERMISSIONS_POLICY = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"

# -- Logs --------------------------------------------------------------------------------------------------------------

LOGGING = logging_settings(
    json=env.choice("LOG_FORMAT", default="json", among=["json", "text"]) == "json",
    level=env.choice("LOG_LEVEL", default="info", among=["debug", "info", "warning", "error"]).upper(),
)
