"""What commands print: tables for people, tab-separated lines for pipes, JSON for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_json(value: object) -> None:
    """Print a value as JSON: indented on a terminal, one line elsewhere."""
    indent = 2 if sys.stdout.isatty() else None
    print_line(json.dumps(value, indent=indent, ensure_ascii=False, default=str))


def print_line(text: str = "") -> None:
    """Print a line to stdout at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def print_note(text: str) -> None:
    """Print a line to stderr: what is not the command's result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """Print a table on a terminal, tab-separated lines elsewhere, or say that there is nothing."""
    if not rows:
        print_note(nothing)
        return
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            print_line("\t".join(str(cell).replace("\t", " ") for cell in row))
        return
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    Console().print(table)


def compact(values: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what says nothing: None, empty text, empty lists and objects."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {}, ())}
