"""How deep a client's JSON nests: what is deep costs whoever walks it, and may break them."""

from typing import Any

from mcpmesh.bridge.http_message import HttpRefusal


def check_depth(body: bytes, value: Any, limit: int) -> None:
    """Refuse what nests too deep; `value` is what the body says.

    Raises: HttpRefusal 400.
    """
    # Bodies with few brackets, which most are, cannot be deep.
    if body.count(b"{") + body.count(b"[") > limit and is_deeper(value, limit):
        raise HttpRefusal(
            400,
            f"the body nests deeper than {limit} levels; nest less, or have the bridge take more "
            "with max_depth (--max-depth)",
            reason="depth",
        )


def is_deeper(value: Any, limit: int) -> bool:
    """Tell whether JSON nests deeper than so many levels; level by level, so without recursion."""
    level = [value] if type(value) in (dict, list) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
    return bool(level)
