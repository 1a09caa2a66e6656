"""The protos of a service that is not ours: read from descriptors, in a pool of their own.

A pool of their own, because two services may each have another edition of the same message.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf import (
    any_pb2,
    api_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    source_context_pb2,
    struct_pb2,
    timestamp_pb2,
    type_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError

from mcpmesh.adopt.proto_comments import comments_of
from mcpmesh.errors import InvalidCall

#: What a service may need a description of itself for.
MAX_FILES = 10_000
MAX_BYTES = 64 * 1024 * 1024
#: What comes with protobuf, and descriptors often leave out.
_BUNDLED: dict[str, Any] = {
    module.DESCRIPTOR.name: module.DESCRIPTOR
    for module in (
        any_pb2, api_pb2, descriptor_pb2, duration_pb2, empty_pb2, field_mask_pb2,
        source_context_pb2, struct_pb2, timestamp_pb2, type_pb2, wrappers_pb2,
    )
}  # fmt: skip


class Protos:
    """Files of protos that hold together."""

    def __init__(self, files: Iterable[descriptor_pb2.FileDescriptorProto]) -> None:
        """Add the files, each after those it imports.

        Raises: InvalidCall naming the file that is broken, or that is imported and missing.
        """
        self.pool: Any = descriptor_pool.DescriptorPool()
        self.comments: dict[str, str] = {}
        self._files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
        self._added: set[str] = set()
        self.add(files)

    def __repr__(self) -> str:
        return f"Protos({len(self._added)} files)"

    def add(self, files: Iterable[descriptor_pb2.FileDescriptorProto]) -> None:
        """Add the files that are new, each after those it imports.

        Raises: as when made.
        """
        new = {each.name: each for each in files if each.name not in self._added}
        self._files |= new
        for name in new:
            self._add(name)

    @property
    def services(self) -> Iterator[ServiceDescriptor]:
        """All services, file by file."""
        for name in self._files:
            yield from self.pool.FindFileByName(name).services_by_name.values()

    def _add(self, root: str) -> None:
        # A file may wait twice, for two that import it; those on the way to it stand in `opened`.
        waiting, opened = [root], set[str]()
        while waiting:
            name = waiting[-1]
            file = self._file(name)
            missing = [each for each in file.dependency if each not in self._added]
            if name in self._added or not missing:
                waiting.pop()
                opened.discard(name)
                self._add_one(file)
                continue
            opened.add(name)
            if not opened.isdisjoint(missing):
                raise InvalidCall(f"the protos are broken: {name} is imported in a circle")
            waiting.extend(missing)

    def _file(self, name: str) -> descriptor_pb2.FileDescriptorProto:
        found = self._files.get(name)
        if found is not None:
            return found
        if name not in _BUNDLED:
            raise InvalidCall(
                f"the protos lack {name}, which one of them imports; "
                "protoc writes it too with --include_imports"
            )
        file = descriptor_pb2.FileDescriptorProto()
        _BUNDLED[name].CopyToProto(file)
        return file

    def _add_one(self, file: descriptor_pb2.FileDescriptorProto) -> None:
        if file.name in self._added:
            return
        self._added.add(file.name)
        if not _is_utf8(file):
            raise InvalidCall(f"the protos are broken: {file.name}: a name is not UTF-8")
        try:
            self.pool.AddSerializedFile(file.SerializeToString())
            self.pool.FindFileByName(file.name)
        except (TypeError, KeyError, ValueError, DecodeError) as error:
            raise InvalidCall(f"the protos are broken: {file.name}: {error}") from error
        self.comments.update(comments_of(file))


def _is_utf8(message: Any) -> bool:
    """Tell whether all texts are; the library gives bytes for one that is not."""
    for one, value in message.ListFields():
        if one.name in ("options", "source_code_info"):
            continue
        for each in value if one.is_repeated else (value,):
            if isinstance(each, bytes) or (one.message_type is not None and not _is_utf8(each)):
                return False
    return True


def is_bundled(name: str) -> bool:
    """Tell whether a file comes with protobuf."""
    return name in _BUNDLED


def read_descriptor_set(encoded: bytes, where: str) -> Protos:
    """Read what protoc writes with --descriptor_set_out.

    Raises: InvalidCall saying what is wrong with it.
    """
    if len(encoded) > MAX_BYTES:
        raise InvalidCall(f"{where} has {len(encoded)} bytes, more than {MAX_BYTES}")
    try:
        found = descriptor_pb2.FileDescriptorSet.FromString(encoded)
    except DecodeError as error:
        raise InvalidCall(
            f"{where} is no set of descriptors ({error}); write one with "
            "protoc --include_imports --include_source_info --descriptor_set_out"
        ) from error
    if not found.file:
        raise InvalidCall(f"{where} is a set of descriptors with nothing in it")
    return Protos(found.file)
