"""The protos of zoo.proto, compiled as the tests start."""

import importlib.resources
import tempfile
from functools import cache
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

from mcpmesh.adopt.proto_method import ProtoMethod, methods_of
from mcpmesh.adopt.protos import Protos, read_descriptor_set

HERE = Path(__file__).parent


def compile_protos(*options: str, file: Path = HERE / "zoo.proto") -> bytes:
    """Return the set of descriptors that protoc writes."""
    bundled = importlib.resources.files(grpc_tools) / "_proto"
    api = importlib.resources.files("google.api") / ".." / ".."
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        code = protoc.main(
            ["protoc", f"-I{file.parent}", f"-I{bundled}", f"-I{api}", *options,
             f"--descriptor_set_out={out}", str(file)]
        )  # fmt: skip
        assert code == 0
        return out.read_bytes()


@cache
def descriptor_set() -> bytes:
    """Return zoo.proto with all that it imports, and its comments."""
    return compile_protos("--include_imports", "--include_source_info")


@cache
def zoo() -> Protos:
    """Return the protos of the zoo."""
    return read_descriptor_set(descriptor_set(), "zoo")


def method(name: str) -> ProtoMethod:
    """Return a method of the zoo."""
    return next(each for each in methods_of(zoo()) if each.descriptor.name == name)
