"""Calls tools with nothing but grpcio and the generated stubs: unary, streaming, both ways.

Run it beside a mesh with the examples: python examples/clients/python_stub.py [HOST:PORT]
"""

import asyncio
import json
import sys
from typing import Any

import grpc

from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc


def request(tool: str, **arguments: Any) -> invoke_pb2.InvokeRequest:
    """Write a call; arguments travel as JSON."""
    return invoke_pb2.InvokeRequest(tool=tool, arguments=json.dumps(arguments).encode())


async def main(target: str) -> None:
    """Make one call of each shape."""
    async with grpc.aio.insecure_channel(target) as channel:
        tools = invoke_pb2_grpc.ToolServiceStub(channel)

        # The name in the metadata is optional: with it, the router need not open the message.
        answer = await tools.Invoke(
            request("weather_month", year=2012, month=7),
            metadata=(("mcp-name", "weather_month"),),
            timeout=5,
        )
        print("unary:", answer.result.structured_content.decode())

        count = 0
        async for event in tools.InvokeStream(request("prices", symbol="MSFT", delay=0)):
            kind = event.WhichOneof("event")
            count += kind == "content"
        print(f"server streaming: {count} prices, then {kind}")

        talk = tools.Converse()
        for symbol in ("IBM", "AAPL"):
            await talk.write(request("quotes", symbol=symbol, day="2005-06-15"))
            print("both ways:", (await talk.read()).content.text.text)
        await talk.done_writing()
        print("both ways: ends with", (await talk.read()).WhichOneof("event"))

        refused = await tools.Invoke(request("flaky", how="refuse"))
        print("a tool's failure is a result:", refused.result.content[0].text.text)

        try:
            await tools.Invoke(request("wether_month"))
        except grpc.aio.AioRpcError as error:
            print("an unknown tool is a status:", error.code().name, error.details())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7070"))
