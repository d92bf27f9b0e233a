"""Structured logs that carry the request's id, and never the text of a document."""

import logging
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Id of the request, socket or task at work; empty outside one."""

client_address: ContextVar[str | None] = ContextVar("client_address", default=None)
"""IP address of the person whose request is at work; None outside one."""


class RequestIdFilter(logging.Filter):
    """Puts the current request's id on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def logging_settings(*, json: bool, level: str) -> dict[str, object]:
    """`LOGGING` for Django: one line a record on standard error, as JSON or for people."""
    formatter: dict[str, object] = {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}
    if json:
        formatter["()"] = "pythonjsonlogger.json.JsonFormatter"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": "config.logs.RequestIdFilter"}},
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {"django.server": {"level": "WARNING"}},
    }
