"""Settings of an HTTP API that is adopted by its OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpmesh.config.adopted import check_http_url, check_names, read_adopted
from mcpmesh.config.checks import MIB, InvalidSetting, check_between, check_seconds


@dataclass(frozen=True, slots=True)
class OpenApiSettings:
    """An HTTP API whose operations become tools, as its OpenAPI document describes them.

    Raises: InvalidSetting.
    """

    document: str = ""
    """File or URL of the document: OpenAPI 3.0 or 3.1, JSON or YAML."""
    documents: tuple[str, ...] = ()
    """Others that its references may lead to; no other is ever read."""
    base_url: str = ""
    """Where the API is; empty: where the document says."""
    base_urls: tuple[str, ...] = ()
    """Several servers of the same; each is a replica."""
    only: tuple[str, ...] = ()
    """Patterns of operations: getPet*, GET /pets/*, tag:pets; empty: all."""
    namespace: str = ""
    """What names begin with: shop makes getPet shop_getPet."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets by the names of security schemes: a key, a token, USER:PASSWORD."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """HTTP headers of every request."""
    forward: tuple[str, ...] = ()
    """Names of entries of the caller's metadata that go along as headers."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its tools."""
    call_timeout: float = 60.0
    """Seconds that a call of its tools may take; 0: as long as the caller allows."""
    max_answer_bytes: int = MIB
    """Most bytes of an answer's body."""
    tls_ca: str = ""
    """PEM file with the authorities to trust; empty: those the operating system trusts."""
    tls_cert: str = ""
    """PEM file with the certificate to show, and its key."""

    def __post_init__(self) -> None:
        for name in ("documents", "base_urls", "only", "forward"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.document:
            raise InvalidSetting("adopt", "needs a document, a file or a URL")
        for url in self.bases:
            if url:
                check_http_url(url)
        check_seconds("call_timeout", self.call_timeout)
        # It stands twice in a result: as text for models, and for programs.
        check_between("max_answer_bytes", self.max_answer_bytes, 1024, 64 * MIB)
        check_names(self.namespace, self.labels)

    @property
    def bases(self) -> tuple[str, ...]:
        """All base URLs; one empty one when none is given."""
        return (*((self.base_url,) if self.base_url else ()), *self.base_urls) or ("",)

    @classmethod
    def read(cls, table: object, where: str) -> "OpenApiSettings":
        """Read a table such as {"document": "petstore.yaml", "only": ["tag:pet"]}.

        Raises: InvalidSetting naming the key that is unknown or has a wrong value.
        """
        return read_adopted(cls, table, where)
