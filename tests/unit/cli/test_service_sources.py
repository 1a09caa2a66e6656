"""What a command line says of services, as the tables that a configuration has."""

import pytest

from mcpmesh.cli.exits import CommandError
from mcpmesh.cli.service_sources import ServiceOptions, service_name, service_table

NONE = ServiceOptions()


def test_addresses_of_a_grpc_service_are_replicas_of_it() -> None:
    options = ServiceOptions(only=("shop.v1.*",), descriptor_set="shop.binpb")
    source = ("grpc://a:1", "grpcs://b:2")
    table = service_table(source, options, {"Authorization": "Bearer ${T}"}, "shop")
    assert table == {
        "kind": "grpc",
        "addresses": ["grpc://a:1", "grpcs://b:2"],
        "only": ["shop.v1.*"],
        "descriptor_set": "shop.binpb",
        "metadata": {"authorization": "Bearer ${T}"},
        "namespace": "shop",
    }


def test_an_openapi_document_is_a_file_or_a_url() -> None:
    options = ServiceOptions(base_url=("https://a.example/v3",), secret=("key=${K}=",))
    table = service_table(("openapi:pets/petstore.yaml",), options, {}, "")
    assert table == {
        "kind": "openapi",
        "document": "pets/petstore.yaml",
        "base_urls": ["https://a.example/v3"],
        "secrets": {"key": "${K}="},
    }
    at_url = service_table(("openapi:https://a.example/api.json",), NONE, {}, "")
    assert at_url == {"kind": "openapi", "document": "https://a.example/api.json"}


def test_a_container_is_a_url_with_a_mark_in_front() -> None:
    source = ("container:http://a:8000", "container:https://b/tools")
    assert service_table(source, NONE, {"Authorization": "x"}, "box") == {
        "kind": "container",
        "urls": ["http://a:8000", "https://b/tools"],
        "headers": {"Authorization": "x"},
        "namespace": "box",
    }
    assert service_name("container:http://u:p@a:8000/b") == "a:8000"


def test_anything_else_is_not_a_service() -> None:
    assert service_table(("npx", "-y", "some-server"), NONE, {}, "") is None
    assert service_table(("https://a.example/mcp",), NONE, {}, "") is None
    assert service_name("https://a.example/mcp") == ""


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        (("grpc://a:1", "b:2"), NONE, "for every address"),
        (("grpc://a:1",), ServiceOptions(base_url=("http://a",)), "--base-url is not for a gRPC"),
        (("container:http://a", "http://b"), NONE, "for every URL"),
        (("container:http://a",), ServiceOptions(secret=("a",)), "--secret is not for a tool c"),
        (("openapi:a", "openapi:b"), NONE, "one OpenAPI document"),
        (("openapi:a",), ServiceOptions(descriptor_set="a"), "--descriptor-set is not for an Op"),
        (("openapi:a",), ServiceOptions(secret=("api_key",)), "SCHEME=VALUE"),
        (("https://a/mcp",), ServiceOptions(secret=("a",)), "--secret is not for an MCP serv"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    source: tuple[str, ...], options: ServiceOptions, said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        service_table(source, options, {}, "")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("grpc://10.0.0.7:50051", "10.0.0.7"),
        ("grpcs://shop.example:443", "shop.example"),
        ("openapi:pets/petstore.yaml", "petstore"),
        ("openapi:https://a.example/v3/openapi.json", "openapi"),
    ],
)
def test_a_service_is_named_after_its_host_or_its_document(source: str, name: str) -> None:
    assert service_name(source) == name
