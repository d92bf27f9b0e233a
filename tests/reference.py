"""Where third-party reference data lie beside the project; tests that need them skip where they are not."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

REFERENCE = Path(settings.BASE_DIR).parent / "shared" / "data"
