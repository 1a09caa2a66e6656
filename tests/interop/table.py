"""The table of cases and pairings."""

from collections.abc import Sequence
from typing import Protocol

from rich.console import Console
from rich.table import Table


class Column(Protocol):
    """One pairing: what went wrong by case ("" for nothing), and what was not tried, and why."""

    name: str
    wrong: dict[str, str]
    skipped: dict[str, str]


def show(cases: Sequence[str], columns: Sequence[Column]) -> None:
    """Print the table, the pairings by number, every failure, and why something was not run."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=140)
    table = Table("case")
    for number, _ in enumerate(columns, 1):
        table.add_column(str(number), justify="center")
    for case in cases:
        table.add_row(case, *(_cell(case, column) for column in columns))
    console.print(table)
    for number, column in enumerate(columns, 1):
        passed = sum(not wrong for wrong in column.wrong.values())
        console.print(f"{number:3}  {column.name}: {passed} of {len(column.wrong)} passed")
    _show_reasons(console, columns)


def _cell(case: str, column: Column) -> str:
    if case in column.wrong:
        return "[red]FAIL[/red]" if column.wrong[case] else "[green]ok[/green]"
    return "[dim]n.a.[/dim]"


def _show_reasons(console: Console, columns: Sequence[Column]) -> None:
    for number, column in enumerate(columns, 1):
        reasons: dict[str, list[str]] = {}
        for case, reason in column.skipped.items():
            reasons.setdefault(reason, []).append(case)
        for reason, cases in reasons.items():
            which = "all cases" if len(cases) > 10 else ", ".join(cases)
            console.print(f"n.a. {number}: {which}: {reason}", markup=False, soft_wrap=True)
    for number, column in enumerate(columns, 1):
        for case, wrong in column.wrong.items():
            if wrong:
                console.print(f"FAIL {number}: {case}: {wrong}", markup=False, soft_wrap=True)
    failed = sum(bool(wrong) for column in columns for wrong in column.wrong.values())
    console.print(f"{failed} failed" if failed else "all green")
