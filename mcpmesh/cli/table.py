"""Markdown tables, for the pages of docs/ that are generated."""

from collections.abc import Iterable, Sequence


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table; a bar in a cell is escaped."""
    lines = [_line(columns), "|---" * len(columns) + "|"]
    return "\n".join([*lines, *map(_line, rows)])


def code(value: object) -> str:
    """Write a value as code, an empty one as nothing."""
    return f"`{value}`" if value not in ("", None) else ""


def codes(values: Iterable[object]) -> str:
    """Write values as code, one after the other."""
    return ", ".join(code(value) for value in values if value != "")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
