"""The product's settings for tools that only read the models: no database is reached, no secret is real."""

import os

os.environ.setdefault("SECRET_KEY", "not-a-secret-only-read-by-the-type-checker-0123456789")
os.environ.setdefault("DATABASE_URL", "postgres://nobody@localhost/nothing")

from config.settings import *  # noqa: F403
