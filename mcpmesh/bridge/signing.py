"""Text that goes out to a client and must come back unchanged."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from secrets import token_bytes

MAC_BYTES = 16


class Signer:
    """Signs payloads with a key that all bridges of a mesh may share.

    The payload is readable by whoever holds the text; it only cannot be changed. `purpose` keeps
    text that was signed for one use from being good for another.
    """

    def __init__(self, secret: str = "") -> None:
        self._key = sha256(secret.encode()).digest() if secret else token_bytes(32)

    def sign(self, purpose: bytes, payload: bytes) -> str:
        """Return the payload and its signature as URL-safe text."""
        return urlsafe_b64encode(self._mac(purpose, payload) + payload).rstrip(b"=").decode()

    def open(self, purpose: bytes, text: str) -> bytes | None:
        """Return the payload; None when nobody with our key signed it for this purpose."""
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (NotBase64, ValueError):
            return None
        mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
        return payload if hmac.compare_digest(mac, self._mac(purpose, payload)) else None

    def label(self, purpose: bytes) -> str:
        """Return text that all who have the key know, and that does not tell the key."""
        return self._mac(purpose, b"").hex()

    def _mac(self, purpose: bytes, payload: bytes) -> bytes:
        return hmac.digest(self._key, purpose + b"\0" + payload, "sha256")[:MAC_BYTES]
