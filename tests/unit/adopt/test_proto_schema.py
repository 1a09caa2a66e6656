"""JSON Schemas of messages, and what the official library makes of JSON that fits them."""

from typing import Any

import orjson
import pytest
from google.protobuf import descriptor_pb2, json_format, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mcpmesh.adopt.proto_method import methods_of
from mcpmesh.adopt.proto_schema import message_schema
from mcpmesh.adopt.protos import Protos
from mcpmesh.adopt.way import Way
from mcpmesh.sdk.failure import ToolFailure, WrongArguments
from tests.unit.adopt.json_like import fitting, messages
from tests.unit.adopt.zoo import method, zoo

ANIMAL = zoo().pool.FindMessageTypeByName("zoo.v1.Animal")
INPUT = message_schema(ANIMAL, Way.INPUT, zoo().comments)
OUTPUT = message_schema(ANIMAL, Way.OUTPUT, zoo().comments)


def written(message: Any, pool: Any) -> Any:
    """Return a message as plain values: the library's own dicts have an order that counts."""
    return orjson.loads(orjson.dumps(json(message, pool)))


def json(message: Any, pool: Any) -> Any:
    return json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, descriptor_pool=pool
    )


def test_comments_of_the_proto_are_descriptions() -> None:
    assert method("Echo").description == "Gives an animal back as it came."
    assert INPUT["description"].startswith("One animal of the zoo.")
    assert INPUT["properties"]["name"]["description"] == "What its keeper calls it."
    assert INPUT["properties"]["visits"]["description"] == "Counted since it opened."
    diet = INPUT["$defs"]["zoo.v1.Diet"]
    assert diet["description"] == "What an animal eats.\nHERBIVORE: Grass and leaves."


def test_an_enum_is_its_names_and_in_a_result_also_a_number_without_one() -> None:
    names = {"type": "string", "enum": ["UNKNOWN", "FEMALE", "MALE"]}
    assert INPUT["properties"]["sex"] == names
    assert OUTPUT["properties"]["sex"] == {"anyOf": [names, {"type": "integer"}]}


def test_integers_of_64_bits_are_taken_as_either_and_given_as_texts() -> None:
    assert INPUT["properties"]["serialNumber"]["type"] == ["integer", "string"]
    assert OUTPUT["properties"]["serialNumber"]["type"] == "string"


def test_only_what_the_service_says_is_required_and_a_result_has_all_but_the_optional() -> None:
    assert INPUT["required"] == ["name"]
    assert "age" in OUTPUT["required"]
    assert not {"remark", "cage", "born", "pond", "sponsor"} & set(OUTPUT["required"])


def test_fields_of_a_oneof_exclude_each_other_and_the_description_says_so() -> None:
    check = Draft202012Validator(INPUT)
    assert check.is_valid({"name": "a", "cage": "3"})
    assert not check.is_valid({"name": "a", "cage": "3", "tree": 1})
    assert not check.is_valid({"name": "a", "pond": {}, "tree": 1})
    assert "At most one of: cage, pond, tree." in INPUT["description"]


def test_the_root_has_nothing_that_model_providers_refuse_there() -> None:
    for each in methods_of(zoo()):
        for schema in (each.input_schema(), each.output_schema()):
            assert schema["type"] == "object"
            assert not {"oneOf", "anyOf", "allOf", "not", "$ref", "enum"} & schema.keys()
            Draft202012Validator.check_schema(schema)


def test_a_type_used_once_stands_where_it_is_used() -> None:
    assert INPUT["properties"]["pond"]["properties"].keys() == {"depth", "fish"}
    assert INPUT["$defs"].keys() == {"zoo.v1.Animal", "zoo.v1.Diet"}


def test_a_message_whose_json_is_no_object_stands_in_a_property() -> None:
    later = method("Later")
    assert later.input_schema()["properties"] == {
        "value": {"type": "string", "format": "date-time"}
    }
    encoded = later.requests(b'{"value": "1970-01-01T00:00:02Z"}')
    assert later.result(later.answer(encoded[0])) == {"value": "1970-01-01T00:00:02Z"}


@settings(max_examples=150)
@given(fitting(INPUT, INPUT))
def test_json_that_fits_the_input_schema_is_read_and_comes_back_equal(value: Any) -> None:
    assert Draft202012Validator(INPUT).is_valid(value)
    echo = method("Echo")
    (encoded,) = echo.requests(orjson.dumps(value))
    answer = echo.answer(encoded)
    Draft202012Validator(OUTPUT).validate(answer)
    again = message_factory.GetMessageClass(ANIMAL)()
    json_format.ParseDict(answer, again, descriptor_pool=zoo().pool)
    # As JSON: NaN is not equal to itself, and maps have no order on the wire.
    assert written(again, zoo().pool) == orjson.loads(orjson.dumps(answer))


