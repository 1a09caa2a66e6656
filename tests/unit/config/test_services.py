"""Settings of services that are adopted."""

import pytest

from mcpmesh.config import NO_TLS, GrpcServiceSettings, InvalidSetting, OpenApiSettings, TlsSettings


def test_addresses_say_whether_tls_is_spoken() -> None:
    table = {"address": "a:1", "addresses": ["grpc://b:2", "grpcs://c:3"]}
    targets = GrpcServiceSettings.read(table, "shop").targets
    assert targets == (("a:1", NO_TLS), ("b:2", NO_TLS), ("c:3", TlsSettings(tls_ca="system")))
    own = GrpcServiceSettings.read({"address": "grpcs://c:3", "tls_ca": "ca.pem"}, "shop")
    assert own.targets == (("c:3", TlsSettings(tls_ca="ca.pem")),)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "shop: needs an address"),
        ({"address": "a"}, "shop: .*port"),
        ({"address": "a:1", "onyl": []}, "unknown key 'onyl'.*only"),
        ({"address": "a:1", "only": "x"}, "shop.only is not a list"),
        ({"address": "a:1", "tls_key": "k.pem"}, "shop: .*certificate"),
        ({"address": "a:1", "namespace": "a b"}, "namespace"),
        ({"address": "a:1", "call_timeout": -1}, "-1.0 is not a number of seconds"),
    ],
)
def test_settings_of_a_grpc_service_that_cannot_work_are_refused(
    table: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidSetting, match=said):
        GrpcServiceSettings.read(table, "shop")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "pets: needs a document"),
        ({"document": "a", "base_url": "ftp://a"}, "no http"),
        ({"document": "a", "base_urls": ["http://a?b=c"]}, "without a query"),
        ({"document": "a", "base_url": "http://a:99999"}, "no http"),
        ({"document": "a", "max_answer_bytes": 0}, "0 is not 1024 to"),
        ({"document": "a", "secret": {}}, "unknown key 'secret'.*secrets"),
    ],
)
def test_settings_of_an_openapi_document_that_cannot_work_are_refused(
    table: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidSetting, match=said):
        OpenApiSettings.read(table, "pets")


def test_secrets_are_not_shown() -> None:
    table = {"document": "a", "secrets": {"k": "s3cret"}, "headers": {"x": "s3cret"}}
    assert "s3cret" not in repr(OpenApiSettings.read(table, "pets"))
    shop = GrpcServiceSettings.read({"address": "a:1", "metadata": {"x": "s3cret"}}, "shop")
    assert "s3cret" not in repr(shop)
