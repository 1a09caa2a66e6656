"""An HTTP API that an OpenAPI document describes, adopted: its operations are tools."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

from mcpmesh.adopt.http_client import CONNECT, new_client
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.offer import named
from mcpmesh.adopt.openapi_calls import HttpCalls
from mcpmesh.adopt.openapi_document import Document
from mcpmesh.adopt.openapi_security import keys_of, unproven
from mcpmesh.adopt.openapi_source import is_url, load_document
from mcpmesh.adopt.openapi_tools import Bases, chosen_operations, tools_of
from mcpmesh.adopt.secrets import Secrets
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.sdk.tool import ToolFunction

_LOG = logging.getLogger("mcpmesh.adopt")


@dataclass(frozen=True, slots=True)
class OpenApiService:
    """An API to adopt, and how.

    `document` is a file or a URL, `documents` those it may refer to; `base_url` is where the API
    is, by default where the document says. `only` are patterns. `secrets` go by the names of
    security schemes, `headers` with every request; `forward` names entries of the caller's
    metadata that go along as headers.
    Units: `call_timeout` in seconds, 0 for none; `max_answer_bytes` of an answer's body.
    """

    name: str
    document: str
    base_url: str = ""
    documents: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    forward: tuple[str, ...] = ()
    call_timeout: float = 60.0
    max_answer_bytes: int = 1024 * 1024
    labels: Mapping[str, str] = field(default_factory=dict)
    tls_ca: str = ""
    tls_cert: str = ""


class OpenApiUpstream:
    """One address of an API; an Upstream."""

    def __init__(self, service: OpenApiService, naming: Naming) -> None:
        self._service = service
        self._naming = naming
        self._hide = Secrets.of((*service.secrets.values(), *service.headers.values())).hide

    def __repr__(self) -> str:
        return f"OpenApiUpstream({self.name}, {self._service.document})"

    @property
    def name(self) -> str:
        """What logs and the mesh call it."""
        return self._service.name

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["OpenApiConnection"]:
        """Read the document, see that somebody is there, and keep a pool of connections.

        Raises: UpstreamFailed.
        """
        service = self._service
        at_url = is_url(service.document)
        headers = service.headers if at_url and _same_host(service) else {}
        document = await load_document(service.document, service.documents, headers)
        bases = Bases(service.base_url, document, service.document if at_url else "")
        await _answers(bases.base())
        client = new_client(_tls(service))
        async with client:
            # In threads, here and below: a document of a thousand operations takes seconds.
            yield await asyncio.to_thread(
                OpenApiConnection, service, self._naming, self._hide, document, bases, client
            )


class OpenApiConnection:
    """An API that can be called."""

    def __init__(
        self,
        service: OpenApiService,
        naming: Naming,
        hide: Callable[[str], str],
        document: Document,
        bases: Bases,
        client: httpx2.AsyncClient,
    ) -> None:
        """Choose the operations.

        Raises: UpstreamFailed for a pattern that fits none, or a secret that no scheme wants.
        """
        self._service = service
        self._naming = naming
        self._bases = bases
        self._keys = keys_of(document, service.secrets, service.document)
        self._operations = chosen_operations(document, service.only, service.document)
        self._lost = asyncio.Event()
        self._reason = ""
        self._calls = HttpCalls(
            client,
            bases.base(),
            service.headers,
            service.forward,
            service.max_answer_bytes,
            self._lose,
            hide,
        )
        wanting = unproven(((each.title, each.security) for each in self._operations), self._keys)
        # The service's own headers may be what it wants.
        if wanting and not service.headers:
            _LOG.warning("%s: no secret is given for what %s ask for", service.name, named(wanting))

    async def entries(self) -> Sequence[ToolFunction]:
        """Return the operations as tools."""
        service = self._service
        said = {"labels": service.labels, "timeout": service.call_timeout or None}
        tools = tools_of(self._operations, self._calls, self._keys, self._bases, self._naming, said)
        return await asyncio.to_thread(list, tools)

    async def changed(self) -> None:
        """Wait until a call finds nobody there.

        Raises: UpstreamFailed.
        """
        await self._lost.wait()
        raise UpstreamFailed(self._reason)

    def _lose(self, reason: str) -> None:
        self._reason = reason
        self._lost.set()


def _same_host(service: OpenApiService) -> bool:
    """Tell whether the document is where the API is, so that it may be told the same secrets."""
    if not service.base_url:
        return True
    ours, theirs = urlsplit(service.base_url), urlsplit(service.document)
    return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)


def _tls(service: OpenApiService) -> ssl.SSLContext | bool:
    """Return whom to trust, and what to show.

    Raises: UpstreamFailed for files that cannot be used.
    """
    if not (service.tls_ca or service.tls_cert):
        return True
    try:
        context = ssl.create_default_context(cafile=service.tls_ca or None)
        if service.tls_cert:
            context.load_cert_chain(service.tls_cert)
    except (OSError, ssl.SSLError) as error:
        files = " and ".join(filter(None, (service.tls_ca, service.tls_cert)))
        raise UpstreamFailed(f"cannot use {files}: {error}", final=True) from error
    return context


async def _answers(base: str) -> None:
    """See whether something listens at a URL.

    Raises: UpstreamFailed.
    """
    parts = urlsplit(base)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        async with asyncio.timeout(CONNECT):
            _, writer = await asyncio.open_connection(parts.hostname, port)
        writer.close()
    except TimeoutError as error:
        raise UpstreamFailed(f"{base} does not answer within {CONNECT:g} s") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UpstreamFailed(f"{base} cannot be connected to: {reason}") from error
