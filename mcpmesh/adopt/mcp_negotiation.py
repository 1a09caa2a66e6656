"""Which era and protocol version a server and we speak."""

from collections.abc import Mapping

import mcp_types as types
from mcp import ClientSession, MCPError
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import ValidationError


async def negotiate(session: ClientSession, era: str) -> None:
    """Agree on a protocol version: the modern era's if the server speaks it.

    Raises: MCPError, RuntimeError when there is none that both speak.
    """
    if era != "legacy":
        try:
            await session.discover()
            return
        except MCPError as error:
            supported = _supported(error)
            if era == "modern" or (supported and supported.isdisjoint(HANDSHAKE_PROTOCOL_VERSIONS)):
                raise
        except (RuntimeError, ValidationError):
            if era == "modern":
                raise
    await session.initialize()


def _supported(error: MCPError) -> set[str]:
    data = error.error.data
    found = data.get("supported") if isinstance(data, Mapping) else None
    unsupported = error.code == types.UNSUPPORTED_PROTOCOL_VERSION
    return set(map(str, found)) if unsupported and isinstance(found, list) else set()
