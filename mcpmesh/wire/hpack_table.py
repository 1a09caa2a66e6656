"""The table that both ends of an HPACK stream keep in step: 61 fixed fields, then recent ones."""

from mcpmesh.errors import RemoteProtocolError

Header = tuple[bytes, bytes]
Headers = tuple[Header, ...]

PROTOCOL_TABLE_SIZE = 4096
"""Size of both tables until a setting says otherwise (RFC 9113, section 6.5.2)."""
FIELD_OVERHEAD = 32
"""What a field counts besides its name and value (RFC 7541, section 4.1)."""


class HpackError(RemoteProtocolError):
    """A header block that no correct encoder sends; the connection's tables can't be trusted."""


class HeaderListTooLarge(HpackError):
    """A well-formed header list over our limit; the tables are still in step."""


class HeaderBomb(HeaderListTooLarge):
    """A small block that stands for a header list far over our limit: nobody honest sends that."""


# Source: RFC 7541, appendix A. The order is the wire format; fields without "=" have no value.
_STATIC_LINES = """
:authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https
:status=200|:status=204|:status=206|:status=304|:status=400|:status=404|:status=500
accept-charset|accept-encoding=gzip, deflate|accept-language|accept-ranges|accept
access-control-allow-origin|age|allow|authorization|cache-control|content-disposition
content-encoding|content-language|content-length|content-location|content-range|content-type
cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range
if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate
proxy-authorization|range|referer|refresh|retry-after|server|set-cookie
strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate
"""


def _static_fields() -> Headers:
    fields = _STATIC_LINES.strip().replace("\n", "|").encode().split(b"|")
    return tuple((name, value) for name, _, value in (field.partition(b"=") for field in fields))


STATIC_FIELDS = _static_fields()
FIRST_DYNAMIC = len(STATIC_FIELDS) + 1
_NOT_A_FIELD: Header = (b"", b"")


def field_size(field: Header) -> int:
    """Return what a field counts against table and list limits."""
    return len(field[0]) + len(field[1]) + FIELD_OVERHEAD


class HeaderTable:
    """Static and dynamic table in one list, so that an index on the wire is a list index.

    `fields[0]` is a filler (index 0 is never valid, readers check for it), `fields[62]` the
    newest dynamic field. Inserting there moves at most some hundred pointers, which costs less
    than any arithmetic on each of the far more frequent look-ups.
    """

    __slots__ = ("fields", "max_size", "size")

    def __init__(self, max_size: int) -> None:
        self.fields: list[Header] = [_NOT_A_FIELD, *STATIC_FIELDS]
        self.max_size = max_size
        self.size = 0

    def insert(self, field: Header) -> list[Header]:
        """Insert a field and return the evicted ones, oldest first.

        A field larger than the table empties it and is itself not kept (RFC 7541, section 4.4).
        """
        size = len(field[0]) + len(field[1]) + FIELD_OVERHEAD
        evicted = []
        if self.size + size > self.max_size:
            evicted = self._evict(self.max_size - size)
            if size > self.max_size:
                return evicted
        self.size += size
        self.fields.insert(FIRST_DYNAMIC, field)
        return evicted

    def resize(self, max_size: int) -> list[Header]:
        """Change the size limit and return the evicted fields, oldest first."""
        self.max_size = max_size
        return self._evict(max_size)

    def _evict(self, room: int) -> list[Header]:
        evicted = []
        while self.size > room and len(self.fields) > FIRST_DYNAMIC:
            field = self.fields.pop()
            self.size -= field_size(field)
            evicted.append(field)
        return evicted

    def __repr__(self) -> str:
        count = len(self.fields) - FIRST_DYNAMIC
        return f"HeaderTable({count} dynamic fields, {self.size} of {self.max_size} bytes)"
