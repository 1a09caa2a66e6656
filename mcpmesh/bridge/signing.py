"""Text that goes out to a client and must come back unchanged."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from secrets import token_bytes

from mcpmesh.model.principal import ANONYMOUS, Principal

MAC_BYTES = 16
_PRINCIPAL = b"principal\0"


class Signer:
    """Signs payloads with a key that all bridges of a mesh may share.

    The payload is readable by whoever holds the text; it only cannot be changed. `purpose` keeps
    text that was signed for one use from being good for another, and `of` binds it to whom it was
    given: it is good for nobody else. What was given to somebody who proved nothing is good for
    everybody who proves nothing.
    """

    def __init__(self, secret: str = "") -> None:
        self._key = sha256(secret.encode()).digest() if secret else token_bytes(32)

    def sign(self, purpose: bytes, payload: bytes, of: Principal = ANONYMOUS) -> str:
        """Return the payload and its signature as URL-safe text."""
        return urlsafe_b64encode(self._mac(purpose, payload, of) + payload).rstrip(b"=").decode()

    def open(self, purpose: bytes, text: str, of: Principal = ANONYMOUS) -> bytes | None:
        """Return the payload; None when nobody with our key signed it for this use."""
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (NotBase64, ValueError):
            return None
        mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
        return payload if hmac.compare_digest(mac, self._mac(purpose, payload, of)) else None

    def label(self, purpose: bytes) -> str:
        """Return text that all who have the key know, and that does not tell the key."""
        return self._mac(purpose, b"", ANONYMOUS).hex()

    def _mac(self, purpose: bytes, payload: bytes, of: Principal) -> bytes:
        key = self._key
        if of.name:
            key = hmac.digest(key, _PRINCIPAL + of.name.encode(), "sha256")
        return hmac.digest(key, purpose + b"\0" + payload, "sha256")[:MAC_BYTES]
