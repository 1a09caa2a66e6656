"""Certificates made for a test: an authority, and what it signs."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
#: What the key of an authority is for.
_SIGNS = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
    encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True)
class Files:
    """A certificate and its key, in files."""

    cert: str
    key: str

    @property
    def pems(self) -> tuple[bytes, bytes]:
        """The key and the certificate, as grpc's credentials want them."""
        return Path(self.key).read_bytes(), Path(self.cert).read_bytes()


class Authority:
    """Signs certificates; `ca` is the file with its own."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(self._name, self._name, self._key.public_key(), self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        path = folder / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.ca = str(path)

    @property
    def ca_pem(self) -> bytes:
        return Path(self.ca).read_bytes()

    def sign(
        self,
        file: str,
        *names: str,
        common_name: str = "",
        organization: str = "",
        valid: tuple[timedelta, timedelta] = (-DAY, DAY),
    ) -> Files:
        """Make a certificate for DNS names, IP addresses and URIs; written anew if it is there."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = [
            x509.NameAttribute(oid, value)
            for oid, value in (
                (NameOID.ORGANIZATION_NAME, organization),
                (NameOID.COMMON_NAME, common_name),
            )
            if value
        ]
        builder = _builder(
            x509.Name(subject), self._name, key.public_key(), self._key.public_key(), valid
        )
        if names:
            # An empty subject makes the alternative name critical (RFC 5280, section 4.2.1.6).
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general(name) for name in names]),
                critical=not subject,
            )
        certificate = builder.sign(self._key, hashes.SHA256())
        files = Files(str(self.folder / f"{file}.pem"), str(self.folder / f"{file}.key"))
        Path(files.key).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        Path(files.cert).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return files


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    valid: tuple[timedelta, timedelta] = (-DAY, DAY),
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + valid[0])
        .not_valid_after(now + valid[1])
        # Who verifies strictly (Python 3.13 by default) wants both key identifiers.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _general(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
