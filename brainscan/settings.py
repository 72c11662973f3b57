"""Django's settings, all derived from `brainscan.config`."""

from __future__ import annotations

from datetime import timedelta

from brainscan import config as configuration
from brainscan import home
from brainscan.database import database

config = configuration.load()
# Django's settings have upper-case names only; the typed configuration is among them under this one.
CONFIG = config
BASE_DIR = configuration.CHECKOUT
HOME = config.home
home.prepare(HOME)

DEBUG = config.debug
SECRET_KEY = config.session_key()
# Patients' pseudonyms are made with this one; it never leaves this process but through the sandbox's pipe.
PSEUDONYM_KEY = config.patients_key()
ALLOWED_HOSTS = list(config.allowed_hosts)
if config.public_url:
    ALLOWED_HOSTS.append(config.public_url.split("//", 1)[1].rsplit(":", 1)[0])
    CSRF_TRUSTED_ORIGINS = [config.public_url]

INSTALLED_APPS = [
    "detection.apps.BrainscanAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "phonenumber_field",
    "social_django",
    "axes",
    "detection.apps.DetectionConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "detection.accounts.middleware.SessionInUse",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "detection.accounts.middleware.SocialAuthErrors",
    "axes.middleware.AxesMiddleware",
    "detection.retry.RetryMiddleware",
]

ROOT_URLCONF = "brainscan.urls"
WSGI_APPLICATION = "brainscan.wsgi.application"

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
            ],
            "libraries": {"exchange": "detection.exchange.tags"},
        },
    },
]

DATABASES = {"default": database(config.database_url.get_secret_value(), HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# django-cockroachdb asks home on start-up unless told not to.
DISABLE_COCKROACHDB_TELEMETRY = True

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": HOME / "scans",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
            # Keys are made of fresh ids; only a repeated analysis writes one again, and then the same picture.
            "allow_overwrite": True,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG

# Uploads go to disk, never to memory; the door (detection/uploads) holds the limits that matter before parsing.
FILE_UPLOAD_TEMP_DIR = HOME / "incoming"
FILE_UPLOAD_TEMP_DIR.mkdir(mode=0o700, exist_ok=True)
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_HANDLERS = ["detection.uploads.handlers.LimitedUploadHandler"]
# One more than ours, so that our handler answers with a sentence before Django stops with none.
DATA_UPLOAD_MAX_NUMBER_FILES = config.max_upload_files + 1
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

AUTH_USER_MODEL = "detection.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend"]
if config.auth0_enabled:
    AUTHENTICATION_BACKENDS.append("detection.accounts.auth0.Auth0")
AUTHENTICATION_BACKENDS.append("django.contrib.auth.backends.ModelBackend")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "scans"
LOGOUT_REDIRECT_URL = "login"
# Counted from the last page (accounts.middleware): a ward's machine is a shared one.
SESSION_COOKIE_AGE = 2 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "detection.accounts.views.csrf_failure"

# django-axes: five wrong passwords for one name from one address lock that pair for fifteen minutes.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "detection.accounts.services.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "detection.accounts.views.locked_out"
AXES_VERBOSE = False
# Who signed in when is in the audit trail; a second log, of addresses and browsers, nobody would ever clear.
AXES_DISABLE_ACCESS_LOG = True

# Which ways in there are (django-axes guards the second).
AUTH0_ENABLED = config.auth0_enabled
LOCAL_ACCOUNTS = config.local_accounts
SERVED_OVER_HTTPS = config.served_over_https

SOCIAL_AUTH_AUTH0_DOMAIN = config.auth0_domain
SOCIAL_AUTH_AUTH0_KEY = config.auth0_client_id
SOCIAL_AUTH_AUTH0_SECRET = config.auth0_client_secret.get_secret_value()
SOCIAL_AUTH_AUTH0_WHITELISTED_DOMAINS = list(config.auth0_email_domains)
SOCIAL_AUTH_URL_NAMESPACE = "social"
SOCIAL_AUTH_LOGIN_ERROR_URL = "login"
SOCIAL_AUTH_REDIRECT_IS_HTTPS = config.served_over_https
SOCIAL_AUTH_PIPELINE = (
    "social_core.pipeline.social_auth.social_details",
    "social_core.pipeline.social_auth.social_uid",
    "detection.accounts.pipeline.verified_email_only",
    "social_core.pipeline.social_auth.auth_allowed",
    # By Auth0's own id of the person. No step looks an account up by e-mail.
    "social_core.pipeline.social_auth.social_user",
    "detection.accounts.pipeline.active_only",
    "detection.accounts.pipeline.username",
    "social_core.pipeline.user.create_user",
    "social_core.pipeline.social_auth.associate_user",
    "detection.accounts.pipeline.remember_identity_token",
)
SOCIAL_AUTH_USER_FIELDS = ["username", "email", "first_name", "last_name"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if config.served_over_https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600

# The rows are the queue: how long a claim holds without a heartbeat, how often a row is tried, how many are taken up together.
LEASE = timedelta(seconds=config.lease_seconds)
MAX_ATTEMPTS = config.max_attempts
WORKER_BATCH = config.worker_batch

# Text messages go to Twilio when its group is set, to the console otherwise.
TWILIO_ENABLED = config.twilio_enabled
TWILIO_ACCOUNT_SID = config.twilio_account_sid
TWILIO_AUTH_TOKEN = config.twilio_auth_token.get_secret_value()
TWILIO_FROM_NUMBER = config.twilio_from_number
TWILIO_API_URL = config.twilio_api_url

PHONENUMBER_DEFAULT_REGION = config.default_phone_region
PHONENUMBER_DB_FORMAT = "E164"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = config.time_zone
USE_TZ = True
FORMAT_MODULE_PATH = ["brainscan.formats"]
USE_I18N = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": config.log_level},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "WARNING"},
        # A line for every sign-in is the audit trail's business.
        "axes": {"level": "WARNING"},
    },
}
