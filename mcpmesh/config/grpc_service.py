"""Settings of a gRPC service that is adopted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mcpmesh.config.adopted import check_names, read_adopted
from mcpmesh.config.checks import InvalidSetting, check_seconds, check_target
from mcpmesh.config.tls import SYSTEM, TlsSettings

_PLAIN, _TLS = "grpc://", "grpcs://"


@dataclass(frozen=True, slots=True)
class GrpcServiceSettings:
    """A gRPC service whose methods become tools, found by its reflection or its descriptors.

    Raises: InvalidSetting.
    """

    address: str = ""
    """Where it answers: HOST:PORT or unix:/PATH; grpcs://HOST:PORT for TLS."""
    addresses: tuple[str, ...] = ()
    """Several servers of the same; each is a replica."""
    only: tuple[str, ...] = ()
    """Patterns of methods, such as shop.v1.Orders/Get*; empty: all, without grpc's own services."""
    descriptor_set: str = ""
    """File that protoc wrote with --include_imports, for servers without reflection."""
    namespace: str = ""
    """What names begin with: shop makes Orders_Get shop_Orders_Get."""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Metadata of every call, such as authorization."""
    forward: tuple[str, ...] = ()
    """Names of entries of the caller's metadata that go with its calls."""
    native: bool = True
    """Let routers relay calls of the service by path too, straight to it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its tools."""
    call_timeout: float = 0.0
    """Seconds that a call of its tools may take; 0: as long as the caller allows."""
    tls_ca: str = ""
    """PEM file with the authorities to trust, or system, which is what grpcs:// means without."""
    tls_cert: str = ""
    """PEM file with the certificate to show."""
    tls_key: str = ""
    """PEM file with the certificate's key; empty: it is in the certificate's file."""
    tls_server_name: str = ""
    """Name that its certificate has, when that is not the address's host."""

    def __post_init__(self) -> None:
        for name in ("addresses", "only", "forward"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.targets:
            raise InvalidSetting("adopt", "needs an address")
        for target, _ in self.targets:
            check_target("adopt", target)
        check_seconds("call_timeout", self.call_timeout)
        check_names(self.namespace, self.labels)
        self._tls()

    @property
    def targets(self) -> tuple[tuple[str, TlsSettings], ...]:
        """All addresses, as channels take them, and how TLS is spoken there."""
        written = (*((self.address,) if self.address else ()), *self.addresses)
        return tuple(self._target(each) for each in written)

    @classmethod
    def read(cls, table: object, where: str) -> "GrpcServiceSettings":
        """Read a table such as {"address": "10.0.0.7:50051", "only": ["shop.v1.*"]}.

        Raises: InvalidSetting naming the key that is unknown or has a wrong value.
        """
        return read_adopted(cls, table, where)

    def _target(self, written: str) -> tuple[str, TlsSettings]:
        tls = self._tls()
        if written.startswith(_TLS):
            tls = tls if tls.connects else replace(tls, tls_ca=SYSTEM)
        return written.removeprefix(_TLS).removeprefix(_PLAIN), tls

    def _tls(self) -> TlsSettings:
        return TlsSettings(
            tls_cert=self.tls_cert,
            tls_key=self.tls_key,
            tls_ca=self.tls_ca,
            tls_server_name=self.tls_server_name,
        )
