"""Is the process alive; can it serve."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from accounts.access import public
from config.preflight import NotReady, check_redis

logger = logging.getLogger("debrief.health")


@public
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@public
def readyz(request: HttpRequest) -> JsonResponse:
    """The database, Redis and the migrations are as this version needs them; 503 and which one is not, otherwise."""
    checks = {"database": _database(), "redis": _redis(), "migrations": _migrations()}
    is_ready = all(state == "ok" for state in checks.values())
    return JsonResponse({"status": "ok" if is_ready else "unready", **checks}, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        logger.exception("readyz: the database does not answer")
        return "unreachable"
    return "ok"


def _redis() -> str:
    try:
        check_redis(settings.REDIS_URL)
    except NotReady:
        logger.exception("readyz: Redis does not answer")
        return "unreachable"
    return "ok"


def _migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
    except OperationalError:
        return "unknown"
    return "pending" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else "ok"
