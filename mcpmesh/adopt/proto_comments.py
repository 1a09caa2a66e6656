"""The comments of a proto file, by the full names of what they stand at."""

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf import descriptor_pb2

#: Numbers of the lists in descriptors, as the paths of source info have them.
_IN_FILE = {4: "message_type", 5: "enum_type", 6: "service"}
_IN_MESSAGE = {2: "field", 3: "nested_type", 4: "enum_type"}
_IN_ENUM = {2: "value"}
_IN_SERVICE = {2: "method"}
_PARTS: dict[type, dict[int, str]] = {
    descriptor_pb2.FileDescriptorProto: _IN_FILE,
    descriptor_pb2.DescriptorProto: _IN_MESSAGE,
    descriptor_pb2.EnumDescriptorProto: _IN_ENUM,
    descriptor_pb2.ServiceDescriptorProto: _IN_SERVICE,
}


def comments_of(file: descriptor_pb2.FileDescriptorProto) -> dict[str, str]:
    """Return the comment above each message, field, enum, value, service and method, or after it.

    Empty unless the file was written with its source info. A value of an enum is named below its
    enum, as pkg.Color.RED.
    """
    comments = {}
    for location in file.source_code_info.location:
        text = location.leading_comments or location.trailing_comments
        if text and (name := _name_at(file, location.path)):
            comments[name] = _tidy(text)
    return comments


def _name_at(file: descriptor_pb2.FileDescriptorProto, path: Sequence[int]) -> str:
    """Return the full name of what a path leads to; empty when that is no named thing."""
    names = [file.package] if file.package else []
    for name in _steps(file, path):
        if not name:
            return ""
        names.append(name)
    return ".".join(names)


def _steps(part: Any, path: Sequence[int]) -> Iterator[str]:
    if not path or len(path) % 2:
        yield ""
    for number, index in zip(path[::2], path[1::2], strict=False):
        field = _PARTS.get(type(part), {}).get(number)
        found = getattr(part, field) if field else ()
        if not 0 <= index < len(found):
            yield ""
            return
        part = found[index]
        yield part.name


def _tidy(text: str | bytes) -> str:
    """Return a comment without the margins that belong to the file."""
    if isinstance(text, bytes):
        # What the library gives for a text that is not UTF-8.
        text = text.decode(errors="replace")
    return "\n".join(line.strip() for line in text.strip().splitlines())
