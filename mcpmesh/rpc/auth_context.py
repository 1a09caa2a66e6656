"""What a servicer learns of its caller's TLS, under the names that gRPC gives it.

Source: gRPC core's grpc_security_constants.h.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence

from mcpmesh.model.identity import PeerIdentity

_ALTERNATIVE_NAME = "x509_subject_alternative_name"
_COMMON_NAME = "x509_common_name"
_KINDS = {
    "DNS": "peer_dns",
    "URI": "peer_uri",
    "email": "peer_email",
    "IP Address": "peer_ip",
}
AuthContext = Mapping[str, Sequence[bytes]]
PLAIN: AuthContext = {
    "transport_security_type": [b"insecure"],
    "security_level": [b"TSI_SECURITY_NONE"],
}


def identity_key(identity: PeerIdentity) -> str:
    """Return the property that names a peer: its alternative names, else its common name."""
    return _ALTERNATIVE_NAME if identity.names else _COMMON_NAME


def auth_context(identity: PeerIdentity | None) -> AuthContext:
    """Return what is known of a caller over TLS; None for one without a certificate."""
    known: dict[str, list[bytes]] = {
        "transport_security_type": [b"ssl"],
        "security_level": [b"TSI_PRIVACY_AND_INTEGRITY"],
    }
    if identity is None:
        return known
    known["x509_subject"] = [identity.subject.encode()]
    known[_COMMON_NAME] = [identity.common_name.encode()]
    known["x509_pem_cert"] = [ssl.DER_cert_to_PEM_cert(identity.certificate).encode()]
    for kind, name in identity.names:
        known.setdefault(_ALTERNATIVE_NAME, []).append(name.encode())
        if kind in _KINDS:
            known.setdefault(_KINDS[kind], []).append(name.encode())
    if identity.spiffe:
        known["peer_spiffe_id"] = [identity.spiffe.encode()]
    return known
