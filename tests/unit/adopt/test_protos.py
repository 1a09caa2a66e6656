"""Descriptors of others: read, refused, and called as tools are named."""

import logging
from itertools import permutations
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mcpmesh.adopt.grpc_tools import chosen_methods, tool_names
from mcpmesh.adopt.native_routes import NativeRoutes
from mcpmesh.adopt.proto_method import methods_of
from mcpmesh.adopt.proto_schema import message_schema
from mcpmesh.adopt.protos import Protos, read_descriptor_set
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.adopt.way import Way
from mcpmesh.config import NO_TLS, LimitSettings, TlsSettings
from mcpmesh.errors import InvalidCall
from tests.unit.adopt.zoo import compile_protos, descriptor_set, zoo

OLD = """
syntax = "proto2";
package old;
// Things of the old world.
message Thing {
  extensions 100 to 199;
  required string name = 1;
  optional int32 count = 2 [default = 7];
  enum Size { SMALL = 1; LARGE = 2; }
  optional Size size = 3 [default = LARGE];
  repeated group Part = 4 { optional string id = 1; }
}
extend Thing { optional string note = 100; }
service Things {
  rpc Put(Thing) returns (Thing);
  rpc PutAll(stream Thing) returns (stream Thing) { option deprecated = true; }
}
"""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Protos:
    file = Path(tmp_path_factory.mktemp("protos")) / "old.proto"
    file.write_text(OLD)
    return read_descriptor_set(compile_protos("--include_source_info", file=file), "old")


def test_proto2_has_required_fields_groups_and_closed_enums(old: Protos) -> None:
    thing = old.pool.FindMessageTypeByName("old.Thing")
    taken = message_schema(thing, Way.INPUT, old.comments)
    assert taken["required"] == ["name"]
    # An extension may stand in it, by a name that no schema can know.
    assert "additionalProperties" not in taken
    given_back = message_schema(thing, Way.OUTPUT)
    assert given_back["properties"]["size"] == {"type": "string", "enum": ["SMALL", "LARGE"]}
    assert given_back["properties"]["part"]["items"]["properties"] == {"id": {"type": "string"}}
    put, put_all = methods_of(old)
    value = b'{"name": "a", "size": "SMALL", "part": [{"id": "b"}], "[old.note]": "c"}'
    answer = put.answer(put.requests(value)[0])
    Draft202012Validator(given_back).validate(answer)
    assert answer["[old.note]"] == "c"
    assert put_all.description.startswith("Deprecated. ")


def test_tools_are_named_after_services_and_packages_only_where_they_must() -> None:
    files = []
    for package in ("a.v1", "b.v1"):
        file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package)
        file.message_type.add(name="M")
        for service in ("Same", f"Own{package[0].upper()}"):
            method = file.service.add(name=service).method.add(name="Get")
            method.input_type = method.output_type = f".{package}.M"
        files.append(file)
    names = tool_names(methods_of(Protos(files)))
    assert sorted(names.values()) == ["OwnA_Get", "OwnB_Get", "a_v1_Same_Get", "b_v1_Same_Get"]


def test_patterns_name_methods_or_whole_services() -> None:
    methods = methods_of(zoo())
    for only, count in (
        ((), 8),
        (("zoo.v1.Zoo",), 8),
        (("zoo.*",), 8),
        (("*/L*", "zoo.v1.Zoo/Echo"), 3),
    ):
        assert len(chosen_methods(methods, only)) == count
    with pytest.raises(UpstreamFailed, match=r"'zoo.v1.Zoo/X' fits none") as failed:
        chosen_methods(methods, ("zoo.v1.Zoo/X",))
    assert failed.value.final


def file_of(name: str, *imports: str) -> descriptor_pb2.FileDescriptorProto:
    return descriptor_pb2.FileDescriptorProto(name=name, dependency=imports)


def test_protos_that_do_not_hold_together_are_refused() -> None:
    with pytest.raises(InvalidCall, match=r"lack b.proto"):
        Protos([file_of("a.proto", "b.proto")])
    with pytest.raises(InvalidCall, match="circle"):
        Protos([file_of("a.proto", "b.proto"), file_of("b.proto", "a.proto")])
    with pytest.raises(InvalidCall, match="circle"):
        Protos([file_of("a.proto", "a.proto")])
    broken = file_of("a.proto")
    broken.message_type.add(name="M").field.add(name="f", number=1, type=11, type_name=".No")
    with pytest.raises(InvalidCall, match=r"broken: a.proto"):
        Protos([broken])


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_a_file_may_be_imported_by_two_of_which_one_imports_the_other(
    order: tuple[str, ...],
) -> None:
    imports = {"a": ("b", "c"), "b": ("c",), "c": ()}
    for first in (imports["a"], imports["a"][::-1]):
        files = {**imports, "a": first}
        assert "3 files" in repr(Protos(file_of(name, *files[name]) for name in order))


def test_a_chain_of_imports_and_messages_may_be_long() -> None:
    length = 3000
    files = [file_of(f"{n}.proto", f"{n + 1}.proto") for n in range(length)]
    assert "3001 files" in repr(Protos([*files, file_of(f"{length}.proto")]))
    file = descriptor_pb2.FileDescriptorProto(name="long.proto", package="long")
    for number in range(500):
        field = file.message_type.add(name=f"M{number}").field.add(name="next", number=1, label=1)
        field.type, field.type_name = 11, f".long.M{min(number + 1, 499)}"
    first = Protos([file]).pool.FindMessageTypeByName("long.M0")
    Draft202012Validator.check_schema(message_schema(first, Way.INPUT))


@given(st.data())
def test_descriptors_of_any_bytes_are_read_or_refused(data: st.DataObject) -> None:
    encoded = bytearray(descriptor_set())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(encoded) - 1))
        encoded[place] = data.draw(st.integers(0, 255))
    try:
        protos = read_descriptor_set(bytes(encoded), "drawn")
    except InvalidCall:
        return
    for method in methods_of(protos):
        assert method.input_schema()["type"] == "object"
        assert method.output_schema()["type"] == "object"


async def test_routers_are_told_only_of_addresses_that_they_can_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    far = NativeRoutes("zoo", ["10.1.1.1:7070"], NO_TLS, LimitSettings())
    async with far.of("127.0.0.1:50051", NO_TLS, ("zoo.v1.Zoo",)):
        assert "the router is elsewhere" in caplog.text
    caplog.clear()
    near = NativeRoutes("zoo", ["127.0.0.1:1"], NO_TLS, LimitSettings())
    async with near.of("127.0.0.1:50051", TlsSettings(tls_ca="system"), ("zoo.v1.Zoo",)):
        assert "the routers speak TLS" in caplog.text