@settings(max_examples=150)
@given(messages(ANIMAL))
def test_json_of_any_message_fits_the_output_schema_and_is_read_again(message: Any) -> None:
    answer = method("Echo").answer(message.SerializeToString())
    Draft202012Validator(OUTPUT).validate(answer)
    again = message_factory.GetMessageClass(ANIMAL)()
    json_format.ParseDict(answer, again, descriptor_pool=zoo().pool)
    assert written(again, zoo().pool) == orjson.loads(orjson.dumps(answer))


@st.composite
def drawn_protos(draw: st.DrawFn) -> Protos:
    """Draw a proto3 file of a few messages that hold each other in any way."""
    count = draw(st.integers(1, 4))
    file = descriptor_pb2.FileDescriptorProto(name="drawn.proto", package="drawn", syntax="proto3")
    enum = file.enum_type.add(name="Kind")
    enum.value.add(name="KIND_NONE", number=0)
    enum.value.add(name="KIND_ONE", number=1)
    kinds = sorted(set(range(1, 19)) - {descriptor_pb2.FieldDescriptorProto.TYPE_GROUP})
    for index in range(count):
        message = file.message_type.add(name=f"M{index}")
        for number in range(1, draw(st.integers(0, 5)) + 1):
            field = message.field.add(name=f"f_{number}", number=number)
            field.type = draw(st.sampled_from(kinds))
            field.label = draw(st.sampled_from([1, 3]))
            if field.type == field.TYPE_MESSAGE:
                field.type_name = f".drawn.M{draw(st.integers(0, count - 1))}"
            if field.type == field.TYPE_ENUM:
                field.type_name = ".drawn.Kind"
            if field.label == 1 and draw(st.booleans()):
                if not message.oneof_decl:
                    message.oneof_decl.add(name="one")
                field.oneof_index = 0
    return Protos([file])


@settings(max_examples=100)
@given(st.data(), drawn_protos())
def test_schemas_of_any_messages_hold_for_their_json(data: st.DataObject, protos: Protos) -> None:
    root = protos.pool.FindMessageTypeByName("drawn.M0")
    taken, given_back = message_schema(root, Way.INPUT), message_schema(root, Way.OUTPUT)
    value = data.draw(fitting(taken, taken))
    Draft202012Validator(taken).validate(value)
    message = message_factory.GetMessageClass(root)()
    json_format.ParseDict(value, message, descriptor_pool=protos.pool)
    Draft202012Validator(given_back).validate(written(message, protos.pool))
    drawn = data.draw(messages(root))
    Draft202012Validator(given_back).validate(written(drawn, protos.pool))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"age": "x"}, "age"),
        ({"agee": 1}, "agee"),
        ({"pond": {"depth": "q"}}, "pond.depth"),
        ({"born": "yesterday"}, "born"),
        ({"twins": {"q": {}}}, "twins"),
        ({"picture": "a"}, "picture"),
        ({"diet": "NOTHING"}, "diet"),
        ({"cage": "a", "tree": 1}, "cage excludes"),
        ({"children": 3}, "children"),
        ({"children": [{"name": "a"}, 3]}, "children.1"),
        ({"extra": {"@type": "type.googleapis.com/no.Such"}}, "no.Such"),
        ({"extra": 3}, "extra"),
        ({"name": 3}, "name"),
        ({"age": 3_000_000_000}, "age"),
        ({"chip": -1}, "chip"),
        ({"height": 1e300}, "height"),
        ({"sleeps": 3}, "sleeps"),
        ({"mask": 3}, "mask"),
        ({"mood": [[[[]]]] * 3, "log": {}}, "log"),
        ({"children": [{"children": [{"name": "b", "pond": 3}]}]}, "children.0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_the_name_of_the_field(
    arguments: dict[str, Any], named: str
) -> None:

    with pytest.raises(WrongArguments, match=named):
        method("Echo").requests(orjson.dumps({"name": "a", **arguments}))


def test_arguments_nested_without_end_are_refused() -> None:

    nested = b'{"children":[' * 500 + b"{}" + b"]}" * 500
    with pytest.raises(WrongArguments, match=r"deep|nested"):
        method("Echo").requests(nested)


def test_a_stream_of_requests_is_a_list() -> None:

    count = method("Count")
    assert len(count.requests(b'{"messages": [{"name": "a"}, {"name": "b"}]}')) == 2
    with pytest.raises(WrongArguments, match=r"messages.1: .*agee"):
        count.requests(b'{"messages": [{"name": "a"}, {"agee": 3}]}')
    with pytest.raises(WrongArguments, match="messages"):
        count.requests(b"{}")


def test_an_answer_of_other_bytes_is_a_failure_that_says_so() -> None:

    with pytest.raises(ToolFailure, match=r"zoo\.v1\.Animal") as failed:
        method("Echo").answer(b"\xff\xff\xff")
    assert failed.value.code == "INTERNAL"
