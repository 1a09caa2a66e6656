from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.codec.shortened import CHARACTERS_PER_TOKEN, schema_shortened, shortened

TEXT = "Finds a file. Looks at names first, and then at what is inside."


def test_text_ends_with_a_sentence_or_a_word():
    assert shortened(TEXT, 0) == TEXT
    assert shortened(TEXT, 16) == TEXT
    assert shortened(TEXT, 5) == "Finds a file."
    assert shortened(TEXT, 10) == "Finds a file. Looks at names first…"
    assert shortened("x" * 100, 2) == "xxxxxxx…"


@given(st.text(), st.integers(1, 30))
def test_text_is_never_longer_than_the_budget(text, tokens):
    assert len(shortened(text, tokens)) <= tokens * CHARACTERS_PER_TOKEN


def test_only_descriptions_of_a_schema_are_cut():
    schema = {
        "description": TEXT,
        "properties": {
            "description": {"type": "string", "description": TEXT},
            "kind": {"enum": [{"description": TEXT}], "default": {"description": TEXT}},
        },
        "anyOf": [{"description": TEXT}, True],
    }
    cut = schema_shortened(schema, 5)
    assert cut == {
        "description": "Finds a file.",
        "properties": {
            "description": {"type": "string", "description": "Finds a file."},
            "kind": schema["properties"]["kind"],
        },
        "anyOf": [{"description": "Finds a file."}, True],
    }
    assert schema_shortened(schema, 0) is schema
