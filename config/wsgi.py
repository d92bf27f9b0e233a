"""WSGI entry: pages, served by gunicorn in production."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# The garbage collector leaves alone what was loaded once: looking through it takes a tenth of a second, and pages wait.
gc.collect()
gc.freeze()
