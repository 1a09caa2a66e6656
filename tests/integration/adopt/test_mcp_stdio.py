"""MCP servers over stdio as upstreams: what they offer, what they do wrong, how they end."""

import asyncio
import logging
import os
import signal
import sys

import grpc
import orjson
import pytest

from mcpmesh import Client, ProgressEvent, Question, ToolError
from mcpmesh.adopt.copy import State
from mcpmesh.adopt.parked import Parked
from mcpmesh.config import UpstreamSettings
from mcpmesh.errors import InvalidCall, MethodNotFound, NoReplica
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc
from tests.eventually import eventually
from tests.integration.adopt.one_copy import TOYS, adopted, odd, text_of
from tests.processes import marked


async def test_tools_prompts_and_resources_of_a_command_are_called_through_the_mesh() -> None:
    settings = UpstreamSettings(
        command=TOYS, namespace="toy", env={"TOKEN": "hush-hush"}, labels={"from": "toys"}
    )
    async with adopted(settings) as toys:
        await toys.until(State.SERVING)
        tools = {tool.name: tool for tool in toys.copy.server.tools}
        assert orjson.loads(tools["toy_add"].input_schema)["required"] == ["a", "b"]
        assert tools["toy_add"].labels == {"from": "toys"}
        assert not any(b"hush" in tool.input_schema for tool in tools.values())
        async with Client(toys.endpoint) as client:
            sum_of = await client.call("toy_add", {"a": 1, "b": 2})
            assert (sum_of.text, sum_of.data) == ("3", 3)
            # Its own environment, and of ours only what is harmless.
            os.environ["MCPMESH_TEST_SECRET"] = "of the mesh"
            assert await text_of(client, "toy_environment", {"name": "TOKEN"}) == "hush-hush"
            unset = await text_of(client, "toy_environment", {"name": "MCPMESH_TEST_SECRET"})
            assert unset == "(unset)"
            with pytest.raises(ToolError, match="fail"):
                await text_of(client, "toy_fail")
            events = [event async for event in client.stream("toy_count", {"to": 3})]
            progress = [event.progress for event in events if isinstance(event, ProgressEvent)]
            assert progress[-1] == 3.0
            # No handshake per call, and many calls on one session.
            pids = await asyncio.gather(*(text_of(client, "toy_whoami") for _ in range(10)))
            assert len(set(pids)) == 1
            await client.call("toy_grow")
            await toys.until(State.SERVING, names={"toy_grown"})
            assert await text_of(client, "toy_grown") == "grown"
        async with grpc.aio.insecure_channel(toys.endpoint) as channel:
            stub = invoke_pb2_grpc.ToolServiceStub(channel)  # type: ignore[no-untyped-call]

            async def invoke(tool: str, arguments: bytes, complete: bool = False) -> object:
                request = invoke_pb2.InvokeRequest(
                    tool=tool, arguments=arguments, complete=complete
                )
                return (await stub.Invoke(request)).result

            said = await invoke("prompt:toy_greet", b'{"name":"Ann"}')
            assert said.content[0].text.text == "Say hello to Ann."
            begun = b'{"argument":{"name":"name","value":"An"}}'
            completed = await invoke("prompt:toy_greet", begun, complete=True)
            assert orjson.loads(completed.structured_content)["values"] == ["Ann", "Anton"]
            shelf = await invoke("resource:toy+toy://shelf", b'{"uri":"toy+toy://shelf"}')
            assert shelf.content[0].resource.uri == "toy+toy://shelf"
            assert shelf.content[0].resource.text == "ball, kite"
            box = await invoke("resource:toy+toy://box/{name}", b'{"uri":"toy+toy://box/top"}')
            assert box.content[0].resource.text == "a top"


async def test_a_command_that_dies_fails_its_calls_and_is_started_again() -> None:
    async with adopted(UpstreamSettings(command=odd("fine"))) as toys:
        await toys.until(State.SERVING)
        async with Client(toys.endpoint) as client:
            with pytest.raises(NoReplica, match="lost during the call"):
                await client.call("die")
            await toys.until(State.AWAY)
            assert toys.names == []
            assert toys.copy.failure is not None
            assert "exited with 5" in toys.copy.failure.message
            await toys.until(State.SERVING)
            assert await text_of(client, "echo", {"a": 1}) == '{"a": 1}'


