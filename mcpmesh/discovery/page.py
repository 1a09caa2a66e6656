"""Pages through the tools of a catalog in a stable order.

A page token is a position, not a place in a stored list: it names the last tool shown. So it
lives as long as it likes, at every router, and tools that come or go between two pages neither
make the others appear twice nor leave any of them out. (If the very version that a page ended
with goes away, the older versions of that one tool are left out.)
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcpmesh.discovery.watch import matches
from mcpmesh.errors import InvalidCall
from mcpmesh.model.catalog import Catalog, Cluster

DEFAULT_PAGE = 100
MAX_PAGE = 1000
#: A page ends early rather than outgrow the 4 MiB that a stock gRPC client takes.
MAX_PAGE_BYTES = 2 * 1024 * 1024
_CHECK_BYTES = 6


@dataclass(frozen=True, slots=True)
class Page:
    """Tools in the order of their names, then newest version first."""

    clusters: tuple[Cluster, ...]
    next_token: str = ""


def page_of(
    catalog: Catalog,
    names: Sequence[str],
    *,
    size: int = 0,
    token: str = "",
    labels: Mapping[str, str] | None = None,
    all_versions: bool = False,
) -> Page:
    """Return the page that the token points to, the first for none.

    Shape: `names` are the catalog's, sorted; `size` as ListToolsRequest.page_size.
    Raises: InvalidCall for a negative size, or a token that no page gave.
    """
    if size < 0:
        raise InvalidCall(f"page size {size} is negative")
    wanted = min(size or DEFAULT_PAGE, MAX_PAGE)
    found: list[Cluster] = []
    total_bytes = 0
    for cluster in _after(catalog, names, token, all_versions):
        if not matches(cluster.tool, labels or {}):
            continue
        total_bytes += tool_bytes(cluster)
        if found and (len(found) == wanted or total_bytes > MAX_PAGE_BYTES):
            return Page(tuple(found), page_token(found[-1]))
        found.append(cluster)
    return Page(tuple(found))


def tool_bytes(cluster: Cluster) -> int:
    """Return roughly how many bytes a tool takes in a message."""
    tool = cluster.tool
    characters = len(tool.description) + len(tool.title)
    characters += sum(len(key) + len(value) for key, value in tool.labels.items())
    return 4 * characters + len(tool.input_schema) + len(tool.output_schema) + 512


def page_token(last: Cluster) -> str:
    """Write the position after a tool."""
    position = f"{last.tool.name}\n{last.tool.version}".encode()
    return urlsafe_b64encode(_check(position) + position).rstrip(b"=").decode()


def read_token(token: str) -> tuple[str, str]:
    """Read the name and version of the last tool shown.

    Raises: InvalidCall for a token that `page_token` did not write.
    """
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        check, position = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        name, version = position.decode().split("\n")
    except ValueError:
        check, position, name, version = b"", b"", "", ""
    if check != _check(position) or not name:
        raise InvalidCall("page_token is not one that ListTools gave; start with an empty one")
    return name, version


def _check(position: bytes) -> bytes:
    return hashlib.blake2s(position, digest_size=_CHECK_BYTES, person=b"toolpage").digest()


def _after(
    catalog: Catalog, names: Sequence[str], token: str, all_versions: bool
) -> Iterator[Cluster]:
    name, version = read_token(token) if token else ("", "")
    for each in names[bisect_left(names, name) :]:
        versions = catalog.clusters[each]
        shown = versions if all_versions else versions[:1]
        if each == name:
            known = [cluster.tool.version for cluster in versions]
            shown = shown[known.index(version) + 1 :] if version in known else ()
        yield from shown
