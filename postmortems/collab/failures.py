"""What Django and the driver raise, in the words of the ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError

from postmortems.collab.ports import LogRefused, LogUnreachable


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn an error of the database into `LogUnreachable` or `LogRefused`.

    A system that gives no connection is as far away as a database that does not answer.
    """
    try:
        yield
    except (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
        raise LogUnreachable(str(error)) from error
    except (DatabaseError, psycopg.DatabaseError) as error:
        raise LogRefused(str(error)) from error
