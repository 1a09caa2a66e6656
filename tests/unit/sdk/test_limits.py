"""Limits of peers, where people set them."""

import pytest

from mcpmesh import Client, ToolServer
from mcpmesh.config import LimitSettings
from mcpmesh.errors import TooLarge


def echo_server(limits: LimitSettings | None = None) -> ToolServer:
    server = ToolServer("echo", limits=limits)

    @server.tool
    async def echo(text: str) -> str:
        """Says it again."""
        return text

    return server


async def test_a_tool_servers_own_limits_stand_before_those_of_the_command_line() -> None:
    server = echo_server(LimitSettings(max_message_bytes=2048))
    server.limit(LimitSettings())
    replica = await server.start()
    try:
        async with Client(replica.endpoint, default_timeout=10) as client:
            assert (await client.call("echo", {"text": "x" * 1000})).text == "x" * 1000
            with pytest.raises(TooLarge, match="--max-message-bytes"):
                await client.call("echo", {"text": "x" * 4000})
    finally:
        await server.stop(0)


async def test_limits_can_be_given_to_a_server_that_has_none() -> None:
    server = echo_server()
    server.limit(LimitSettings(max_message_bytes=2048))
    replica = await server.start()
    try:
        async with Client(replica.endpoint, default_timeout=10) as client:
            with pytest.raises(TooLarge):
                await client.call("echo", {"text": "x" * 4000})
    finally:
        await server.stop(0)


async def test_a_client_bounds_the_answers_it_takes() -> None:
    server = echo_server()
    replica = await server.start()
    try:
        async with Client(replica.endpoint, default_timeout=10, max_message_bytes=2048) as client:
            with pytest.raises(TooLarge):
                await client.call("echo", {"text": "x" * 4000})
    finally:
        await server.stop(0)


async def test_with_the_least_room_the_largest_message_passes() -> None:
    largest, text = 2**20, "x" * (2**20 - 100)
    least = largest + largest // 16 + 1024
    limits = LimitSettings(max_message_bytes=largest, max_unfinished_bytes=least)
    server = ToolServer("size", limits=limits)

    @server.tool
    async def size(text: str) -> int:
        """Count."""
        return len(text)

    replica = await server.start()
    try:
        async with Client(replica.endpoint, default_timeout=30) as client:
            assert (await client.call("size", {"text": text})).data == len(text)
    finally:
        await server.stop(0)
