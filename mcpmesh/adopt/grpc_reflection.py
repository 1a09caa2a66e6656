"""Asks a gRPC server for its protos: server reflection, v1 and where that is missing v1alpha."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2

from mcpmesh.adopt.protos import MAX_BYTES, MAX_FILES, Protos, is_bundled
from mcpmesh.errors import InvalidCall, MethodNotFound, NoReplica

#: The messages of both are the same.
_PATHS = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)
_LOG = logging.getLogger("mcpmesh.adopt")
_Request = reflection_pb2.ServerReflectionRequest
Pairs = Iterable[tuple[str, str]]


async def reflected_protos(
    channel: Any, wanted: Callable[[str], bool], timeout: float, metadata: Pairs = ()
) -> Protos:
    """Return the protos of the services whose full name is `wanted`.

    Units: `timeout` in seconds, for all of it.
    Raises: MethodNotFound when the server reflects nothing; NoReplica when it cannot be asked;
    InvalidCall when its answers make no sense.
    """

    async def ask(conversation: _Conversation) -> None:
        for service in await conversation.services():
            if wanted(service):
                try:
                    await conversation.add_symbol(service)
                except InvalidCall as error:
                    # One that is named and not described must not hide the others.
                    _LOG.warning("%s: %s is left out: %s", channel.target, service, error.message)

    return Protos(await _reflected(channel, ask, timeout, metadata))


async def learn_type(
    channel: Any, protos: Protos, name: str, timeout: float, metadata: Pairs = ()
) -> None:
    """Add the file that describes a message, and what it imports. Raises: as reflected_protos."""
    files = await _reflected(channel, lambda asked: asked.add_symbol(name), timeout, metadata)
    protos.add(files)


async def _reflected(
    channel: Any,
    ask: "Callable[[_Conversation], Awaitable[None]]",
    timeout: float,
    metadata: Pairs,
) -> list[descriptor_pb2.FileDescriptorProto]:
    for path in _PATHS:
        method = channel.stream_stream(path, _Request.SerializeToString, _response)
        call = method(timeout=timeout, metadata=tuple(metadata))
        conversation = _Conversation(call)
        try:
            await ask(conversation)
            await conversation.add_imports()
            return list(conversation.files.values())
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise NoReplica(
                    f"{channel.target} did not say what it serves: "
                    f"{error.code().name} {error.details()}"
                ) from error
        finally:
            call.cancel()
    raise MethodNotFound(
        f"{channel.target} serves no reflection; name a file with its descriptors, "
        "written by protoc --include_imports --descriptor_set_out"
    )


class _Conversation:
    """One stream of questions, each answered before the next."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._bytes = 0
        self.files: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    async def services(self) -> list[str]:
        """Return the full names of all services."""
        answer = await self._answer(_Request(list_services=""))
        return [each.name for each in answer.list_services_response.service]

    async def add_symbol(self, symbol: str) -> None:
        """Add the file that defines a symbol."""
        self._add(await self._answer(_Request(file_containing_symbol=symbol)), symbol)

    async def add_imports(self) -> None:
        """Add what the files import, and what that imports."""
        missing = self._missing()
        while missing:
            for name in missing:
                if name not in self.files:
                    self._add(await self._answer(_Request(file_by_filename=name)), name)
            missing = self._missing()

    def _missing(self) -> set[str]:
        needed = {name for file in self.files.values() for name in file.dependency}
        return {each for each in needed - self.files.keys() if not is_bundled(each)}

    def _add(self, answer: Any, asked: str) -> None:
        for encoded in answer.file_descriptor_response.file_descriptor_proto:
            self._bytes += len(encoded)
            if self._bytes > MAX_BYTES or len(self.files) > MAX_FILES:
                raise InvalidCall(f"its protos are more than {MAX_BYTES} bytes")
            try:
                file = descriptor_pb2.FileDescriptorProto.FromString(encoded)
            except DecodeError as error:
                raise InvalidCall(f"what reflection says of {asked} is no descriptor") from error
            self.files[file.name] = file
        if not answer.file_descriptor_response.file_descriptor_proto:
            raise InvalidCall(f"reflection gives no file for {asked}")

    async def _answer(self, request: Any) -> Any:
        await self._call.write(request)
        answer = await self._call.read()
        if answer is grpc.aio.EOF:
            # The status that it ended with, as an error.
            await self._call.wait_for_connection()
            raise NoReplica(f"reflection ended early: {(await self._call.code()).name}")
        if answer.HasField("error_response"):
            error = answer.error_response
            asked = request.file_containing_symbol or request.file_by_filename or "services"
            raise InvalidCall(f"reflection does not know {asked}: {error.error_message[:200]}")
        return answer


def _response(encoded: bytes) -> Any:
    try:
        return reflection_pb2.ServerReflectionResponse.FromString(encoded)
    except DecodeError as error:
        raise InvalidCall("what reflection answers is no answer of it") from error
