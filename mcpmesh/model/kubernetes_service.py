"""A service of a Kubernetes cluster: kubernetes:///ocr.tools:grpc."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mcpmesh.errors import InvalidCall

_PREFIX = "kubernetes:///"
#: What Kubernetes takes as a name of either (RFC 1123).
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class KubernetesService:
    """Which endpoints to follow.

    Shape: `port` is the name or number of one of the service's ports; empty for the one called
    grpc, or the only one.
    Raises: InvalidCall.
    """

    service: str
    namespace: str
    port: str = ""

    def __post_init__(self) -> None:
        right = all(_LABEL.fullmatch(each) for each in (self.service, self.namespace))
        if not right or (self.port and not _LABEL.fullmatch(self.port)):
            raise InvalidCall(f"{self}: write {_PREFIX}SERVICE.NAMESPACE or …:PORT")

    def __str__(self) -> str:
        port = self.port and f":{self.port}"
        namespace = self.namespace and f".{self.namespace}"
        return f"{_PREFIX}{self.service}{namespace}{port}"

    @classmethod
    def parse(cls, text: str) -> KubernetesService:
        """Read kubernetes:///SERVICE.NAMESPACE[:PORT].

        Raises: InvalidCall saying what a proper one looks like.
        """
        where, _, port = text.removeprefix(_PREFIX).partition(":")
        service, _, namespace = where.partition(".")
        if not text.startswith(_PREFIX) or (text.endswith(":") and not port):
            raise InvalidCall(f"{text!r}: write {_PREFIX}SERVICE.NAMESPACE or …:PORT")
        return cls(service, namespace, port)
