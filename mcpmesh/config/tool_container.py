"""Settings of a tool container that is adopted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpmesh.config.adopted import check_http_url, check_names, read_adopted
from mcpmesh.config.checks import MIB, InvalidSetting, check_between, check_seconds


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """A container that serves /manifest and takes calls over HTTP.

    Raises: InvalidSetting.
    """

    url: str = ""
    """Where it is; its manifest is at /manifest below it."""
    urls: tuple[str, ...] = ()
    """Several containers with the same tools; each is a replica."""
    namespace: str = ""
    """What names begin with: shop makes find shop_find."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """HTTP headers of every request, such as Authorization."""
    only: tuple[str, ...] = ()
    """Patterns of its tools' names, as its manifest has them; empty: all."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its tools, besides those that its manifest gives them."""
    look_every: float = 5.0
    """Seconds between two looks at the manifest."""
    max_answer_bytes: int = 4 * MIB
    """Most bytes of an answer's body."""

    def __post_init__(self) -> None:
        for name in ("urls", "only"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.addresses:
            raise InvalidSetting("adopt", "needs a url")
        for url in self.addresses:
            check_http_url(url)
        check_seconds("look_every", self.look_every, 0.1)
        check_between("max_answer_bytes", self.max_answer_bytes, 1024, 64 * MIB)
        check_names(self.namespace, self.labels)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All URLs."""
        return (*((self.url,) if self.url else ()), *self.urls)

    @classmethod
    def read(cls, table: object, where: str) -> "ContainerSettings":
        """Read a table such as {"urls": ["http://10.0.0.7:8000", "http://10.0.0.8:8000"]}.

        Raises: InvalidSetting naming the key that is unknown or has a wrong value.
        """
        return read_adopted(cls, table, where)
