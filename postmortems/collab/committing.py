"""Connections for the commits of live text, on the event loop, by libpq's own calls (`psycopg.pq`).

Not in a thread: each time one wants the interpreter back from a busy loop, it waits milliseconds for it. And without
cursors: they were two thirds of what a commit costs this process, and every keystroke waits for one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from functools import cache

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import pq
from psycopg.errors import error_from_result

from postmortems.collab import store
from postmortems.collab.store import Append

STATEMENTS = {store.APPEND: b"debrief_append", store.APPEND_ONE: b"debrief_append_one"}
"""Under which name each is prepared."""
DJANGOS_OWN = {"cursor_factory", "context", "prepare_threshold"}
"""Of a connection's parameters, those that make it Django's and not the driver's."""
POOLER_KNOWS_NONE = (psycopg.errors.InvalidSqlStatementName, psycopg.errors.DuplicatePreparedStatement)


class Committing:
    """`store.append` on the event loop, in a transaction of its own.

    The statement is prepared; behind a pooler that keeps no prepared ones it is sent whole from the second try on.
    """

    def __init__(self) -> None:
        self._idle: list[Link] = []
        self._may_prepare = True

    async def append(self, appends: Sequence[Append]) -> dict[int, int]:
        """The number of each new entry. Cancelled, it may or may not have been committed. Raises psycopg's errors.

        While one is under way, the next takes another connection: there are as many as ever were needed at once.
        """
        link = self._idle.pop() if self._idle else await self._connect()
        try:
            results = await link.ask(store.statements(appends))
        except BaseException as error:
            self._idle.append(link)
            await self.close()  # what ended one has likely ended the others
            self._may_prepare &= not isinstance(error, POOLER_KNOWS_NONE)
            raise
        self._idle.append(link)
        return {_number(result, row, 0): _number(result, row, 1) for result in results for row in range(result.ntuples)}

    async def _connect(self) -> Link:
        known = connections[DEFAULT_DB_ALIAS].get_connection_params()
        address = {name: value for name, value in known.items() if name not in DJANGOS_OWN}
        connection = await psycopg.AsyncConnection.connect(**address, autocommit=True)
        try:
            link = Link(connection)
        except OSError:
            await connection.close()
            raise
        if self._may_prepare:
            try:
                await link.prepare()
            except BaseException as error:
                await link.close()
                self._may_prepare &= not isinstance(error, POOLER_KNOWS_NONE)
                raise
        return link

    async def close(self) -> None:
        """End the connections that nobody uses now."""
        while self._idle:
            await self._idle.pop().close()


@cache
def _numbered(command: str) -> bytes:
    """`command` with its places for parameters as libpq takes them."""
    return (command % tuple(f"${number}" for number in range(1, command.count("%s") + 1))).encode()


def _number(result: pq.abc.PGresult, row: int, column: int) -> int:
    return int(result.get_value(row, column) or 0)


class Link:
    """A connection that is asked for one transaction at a time. After an error it is of no use any more.

    It is in pipeline mode: all statements of a transaction are sent at once, and committed together at their end.
    """

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        # libpq closes its own descriptor when Postgres hangs up, whose number is then soon another socket's.
        self._socket = os.dup(self._pgconn.socket)
        self._loop = asyncio.get_running_loop()
        self._is_prepared = False
        self._results: list[pq.abc.PGresult] = []
        self._answered = self._loop.create_future()
        self._answered.set_result(None)
        self._pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._take_in)

    async def prepare(self) -> None:
        """Parse `STATEMENTS` once, for all that is asked from now on."""
        for command, name in STATEMENTS.items():
            self._pgconn.send_prepare(name, _numbered(command))
        await self._answer()
        self._is_prepared = True

    async def ask(self, commands: Iterable[tuple[str, Sequence[str]]]) -> list[pq.abc.PGresult]:
        """What Postgres answers to each of `STATEMENTS`, with its values as text. Raises psycopg's errors."""
        for command, values in commands:
            parameters = [value.encode() for value in values]
            if self._is_prepared:
                self._pgconn.send_query_prepared(STATEMENTS[command], parameters)
            else:
                self._pgconn.send_query_params(_numbered(command), parameters)
        return await self._answer()

    async def close(self) -> None:
        self._loop.remove_reader(self._socket)
        os.close(self._socket)
        await self._connection.close()

    async def _answer(self) -> list[pq.abc.PGresult]:
        self._results = []
        self._answered = self._loop.create_future()
        self._pgconn.pipeline_sync()
        while self._pgconn.flush():
            await self._writable()
        await self._answered
        for result in self._results:
            if result.status not in {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}:
                raise error_from_result(result)
        return self._results

    def _take_in(self) -> None:
        """Bytes have come, or the connection is gone."""
        try:
            self._pgconn.consume_input()
            is_whole = self._read_results()
        except psycopg.OperationalError as error:
            self._loop.remove_reader(self._socket)
            if not self._answered.done():
                self._answered.set_exception(error)
            return
        if is_whole and not self._answered.done():
            self._answered.set_result(None)

    def _read_results(self) -> bool:
        """Whether the transaction has come to its end: Postgres says so after the last result."""
        is_between = False
        while not (self._answered.done() or self._pgconn.is_busy()):
            result = self._pgconn.get_result()
            if result is None:  # once, between the results of two statements
                if is_between:
                    raise psycopg.OperationalError("no answer")
                is_between = True
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return True
            self._results.append(result)
            is_between = False
        return False

    async def _writable(self) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(self._socket, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_writer(self._socket)
