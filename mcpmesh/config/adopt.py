"""Settings of what is adopted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcpmesh.config.checks import InvalidSetting


@dataclass(frozen=True, slots=True)
class AdoptSettings:
    """What exists outside the mesh and becomes tools of it.

    Raises: InvalidSetting.
    """

    adopt: tuple[str, ...] = ()
    """What to adopt: NAME={"command": ["npx", "-y", "some-server"], "copies": 3}."""

    def __post_init__(self) -> None:
        self.tables()

    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the tables by name."""
        tables: dict[str, Mapping[str, Any]] = {}
        for text in self.adopt:
            name, _, written = text.partition("=")
            try:
                table = json.loads(written)
            except ValueError:
                table = None
            if not isinstance(table, dict):
                # Not what was written: it may hold secrets.
                raise InvalidSetting("adopt", f'{name[:50]!r} is not NAME={{"SETTING": VALUE}}')
            if name in tables:
                raise InvalidSetting("adopt", f"{name} stands twice")
            tables[name] = table
        return tables

    def variable(self) -> str:
        """Write it as the value of an environment variable: a list separated by spaces."""
        return " ".join(
            f"{name}={json.dumps(table, separators=(',', ':'))}".replace(" ", "\\u0020")
            for name, table in self.tables().items()
        )
