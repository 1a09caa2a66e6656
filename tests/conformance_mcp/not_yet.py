"""Scenarios that the bridge does not pass yet, by revision; one that passes must leave the list."""

NOT_YET = {
    "2025-11-25": frozenset[str](),
    "2026-07-28": frozenset(
        (
            # An extension that the bridge does not have.
            "tasks-capability-negotiation",
            "tasks-dispatch-and-envelope",
            "tasks-lifecycle",
            "tasks-mrtr-composition",
            "tasks-mrtr-input",
            "tasks-request-headers",
            "tasks-request-state-removal",
            "tasks-required-task-error",
            "tasks-wire-fields",
        )
    ),
}

#: Scenarios that a revision does not require, and that must run and pass all the same.
WANTED = {
    "2025-11-25": frozenset(
        ("json-schema-2020-12", "server-session-lifecycle", "server-sse-polling")
    ),
    "2026-07-28": frozenset(
        ("http-custom-header-server-validation", "http-header-validation", "json-schema-2020-12")
    ),
}
