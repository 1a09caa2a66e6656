"""A stock grpcio server of the zoo, with the official health and reflection services."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2, descriptor_pb2, message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tests.unit.adopt.zoo import descriptor_set, zoo

SERVICE = "zoo.v1.Zoo"
_METHODS = zoo().pool.FindServiceByName(SERVICE).methods_by_name


def kind(name: str) -> Any:
    """Return the class of a message of zoo.proto."""
    return message_factory.GetMessageClass(zoo().pool.FindMessageTypeByName(name))


Animal = kind("zoo.v1.Animal")


class Zoo:
    """The methods of zoo.v1.Zoo. `waiting` holds the ids of calls of Wait that go on."""

    def __init__(self, name: str = "zoo") -> None:
        self.name = name
        self.calls = 0
        self.waiting: dict[str, Any] = {}
        self.cancelled: dict[str, asyncio.Event] = {}

    async def Echo(self, request: Any, context: Any) -> Any:
        self.calls += 1
        if request.remark == "pack":
            # Of a type that none of the service's protos imports.
            request.extra.Pack(health_pb2.HealthCheckRequest(service="zoo"))
        if request.remark == "riddle":
            request.extra.type_url = "type.googleapis.com/no.Such"
        return request

    async def ListAnimals(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for number in range(request.count):
            yield Animal(name=f"animal {number}", picture=b"x" * request.padding)
        if request.status:
            await context.abort(_STATUS[request.status], "the keeper left")

    async def Count(self, requests: AsyncIterator[Any], context: Any) -> Any:
        census = kind("zoo.v1.Census")()
        async for each in requests:
            census.animals += 1
            census.legs += each.legs
        return census

    async def Chat(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for each in requests:
            yield Animal(name=each.name.upper())

    async def Fail(self, request: Any, context: Any) -> Any:
        if request.details:
            status = status_pb2.Status(code=request.code, message=request.message)
            for each in (
                error_details_pb2.BadRequest(
                    field_violations=[
                        error_details_pb2.BadRequest.FieldViolation(
                            field="name", description="is taken"
                        )
                    ]
                ),
                kind("zoo.v1.Census")(animals=7),
            ):
                packed = any_pb2.Any()
                packed.Pack(each)
                status.details.append(packed)
            context.set_trailing_metadata(
                (("grpc-status-details-bin", status.SerializeToString()),)
            )
        await context.abort(_STATUS[request.code], request.message)

    async def Later(self, request: Any, context: Any) -> Any:
        return type(request)(seconds=request.seconds + 1, nanos=request.nanos)

    async def Wait(self, request: Any, context: Any) -> Any:
        self.waiting[request.id] = context.time_remaining()
        self.cancelled[request.id] = asyncio.Event()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled[request.id].set()
            raise

    async def Metadata(self, request: Any, context: Any) -> Any:
        answer = kind("google.protobuf.Struct")()
        for key, value in context.invocation_metadata():
            if isinstance(value, str):
                answer[key] = value
        return answer


_STATUS = {code.value[0]: code for code in grpc.StatusCode}


@asynccontextmanager
async def served(
    servicer: Any,
    address: str = "127.0.0.1:0",
    *,
    reflect: bool = True,
    newest: bool = False,
    **tls: Any,
) -> AsyncIterator[str]:
    """Serve a zoo; yields its address. With `newest`, reflection is v1 and not v1alpha."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    handlers = {}
    for name, method in _METHODS.items():
        taken = message_factory.GetMessageClass(method.input_type)
        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[method.client_streaming, method.server_streaming]
        handlers[name] = make(
            getattr(servicer, name), taken.FromString, lambda answer: answer.SerializeToString()
        )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    healthy = health.aio.HealthServicer()
    await healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    if newest:
        server.add_generic_rpc_handlers((_reflection_v1(names),))
    elif reflect:
        reflection.enable_server_reflection(names, server, pool=_pool())
    if tls:
        credentials = grpc.ssl_server_credentials([(tls["key"], tls["certificate"])])
        port = server.add_secure_port(address, credentials)
    else:
        port = server.add_insecure_port(address)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


def _reflection_v1(names: Any) -> Any:
    """Return v1 of reflection: its messages are those of v1alpha."""
    messages = reflection._reflection_pb2
    handler = grpc.stream_stream_rpc_method_handler(
        reflection.aio.ReflectionServicer(names, _pool()).ServerReflectionInfo,
        messages.ServerReflectionRequest.FromString,
        messages.ServerReflectionResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(
        "grpc.reflection.v1.ServerReflection", {"ServerReflectionInfo": handler}
    )


def _pool() -> Any:
    """Return the zoo's protos and those of the official services, as one pool."""
    pool = zoo().pool
    for module in (health_pb2, reflection._reflection_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    assert descriptor_pb2.FileDescriptorSet.FromString(descriptor_set()).file
    return pool


def stub(channel: Any, name: str) -> Any:
    """Return what calls a method directly, as generated code does."""
    method = _METHODS[name]
    given = message_factory.GetMessageClass(method.output_type)
    shape = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[method.client_streaming, method.server_streaming]
    return shape(
        f"/{SERVICE}/{name}", lambda message: message.SerializeToString(), given.FromString
    )
