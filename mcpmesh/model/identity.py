"""Who a peer is, by the certificate it proved to own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Short names of the attributes that RFC 4514 gives one; others are written in full.
_SHORT = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_ESCAPED = frozenset('"+,;<>\\')
_SPIFFE = "spiffe://"


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """What a verified certificate says of its owner.

    Shape: `subject` as RFC 4514 writes it, CN=ada,O=Example, in ASCII; `names` are the subject's
    alternative names, as (kind, name): ("DNS", "a.example"), ("URI", "spiffe://…").
    """

    subject: str = ""
    common_name: str = ""
    names: tuple[tuple[str, str], ...] = ()
    certificate: bytes = b""
    """The certificate itself, DER."""

    @property
    def spiffe(self) -> str:
        """The SPIFFE id; empty without one. A SPIFFE certificate has exactly one URI."""
        uris = [name for kind, name in self.names if kind == "URI"]
        return uris[0] if len(uris) == 1 and uris[0].startswith(_SPIFFE) else ""

    @property
    def name(self) -> str:
        """What the peer is called: its SPIFFE id, else its subject, else its first other name."""
        return self.spiffe or self.subject or next((name for _, name in self.names), "")


def identity_of(certificate: Mapping[str, Any], der: bytes = b"") -> PeerIdentity:
    """Read a certificate as Python's ssl module gives it: `getpeercert()`."""
    relative_names = certificate.get("subject", ())
    pairs = [pair for relative_name in relative_names for pair in relative_name]
    return PeerIdentity(
        # The most specific name first, the other way round than in the certificate.
        ",".join("+".join(map(_pair, each)) for each in reversed(relative_names)),
        next((value for key, value in pairs if key == "commonName"), ""),
        tuple((kind, name) for kind, name in certificate.get("subjectAltName", ())),
        der,
    )


def _pair(pair: tuple[str, str]) -> str:
    key, value = pair
    return f"{_SHORT.get(key, key)}={_escaped(value)}"


def _escaped(value: str) -> str:
    """Escape a value. Source: RFC 4514, section 2.4."""
    written = "".join(_character(character) for character in value)
    if value[:1] in ("#", " "):
        written = "\\" + written
    if len(value) > 1 and value.endswith(" "):
        written = written[:-1] + "\\ "
    return written


def _character(character: str) -> str:
    if character in _ESCAPED:
        return "\\" + character
    if " " <= character <= "~":
        return character
    # Also what RFC 4514 would leave as it is: the name travels in headers, which are ASCII.
    return "".join(f"\\{byte:02X}" for byte in character.encode())