async def test_errors_of_the_protocol_are_those_of_the_mesh() -> None:
    async with adopted(UpstreamSettings(command=odd("fine"))) as toys:
        await toys.until(State.SERVING)
        async with Client(toys.endpoint) as client:
            with pytest.raises(InvalidCall, match="error: the reason"):
                await client.call("error", {"code": -32602})
            with pytest.raises(MethodNotFound):
                await client.call("error", {"code": -32601})
            with pytest.raises(ToolError, match="the reason"):
                (await client.call("error", {"code": -32603})).raise_for_error()
            # A server may use the code with which the client says that a session is over.
            with pytest.raises(ToolError, match="the reason"):
                (await client.call("error", {"code": -32000})).raise_for_error()


async def test_a_flood_of_progress_is_passed_on_in_order() -> None:
    async with adopted(UpstreamSettings(command=odd("fine"))) as toys:
        await toys.until(State.SERVING)
        async with Client(toys.endpoint) as client:
            events = [event async for event in client.stream("flood")]
            progress = [event.progress for event in events if isinstance(event, ProgressEvent)]
            assert progress == sorted(progress)
            assert progress[-1] == 4999
            assert await text_of(client, "echo") == "{}"


async def red(question: Question) -> dict[str, object]:
    assert "Which colour" in question.params["message"]
    return {"action": "accept", "content": {"colour": "red"}}


async def test_a_legacy_server_asks_the_caller_and_goes_on_where_it_was() -> None:
    parked = Parked()
    async with adopted(UpstreamSettings(command=odd("fine")), parked=parked) as toys:
        await toys.until(State.SERVING)

        async def answer(question: Question) -> dict[str, object]:
            assert len(parked) == 1
            # Another call is not held up by one that waits for its user.
            async with Client(toys.endpoint) as other:
                assert await text_of(other, "echo") == "{}"
            return await red(question)

        async with Client(toys.endpoint) as client:
            result = await client.call("ask", on_input=answer)
            assert orjson.loads(result.text) == await red_answer()
            assert len(parked) == 0


async def red_answer() -> dict[str, object]:
    return {"action": "accept", "content": {"colour": "red"}}


async def test_a_call_that_is_nowhere_parked_is_made_anew_and_answered_at_once() -> None:
    parked = Parked()
    async with adopted(UpstreamSettings(command=odd("fine")), parked=parked) as toys:
        await toys.until(State.SERVING)

        async def answer(question: Question) -> dict[str, object]:
            parked.close()  # as when the call was parked in another process
            return await red(question)

        async with Client(toys.endpoint) as client:
            result = await client.call("ask", on_input=answer)
            assert orjson.loads(result.text) == await red_answer()


async def opens(question: Question) -> dict[str, object]:
    assert question.params["url"] == "https://odd.example/login"
    assert (question.params["mode"], question.params["message"]) == ("url", "Please sign in.")
    return {"action": "accept"}


async def declines(question: Question) -> dict[str, object]:
    return {"action": "decline"}


@pytest.mark.parametrize("refusals", [1, 2])
async def test_a_page_that_a_server_wants_opened_is_a_question_and_the_call_goes_on(
    refusals: int,
) -> None:
    async with adopted(UpstreamSettings(command=odd("fine"))) as toys:
        await toys.until(State.SERVING)
        async with Client(toys.endpoint) as client:
            result = await client.call("link", {"refusals": refusals}, on_input=opens)
            assert result.text == f'{{"refusals": {refusals}}}'


async def test_a_page_that_nobody_opens_is_an_error_that_names_it() -> None:
    async with adopted(UpstreamSettings(command=odd("fine"), call_timeout=1.5)) as toys:
        await toys.until(State.SERVING)
        async with Client(toys.endpoint) as client:
            with pytest.raises(ToolError, match="declined to answer: Please sign in"):
                await text_of(client, "link", {"refusals": 99}, on_input=declines)
            with pytest.raises(ToolError, match=r"https://odd\.example/login; finish there"):
                await text_of(client, "link", {"refusals": 99}, on_input=opens)


