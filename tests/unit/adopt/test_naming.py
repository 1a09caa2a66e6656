"""Names under a namespace."""

import pytest

from mcpmesh.adopt.naming import Naming
from mcpmesh.errors import InvalidCall
from mcpmesh.model.resource import check_uri


def test_without_a_namespace_names_stay() -> None:
    naming = Naming()
    assert (naming.name("read"), naming.uri("file:///a")) == ("read", "file:///a")
    assert naming.original_uri("file:///a") == "file:///a"


@pytest.mark.parametrize(
    ("namespace", "scheme"), [("fs", "fs"), ("my_fs", "my-fs"), ("7up", "x7up"), ("a/b", "a-b")]
)
def test_a_namespace_stands_before_names_and_schemes(namespace: str, scheme: str) -> None:
    naming = Naming(namespace)
    assert naming.name("read") == f"{namespace}_read"
    uri = naming.uri("file:///a")
    assert uri == f"{scheme}+file:///a"
    check_uri(uri)
    assert naming.original_uri(uri) == "file:///a"


def test_a_namespace_that_no_name_can_have_is_refused() -> None:
    with pytest.raises(InvalidCall, match="namespace 'a b'"):
        Naming("a b")
