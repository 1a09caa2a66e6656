"""Which version a newcomer's tool gets, so that nothing is ever silently replaced.

Replicas of one (name, version) agree on the whole definition. A newcomer that differs from what
others hold gets a version of its own beside theirs: the version it asked for, a dash and a digest
of its definition. The digest depends on nothing else, so all replicas of a new edition meet.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import Tool

DIGEST_DIGITS = 8
_MAX_VERSION = 128


class VersionTable:
    """Who holds which version of which tool, in which definition."""

    def __init__(self) -> None:
        self._holders: dict[tuple[str, str], dict[str, Tool]] = {}

    def __repr__(self) -> str:
        return f"VersionTable({len(self._holders)} versions)"

    def resolve(self, replica_id: str, tools: Iterable[Tool]) -> tuple[Tool, ...]:
        """Return the tools under the versions that this replica gets them; changes nothing.

        Raises: InvalidCall for the same tool and version twice.
        """
        kept = tuple(self._kept(replica_id, tool) for tool in tools)
        seen: set[tuple[str, str]] = set()
        for tool in kept:
            key = (tool.name, tool.version)
            if key in seen:
                raise InvalidCall(
                    f"replica {replica_id}: tool {tool.name} version {tool.version} stands twice"
                )
            seen.add(key)
        return kept

    def hold(self, replica_id: str, tools: Iterable[Tool]) -> None:
        """Note that the replica holds these tools, resolved before."""
        for tool in tools:
            self._holders.setdefault((tool.name, tool.version), {})[replica_id] = tool

    def release(self, replica_id: str, tools: Iterable[Tool]) -> list[Tool]:
        """Note that the replica holds these tools no more; return those that nobody holds now."""
        gone = []
        for tool in tools:
            key = (tool.name, tool.version)
            holders = self._holders[key]
            del holders[replica_id]
            if not holders:
                del self._holders[key]
                gone.append(tool)
        return gone

    def _kept(self, replica_id: str, tool: Tool) -> Tool:
        held = self._held_by_others(replica_id, tool)
        if held == tool:
            return tool
        digest = definition_digest(tool)
        beside = _beside(tool, digest[:DIGEST_DIGITS])
        if held is None:
            # The old owners of this version may be gone while its peers of the same edition
            # live on beside it: the newcomer belongs to them.
            return beside if self._held_by_others(replica_id, beside) == beside else tool
        for digits in range(DIGEST_DIGITS, len(digest)):
            beside = _beside(tool, digest[:digits])
            if self._held_by_others(replica_id, beside) in (None, beside):
                break
        return beside

    def _held_by_others(self, replica_id: str, tool: Tool) -> Tool | None:
        holders = self._holders.get((tool.name, tool.version), {})
        return next((held for holder, held in holders.items() if holder != replica_id), None)


def definition_digest(tool: Tool) -> str:
    """Return a digest of all that replicas of one version must agree on, as hex digits."""
    parts = [
        tool.title,
        tool.description,
        tool.input_schema,
        tool.output_schema,
        tool.annotations,
        sorted(tool.labels.items()),
        tool.timeout,
    ]
    if tool.kind is not None:
        parts.append(tool.kind)
    if tool.policy:
        parts.append(json.dumps(tool.policy, sort_keys=True))
    if tool.capability:
        parts.append(tool.capability)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _beside(tool: Tool, digest: str) -> Tool:
    asked = tool.version[: _MAX_VERSION - 1 - len(digest)]
    return replace(tool, version=f"{asked}-{digest}")
