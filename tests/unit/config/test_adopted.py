"""Whatever is adopted, a wrong table is refused in words that name it and the key, once."""

import pytest

from mcpmesh.config.checks import InvalidSetting
from mcpmesh.config.grpc_service import GrpcServiceSettings
from mcpmesh.config.openapi_service import OpenApiSettings
from mcpmesh.config.tool_container import ContainerSettings
from mcpmesh.config.upstream import UpstreamSettings

KINDS = [
    (ContainerSettings, {"url": "http://127.0.0.1:1"}),
    (OpenApiSettings, {"document": "a.yaml"}),
    (UpstreamSettings, {"url": "http://127.0.0.1:1"}),
    (GrpcServiceSettings, {"address": "127.0.0.1:1"}),
]


@pytest.mark.parametrize(("kind", "right"), KINDS)
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"namespace": "a b"}, "namespace 'a b' is not"),
        ({"labels": {"": "x"}}, "label"),
        ({"nonsense": 1}, "unknown key 'nonsense'"),
    ],
)
def test_a_wrong_table_is_told_once(kind, right, wrong, said):
    with pytest.raises(InvalidSetting) as refused:
        kind.read({**right, **wrong}, "[adopt.shop]")
    assert str(refused.value).startswith("adopt: [adopt.shop]: ")
    assert said in str(refused.value)
    assert str(refused.value).count("adopt: ") == 1


@pytest.mark.parametrize(
    ("kind", "table"),
    [(ContainerSettings, {"url": "x"}), (OpenApiSettings, {"document": "a", "base_url": "x"}),
     (UpstreamSettings, {"url": "x"})],
)  # fmt: skip
def test_an_address_that_is_no_url_is_refused(kind, table):
    with pytest.raises(InvalidSetting, match=r"'x' is no http:// or https:// URL"):
        kind.read(table, "[adopt.shop]")


def test_a_value_out_of_bounds_names_its_key():
    with pytest.raises(InvalidSetting, match=r"\[adopt.shop\]: look_every: 0.* is not"):
        ContainerSettings.read({"url": "http://a", "look_every": 0}, "[adopt.shop]")
