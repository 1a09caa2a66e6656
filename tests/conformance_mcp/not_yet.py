"""Scenarios that the bridge does not pass yet, by revision; one that passes must leave the list."""

NOT_YET = {"2025-11-25": frozenset[str](), "2026-07-28": frozenset[str]()}
