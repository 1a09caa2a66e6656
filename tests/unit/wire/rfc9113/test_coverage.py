"""Every section of RFC 9113: which tests cover what it obliges an endpoint to, or why none does."""

import ast
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[3]

#: Sections that oblige an endpoint have tests here named after them ("5.1.1" is
#: test_5_1_1_…); tests that stand elsewhere are named in full.
ELSEWHERE = {
    "3.2": ["tests/integration/rpc/test_tls.py::test_client_without_h2_is_refused",
            "tests/integration/rpc/test_tls.py::test_server_without_h2_is_refused"],
    "3.3": ["tests/integration/rpc/test_life.py::test_an_http1_client_is_told_where_it_is"],
    "5.2.2": ["tests/unit/wire/test_h2_peer.py::"
              "test_any_conversation_with_an_h2_client_ends_with_every_byte_delivered"],
    "9.2": ["tests/integration/rpc/test_tls.py::test_versions_of_tls"],
    "9.2.2": ["tests/integration/rpc/test_tls.py::"
              "test_cipher_without_forward_secrecy_is_refused"],
    "10.5": ["tests/unit/wire/test_floods.py::test_a_flood_ends_its_connection"],
    "9.1": ["tests/integration/rpc/test_last_words.py::"
            "test_why_a_connection_failed_reaches_a_client_in_the_middle_of_sending"],
}  # fmt: skip

#: Sections that oblige nobody, or not us.
WITHOUT = {
    "1": "introduction",
    "2": "overview",
    "2.1": "overview",
    "2.2": "the words it uses",
    "3": "see its parts",
    "3.1": "names h2 and h2c",
    "4": "see its parts",
    "5": "see its parts",
    "5.2": "see its parts",
    "5.2.3": "advice",
    "5.3": "see its parts",
    "5.3.1": "what RFC 7540 said",
    "5.4": "see its parts",
    "6": "see its parts",
    "8": "see its parts",
    "8.2": "names in lower case: gRPC metadata is checked where it is encoded (codec/metadata)",
    "8.2.3": "gRPC metadata is no generic HTTP: several cookie fields stay several values",
    "8.4.1": "we neither push nor allow it",
    "8.4.2": "we neither push nor allow it",
    "8.8": "examples",
    "8.8.1": "an example",
    "8.8.2": "an example",
    "8.8.3": "an example",
    "8.8.4": "an example",
    "8.8.5": "an example",
    "9": "see its parts",
    "9.1.1": "a channel goes to one target: connections are not reused for other authorities",
    "9.2.1": "Python's ssl has neither compression nor renegotiation",
    "9.2.3": "Python's ssl sends no request for a certificate after the handshake unless asked",
    "10": "see its parts",
    "10.1": "of clients that choose an authority for a URI",
    "10.2": "of TLS and the preface: 3.4",
    "10.3": "fields are checked as they come (8.2.1, 8.2.2), before anything is forwarded",
    "10.4": "there is no push",
    "10.5.2": "there is no CONNECT (8.5)",
    "10.7": "we send no padding; what a caller pads is not kept, for messages are cut anew",
    "10.8": "advice",
    "10.9": "advice",
    "11": "registries",
    "11.1": "registries",
    "11.2": "registries",
}

#: The table of contents: how many parts each section has.
PARTS = {
    "": 11, "2": 2, "3": 4, "4": 3, "4.3": 1, "5": 5, "5.1": 2, "5.2": 3, "5.3": 2, "5.4": 3,
    "6": 10, "6.5": 3, "6.9": 3, "8": 8, "8.1": 1, "8.2": 3, "8.3": 2, "8.4": 2, "8.8": 5, "9": 2,
    "9.1": 1, "9.2": 3, "10": 9, "10.5": 2, "11": 2,
}  # fmt: skip


def sections():
    for parent, count in PARTS.items():
        for part in range(1, count + 1):
            yield f"{parent}.{part}".removeprefix(".")


def names_in(path):
    return [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]


def named_after(section, names):
    """Return the tests of a section, not those of its parts."""
    prefix = f"test_{section.replace('.', '_')}_"
    return [n for n in names if n.startswith(prefix) and not n[len(prefix)].isdigit()]


def test_every_section_has_a_test_or_a_reason():
    names = [name for path in HERE.glob("test_sections_*.py") for name in names_in(path)]
    for section in sections():
        tested = bool(named_after(section, names) or ELSEWHERE.get(section))
        assert tested != (section in WITHOUT), section
    assert set(ELSEWHERE) | set(WITHOUT) <= set(sections())


def test_every_test_is_named_after_a_section():
    for path in HERE.glob("test_sections_*.py"):
        for name in names_in(path):
            assert any(named_after(section, [name]) for section in sections()), name


def test_the_tests_that_stand_elsewhere_are_there():
    for tests in ELSEWHERE.values():
        for test in tests:
            path, _, name = test.partition("::")
            assert name in names_in(ROOT / path), test
