"""Which URIs fit a template, and what they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.errors import InvalidCall
from mcpmesh.model.resource import Resource
from mcpmesh.model.uri_template import UriTemplate


@pytest.mark.parametrize(
    ("template", "uri", "said"),
    [
        ("notes://{id}", "notes://7", {"id": "7"}),
        ("notes://{id}/data", "notes://a%20b/data", {"id": "a b"}),
        ("notes://{id}", "notes://7/data", None),
        ("notes://{id}", "notes://", None),
        ("notes://{id}", "notes://7?x=1", None),
        ("a://x.y/{id}", "a://xzy/7", None),
        ("file:///{+path}", "file:///a/b.txt", {"path": "a/b.txt"}),
        ("file:///{path*}", "file:///a/b.txt", {"path": "a/b.txt"}),
        ("q://s{?a,b}", "q://s?b=2&c=3", {"b": "2"}),
        ("q://s{?a}{&b}", "q://s?b=2&a=1", {"a": "1", "b": "2"}),
        ("q://s{?a,b}", "q://s", {}),
        ("q://{db}/t{?a}", "q://d/t?a=x%26y", {"db": "d", "a": "x&y"}),
    ],
)
def test_a_uri_that_fits_says_what_the_variables_are(template, uri, said):
    assert UriTemplate(template).match(uri) == said


@pytest.mark.parametrize(
    "text", ["a://b", "a://{", "a://{}", "a://{b c}", "a://{b}{b}", "a://{b,c}", "a://}{b}"]
)
def test_what_is_no_template_is_refused(text):
    with pytest.raises(InvalidCall, match="not a URI template"):
        UriTemplate(text)


@given(st.text(max_size=30))
def test_any_text_fits_or_does_not(uri):
    said = UriTemplate("a://{b}/{+c}{?d}").match(uri)
    assert said is None or uri.startswith("a://")


@pytest.mark.parametrize("uri", ["", "nothing", "a b:c", "a:\u00e9", "a:\n", "a:" + "b" * 1000])
def test_a_resource_needs_an_absolute_uri_of_visible_ascii(uri):
    with pytest.raises(InvalidCall, match="absolute URI"):
        Resource(uri, "name")
