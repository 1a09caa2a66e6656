"""Texts of others, cut to what there is room for."""


def cut(text: str, longest_bytes: int) -> str:
    """Return a text, or its beginning and an ellipsis.

    Units: `longest_bytes` of UTF-8, at least 3.
    """
    encoded = text.encode()
    if len(encoded) <= longest_bytes:
        return text
    return encoded[: longest_bytes - 3].decode(errors="ignore") + "…"