async def test_a_modern_server_asks_the_caller_as_often_as_it_likes() -> None:
    async with adopted(UpstreamSettings(command=TOYS)) as toys:
        await toys.until(State.SERVING)
        async with Client(toys.endpoint) as client:
            result = await client.call("ask", on_input=red)
            assert result.text == "first: red, red; then: red"


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_cancelled_call_is_cancelled_at_the_server(
    era: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def said(text: str) -> None:
        await eventually(lambda: any(text in each.getMessage() for each in caplog.records))

    async with adopted(UpstreamSettings(command=TOYS, era=era)) as toys:  # type: ignore[arg-type]
        await toys.until(State.SERVING)
        async with Client(toys.endpoint) as client:
            call = asyncio.create_task(client.call("hang"))
            await said("toys: hanging")
            call.cancel()
            await said("toys: cancelled")


async def test_sound_entries_are_adopted_and_the_others_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    async with adopted(UpstreamSettings(command=odd("wrong"))) as toys:
        await toys.until(State.SERVING)
        assert toys.names == ["good"]
    for name in ("no schema", "has space", "7", "more than once"):
        assert any(name in record.getMessage() for record in caplog.records), name


async def test_lists_are_read_page_by_page_up_to_what_a_replica_may_have(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with adopted(UpstreamSettings(command=odd("pages"))) as toys:
        await toys.until(State.SERVING)
        assert len(toys.names) == 1000
    (told,) = [each for each in caplog.messages if "left out" in each]
    assert "offers 1200 tools, prompts and resources, more than the 1000" in told
    assert "195 more. Choose those you want with the patterns of only" in told
    chosen = UpstreamSettings(command=odd("pages"), only=("tool_11*", "none"), namespace="odd")
    async with adopted(chosen) as toys:
        await toys.until(State.SERVING)
        # Also of those that came after the thousandth.
        assert "odd_tool_1199" in toys.names
        assert len(toys.names) == 111
    assert "toys: nothing it offers fits none" in caplog.messages
    async with adopted(UpstreamSettings(command=odd("round"))) as toys:
        await toys.until(State.SERVING)
        assert toys.names == ["one"]
    assert any("go round" in record.getMessage() for record in caplog.records)


async def test_garbage_on_stdout_is_passed_over_and_no_secret_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = UpstreamSettings(command=odd("garbage"), env={"TOKEN": "hush-hush"})
    async with adopted(settings) as toys:
        await toys.until(State.SERVING)
    told = [record.getMessage() for record in caplog.records if "no MCP message" in record.msg]
    assert len(told) == 1
    assert "loading the token ***" in told[0]
    assert not any("hush-hush" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("command", "settings", "reason"),
    [
        (odd("exit"), {}, "exited with 7: cannot start with ***"),
        (odd("silent"), {"connect_timeout": 0.5}, "did not say hello within 0.5 s"),
        (odd("long"), {}, "ended the session"),
        (("no-such-command-here",), {}, "command not found: no-such-command-here"),
        (odd("fine"), {"cwd": "/no/such/folder"}, "no folder /no/such/folder"),
    ],
    ids=["exits", "silent", "long line", "no command", "no folder"],
)
async def test_a_command_that_cannot_serve_says_why_and_is_tried_again(
    command: tuple[str, ...], settings: dict[str, object], reason: str
) -> None:
    said = UpstreamSettings(command=command, env={"TOKEN": "hush-hush"}, **settings)  # type: ignore[arg-type]
    async with adopted(said) as toys:
        await toys.until(State.AWAY)
        assert toys.copy.failure is not None
        assert reason in toys.copy.failure.message


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose child is whose")
async def test_no_process_is_left_behind_not_even_one_that_hides() -> None:
    mark = f"mark-{os.getpid()}"
    async with adopted(UpstreamSettings(command=odd("children"), env={"MARK": mark})) as toys:
        await toys.until(State.SERVING)
        assert len(marked(mark)) == 2
    assert marked(mark) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose child is whose")
async def test_no_process_is_left_behind_by_a_mesh_that_is_killed() -> None:
    mark = f"killed-{os.getpid()}"
    program = (
        "import asyncio, sys\n"
        "from mcpmesh.adopt.copy import State\n"
        "from mcpmesh.config import UpstreamSettings\n"
        "from tests.integration.adopt.one_copy import adopted, odd\n"
        "async def main():\n"
        f"    settings = UpstreamSettings(command=odd('children'), env={{'MARK': {mark!r}}})\n"
        "    async with adopted(settings) as toys:\n"
        "        await toys.until(State.SERVING)\n"
        "        print('serving', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"serving\n"
        assert len(marked(mark)) == 2
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    await eventually(lambda: not marked(mark))
