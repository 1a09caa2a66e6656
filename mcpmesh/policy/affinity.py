"""What calls can have in common: the settings that name it."""

from mcpmesh.errors import InvalidCall

#: Where a key comes from, before the colon.
KEY_SOURCES = ("metadata", "argument", "session")


def check_key(key: str) -> None:
    """Refuse what names no key.

    Raises: InvalidCall with the forms there are.
    """
    source, _, name = key.partition(":")
    if source not in KEY_SOURCES or (source == "session") != (not name):
        raise InvalidCall(f"key {key!r} is not metadata:NAME, argument:NAME or session")
