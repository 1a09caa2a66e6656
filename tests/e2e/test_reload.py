"""`up --reload`: code that changes is served without a failing call."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.commands import Command, command
from tests.e2e.stubs import Stubs
from tests.eventually import eventually

CODE = '''
from mcpmesh import ToolServer

app = ToolServer("changing")

@app.tool(idempotent=True)
async def word() -> str:
    """Says a word."""
    return "{word}"
'''


@pytest.mark.parametrize("replicas", [1, 2])
async def test_changed_module_is_served_and_no_call_fails_meanwhile(
    tmp_path: Path, replicas: int
) -> None:
    code = tmp_path / "changing.py"
    code.write_text(CODE.replace("{word}", "old"))
    options = ("--reload", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    with command(
        tmp_path, "up", "changing", "--replicas", str(replicas), *options, cwd=tmp_path
    ) as up:
        async with Stubs(up.grpc) as stubs:
            assert set(await stubs.spread("word", 10)) == {"old"}
            before = set(up.children())
            said: list[str] = []

            async def call() -> None:
                while True:
                    said.append(await stubs.text("word"))
                    await asyncio.sleep(0.005)

            calling = asyncio.create_task(call())
            code.write_text(CODE.replace("{word}", "new"))
            await eventually(lambda: not before & set(up.children()))
            await eventually(lambda: len(up.children()) == replicas)
            await eventually(lambda: calling.done() or said[-20:] == ["new"] * 20)
            assert not calling.done(), calling.exception()
            calling.cancel()
            assert set(said) == {"old", "new"}
            await eventually(lambda: _all_ready(stubs, replicas))
            await broken_code_is_not_taken(up, stubs, code)


async def broken_code_is_not_taken(up: Command, stubs: Stubs, code: Path) -> None:
    code.write_text("this is no Python")
    await eventually(lambda: "cannot start; waiting for a change" in up.errors())
    assert set(await stubs.spread("word", 10)) == {"new"}
    code.write_text(CODE.replace("{word}", "newest"))
    await eventually(lambda: _all_say(stubs, "newest"))
    up.note_pids()


async def _all_say(stubs: Stubs, word: str) -> bool:
    return set(await stubs.spread("word", 20)) == {word}


async def _all_ready(stubs: Stubs, replicas: int) -> bool:
    return await stubs.ready("word") == (replicas, replicas)
