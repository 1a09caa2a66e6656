"""A stock gRPC stub of a tool server that runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from mcpmesh import ToolServer
from mcpmesh.v1 import invoke_pb2_grpc


@asynccontextmanager
async def stub_of(app: ToolServer) -> AsyncIterator[invoke_pb2_grpc.ToolServiceStub]:
    replica = await app.start()
    async with grpc.aio.insecure_channel(replica.endpoint) as channel:
        yield invoke_pb2_grpc.ToolServiceStub(channel)
    await app.stop(0)
