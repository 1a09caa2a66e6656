"""SQL over a real SQLite database that nobody can change, fill or keep busy."""

import sqlite3
import time
from typing import Annotated

from pydantic import BaseModel, Field

from examples.datasets import rows
from mcpmesh import ToolContext, ToolFailure, ToolServer

app = ToolServer("sql")

TABLES = {"airports": "airports", "weather": "seattle-weather", "stocks": "stocks"}
ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
MAX_SECONDS = 2.0
MAX_VALUE_BYTES = 20_000
STEPS_BETWEEN_CHECKS = 10_000

Value = str | int | float | None


class Table(BaseModel):
    """What a query found."""

    columns: list[str]
    rows: list[list[Value]]
    more: bool = Field(description="there are more rows than the limit")


def _build() -> bytes:
    """Fill a database and return its pages, as they would stand in a file."""
    database = sqlite3.connect(":memory:")
    for table, name in TABLES.items():
        data = rows(name)
        # Without a declared type a column keeps what it gets; NUMERIC reads "39.8" as a number.
        columns = ", ".join(f'"{column}" NUMERIC' for column in data[0])
        places = ", ".join("?" * len(data[0]))
        database.execute(f'CREATE TABLE "{table}" ({columns})')
        database.executemany(
            f'INSERT INTO "{table}" VALUES ({places})', (list(row.values()) for row in data)
        )
    database.commit()
    return database.serialize()


PAGES = _build()


def _open(ctx: ToolContext) -> sqlite3.Connection:
    """Open a copy of the database for one query, with all its limits."""
    database = sqlite3.connect(":memory:")
    database.deserialize(PAGES)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    database.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in ALLOWED else sqlite3.SQLITE_DENY
    )
    end = time.monotonic() + MAX_SECONDS
    database.set_progress_handler(
        lambda: ctx.cancelled or time.monotonic() > end, STEPS_BETWEEN_CHECKS
    )
    return database


@app.tool(read_only=True, idempotent=True, timeout=10.0)
def sql_query(sql: str, ctx: ToolContext, limit: Annotated[int, Field(ge=1, le=500)] = 50) -> Table:
    """Run one SELECT (SQLite) over the tables airports, weather and stocks; see sql_tables."""
    database = _open(ctx)
    try:
        cursor = database.execute(sql)
        found = cursor.fetchmany(limit + 1)
    except sqlite3.Error as error:
        raise ToolFailure(f"SQLite refuses this: {error}.{_hint(str(error))}") from error
    finally:
        database.close()
    columns = [column[0] for column in cursor.description or ()]
    shown = [[_plain(value) for value in row] for row in found[:limit]]
    return Table(columns=columns, rows=shown, more=len(found) > limit)


@app.tool(read_only=True, idempotent=True, timeout=2.0)
def sql_tables(ctx: ToolContext) -> dict[str, list[str]]:
    """The tables that sql_query can read, and their columns."""
    database = _open(ctx)
    tables = {
        table: [column[0] for column in database.execute(f'SELECT * FROM "{table}"').description]
        for table in TABLES
    }
    database.close()
    return tables


def _hint(reason: str) -> str:
    if "authoriz" in reason:
        return " Only SELECT is allowed."
    if reason == "interrupted":
        return f" It took longer than {MAX_SECONDS} s; narrow it down."
    return ""


def _plain(value: Value | bytes) -> Value:
    """JSON has no bytes; show them as SQL does."""
    return f"x'{value.hex()}'" if isinstance(value, bytes) else value
