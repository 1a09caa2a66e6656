"""Settings of TLS, the same for whoever listens and whoever connects."""

from dataclasses import dataclass

from mcpmesh.config.checks import InvalidSetting

#: Stands for the authorities that the operating system trusts.
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Settings of TLS: who we are, and whom we trust.

    A server speaks TLS when it has a certificate, a client when it is told whom to trust.
    Raises: InvalidSetting.
    """

    tls_cert: str = ""
    """PEM file with the certificate to show, and those between it and its authority."""
    tls_key: str = ""
    """PEM file with the certificate's key; empty: it is in the certificate's file."""
    tls_ca: str = ""
    """PEM file with the authorities to trust when connecting, or system; empty: no TLS."""
    tls_server_name: str = ""
    """Name that the server's certificate must have; empty: the host that is connected to."""
    tls_client_ca: str = ""
    """PEM file with the authorities to trust when a client shows a certificate."""
    tls_require_client_cert: bool = False
    """Refuse clients that show no certificate; without a tls_client_ca, tls_ca is trusted."""

    def __post_init__(self) -> None:
        if self.tls_key and not self.tls_cert:
            raise InvalidSetting("tls_key", "a key without its certificate; give --tls-cert too")
        if self.tls_client_ca and not self.tls_cert:
            raise InvalidSetting(
                "tls_client_ca", "clients show a certificate over TLS only; give --tls-cert too"
            )
        if self.tls_require_client_cert and not self.tls_cert:
            raise InvalidSetting(
                "tls_require_client_cert",
                "clients show a certificate over TLS only; give --tls-cert too",
            )
        if self.tls_require_client_cert and not self.client_ca:
            raise InvalidSetting(
                "tls_require_client_cert",
                "nobody says whose certificates are good; give --tls-client-ca",
            )

    @property
    def serves(self) -> bool:
        """Tell whether a server with these settings speaks TLS."""
        return bool(self.tls_cert)

    @property
    def connects(self) -> bool:
        """Tell whether a client with these settings speaks TLS."""
        return bool(self.tls_ca)

    @property
    def client_ca(self) -> str:
        """The authorities of clients' certificates; empty: clients are not asked for one."""
        return self.tls_client_ca or (self.tls_ca if self.tls_require_client_cert else "")


NO_TLS = TlsSettings()
