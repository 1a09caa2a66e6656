"""Values of MCP's headers: plain ASCII, or any text as =?base64?…?=."""

from base64 import b64decode
from binascii import Error as NotBase64

_BASE64 = ("=?base64?", "?=")


def decoded_header(value: bytes) -> str | None:
    """Read a header's value, plain or in the form =?base64?…?=; None when it is malformed."""
    text = value.decode("latin-1")
    if not (text.startswith(_BASE64[0]) and text.endswith(_BASE64[1])):
        return text if text.isascii() else None
    try:
        return b64decode(text[len(_BASE64[0]) : -len(_BASE64[1])], validate=True).decode()
    except (NotBase64, ValueError):
        return None
