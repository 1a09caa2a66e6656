"""From a table in a configuration to what is adopted."""

import sys

import pytest

from mcpmesh.adopt.kinds import upstreams_of
from mcpmesh.adopt.secrets import Secrets
from mcpmesh.adopt.variables import filled_in, read_variables
from mcpmesh.config import InvalidSetting


def test_a_command_is_adopted_once_for_each_copy_and_urls_once_each() -> None:
    command = {"command": ["npx", "server"], "copies": 3}
    assert [each.name for each in upstreams_of("fs", command, {})] == ["fs"] * 3
    urls = {"url": "http://a/mcp", "urls": ["https://b/mcp"], "copies": 2}
    shown = [repr(each) for each in upstreams_of("web", urls, {})]
    assert shown == ["McpServer(web, http://a/mcp)"] * 2 + ["McpServer(web, https://b/mcp)"] * 2


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({}, "needs either a command or a url"),
        ({"command": ["x"], "url": "http://a"}, "needs either a command or a url"),
        ({"comand": ["x"]}, "did you mean command"),
        ({"command": ["x"], "copies": 0}, "copies"),
        ({"command": ["x"], "kind": "mpc"}, "kind 'mpc' is not one of"),
        ({"url": "ftp://a"}, "no http"),
        ({"command": ["x"], "namespace": "a b"}, "namespace 'a b'"),
        ({"command": ["x"], "env": {"A": "${NO_SUCH}"}}, "fs.env.A: the variable NO_SUCH"),
    ],
)
def test_a_wrong_table_is_refused_with_the_reason(table: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidSetting, match="adopt") as caught:
        upstreams_of("fs", table, {})
    assert reason in str(caught.value)


def test_nothing_secret_is_shown() -> None:
    table = {
        "url": "https://me:pass@a/mcp?token=abcdef",
        "headers": {"Authorization": "Bearer abcdef"},
    }
    (upstream,) = upstreams_of("web", table, {})
    assert repr(upstream) == "McpServer(web, https://a/mcp)"
    secrets = Secrets.of(("Bearer abcdef", "x"))
    assert secrets.hide("abcdef: Bearer abcdef is x") == "***: *** is x"
    assert "abcdef" not in repr(secrets)


def test_variables_are_filled_in_wherever_texts_are() -> None:
    table = {"a": ["${X}-${Y}"], "b": {"c": "${X}"}, "d": 1}
    assert filled_in(table, {"X": "1", "Y": "2"}, "t") == {"a": ["1-2"], "b": {"c": "1"}, "d": 1}


def test_a_file_of_variables_is_read() -> None:
    text = "# no\nA=1\nexport B = 'two words'\n\nnonsense\nC=\"x=y\"\n"
    assert read_variables(text) == {"A": "1", "B": "two words", "C": "x=y"}


def test_services_are_kinds_with_a_copy_for_each_address() -> None:
    shop = upstreams_of("shop", {"kind": "grpc", "addresses": ["a:1", "grpcs://b:2"]}, {})
    assert [repr(each) for each in shop] == [
        "GrpcUpstream(shop at a:1)",
        "GrpcUpstream(shop at b:2)",
    ]
    table = {"kind": "openapi", "document": "pets.yaml", "base_urls": ["http://a", "http://b"]}
    pets = upstreams_of("pets", {**table, "secrets": {"key": "${K}"}}, {"K": "s3cret"})
    assert [each.name for each in pets] == ["pets", "pets"]
    assert "s3cret" not in repr(pets)
    with pytest.raises(InvalidSetting, match="variable K is not set"):
        upstreams_of("pets", {**table, "secrets": {"key": "${K}"}}, {})


def test_without_its_extra_openapi_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.startswith("mcpmesh.adopt.openapi_")]:
        if name != "mcpmesh.adopt.openapi_kind":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openapi_pydantic", None)
    with pytest.raises(InvalidSetting, match=r"pip install 'mcpmesh\[openapi\]'"):
        upstreams_of("pets", {"kind": "openapi", "document": "pets.yaml"}, {})
