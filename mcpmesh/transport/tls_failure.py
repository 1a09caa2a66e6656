"""Why TLS failed, in a sentence that says what to do."""

import ssl

#: Verification errors of OpenSSL (x509_vfy.h), by number.
_VERIFICATION = {
    9: "the certificate of {peer} is not valid yet; look at the clocks of both machines",
    10: "the certificate of {peer} has expired; it has to be renewed",
    18: "the certificate of {peer} is its own authority, which {ca} does not name",
    19: "the certificate of {peer} is of an authority that {ca} does not name",
    20: "the certificate of {peer} is of an authority that {ca} does not name",
    21: "the certificate of {peer} is of an authority that {ca} does not name",
    26: "the certificate of {peer} is not meant for this use: {reason}",
    62: "the certificate of {peer} is for another name than {name!r}; --tls-server-name names one",
    64: "the certificate of {peer} is for another address than {name!r}; "
    "--tls-server-name names what it has",
}
#: OpenSSL's names of what went wrong, alerts of the peer among them.
_REASONS = {
    "UNSUPPORTED_PROTOCOL": "{peer} speaks no TLS newer than 1.1; 1.2 is the least",
    "NO_SHARED_CIPHER": "{peer} has no cipher in common with us",
    "WRONG_VERSION_NUMBER": "{peer} does not speak TLS",
    "HTTP_REQUEST": "{peer} does not speak TLS, but plain HTTP",
    "HTTPS_PROXY_REQUEST": "{peer} does not speak TLS, but plain HTTP",
    "PACKET_LENGTH_TOO_LONG": "{peer} does not speak TLS",
    "RECORD_LAYER_FAILURE": "{peer} does not speak TLS",
    "UNEXPECTED_EOF_WHILE_READING": "{peer} closed the connection during the TLS handshake",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "{peer} shows no client certificate, which is required",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "{peer} requires a client certificate; "
    "give --tls-cert and --tls-key",
    "TLSV1_ALERT_UNKNOWN_CA": "{peer} does not trust the authority of our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "{peer} says that our certificate has expired",
    "SSLV3_ALERT_BAD_CERTIFICATE": "{peer} refuses our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "{peer} refuses our certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "{peer} refuses our certificate",
    "TLSV1_ALERT_PROTOCOL_VERSION": "{peer} speaks no version of TLS that we do",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "{peer} refuses the handshake; it may require a client "
    "certificate: --tls-cert and --tls-key give one",
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "{peer} does not speak gRPC (HTTP/2) there",
    "TLSV1_ALERT_ACCESS_DENIED": "{peer} denies us access",
}


class TlsFailure(ConnectionError):
    """TLS could not be agreed on, or broke; the message is a sentence."""


def explain(
    error: Exception, peer: str, *, name: str | None = None, server_side: bool = False
) -> TlsFailure:
    """Say why TLS failed with a peer; `name` is what its certificate should have had."""
    said = _sentence(error)
    ca = "--tls-client-ca" if server_side else "--tls-ca"
    reason = getattr(error, "verify_message", "") or getattr(error, "reason", None) or str(error)
    return TlsFailure(said.format(peer=peer, name=name or peer, ca=ca, reason=reason))


def _sentence(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(error.verify_code, "the certificate of {peer} is bad: {reason}")
    reason = getattr(error, "reason", None)
    return _REASONS.get(reason or "", "TLS with {peer} failed: {reason}")
