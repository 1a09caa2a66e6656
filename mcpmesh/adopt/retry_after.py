"""When an HTTP server wants to be asked again."""

from email.utils import parsedate_to_datetime

_LONGEST_WAIT_MS = 86_400_000


def retry_after_ms(field: str, now: float) -> int:
    """Read a Retry-After field: seconds, or a date (RFC 9110, section 10.2.3); 0 for neither."""
    if field.isascii() and field.isdigit():
        return min(int(field[:9]) * 1000, _LONGEST_WAIT_MS)
    try:
        at = parsedate_to_datetime(field).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0
    return max(0, min(int((at - now) * 1000), _LONGEST_WAIT_MS))
