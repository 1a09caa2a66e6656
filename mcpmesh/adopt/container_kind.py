"""kind = "container" in a table of what to adopt: tool containers."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcpmesh.adopt.container_upstream import ContainerUpstream, ToolContainer
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.upstream import Upstream
from mcpmesh.config.tool_container import ContainerSettings


def tool_containers(
    name: str, table: Mapping[str, Any], _environ: Mapping[str, str]
) -> Sequence[Upstream]:
    """Return the containers. Raises: InvalidSetting."""
    settings = ContainerSettings.read(table, name)
    return [
        ContainerUpstream(
            ToolContainer(
                name,
                url,
                only=settings.only,
                headers=settings.headers,
                labels=settings.labels,
                look_every=settings.look_every,
                max_answer_bytes=settings.max_answer_bytes,
            ),
            Naming(settings.namespace),
        )
        for url in settings.addresses
    ]
