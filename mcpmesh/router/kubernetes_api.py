"""The two questions that are asked of a Kubernetes API server, by its client library."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from kubernetes_asyncio import client, config
from kubernetes_asyncio.client.exceptions import ApiException

from mcpmesh.model.kubernetes_service import KubernetesService
from mcpmesh.router.endpoint_slices import Json

_SERVICE_LABEL = "kubernetes.io/service-name"
_PAGE = 500
#: Seconds for a connection, and between two pieces of an answer that is all there already.
_CONNECT, _READ = 10.0, 30.0
#: Seconds that a watch goes on before the server ends it.
WATCH_SECONDS = 300
#: Seconds without a word on a watch, bookmarks included, after which it is taken for dead.
SILENCE = 120.0
MAX_EVENT_BYTES = 16 * 1024 * 1024
_GONE = 410
_ABSENT = (403, 404)
_OK = 200


class ApiFailed(Exception):
    """The API server did not answer as it should.

    `gone`: list anew; `absent`: there is no such thing, or it may not be read.
    """

    def __init__(self, reason: str, *, gone: bool = False, absent: bool = False) -> None:
        super().__init__(reason)
        self.gone = gone
        self.absent = absent


class KubernetesApi:
    """Reads a service and its EndpointSlices."""

    def __init__(self, service: KubernetesService, api_client: Any) -> None:
        self._service = service
        self._discovery = client.DiscoveryV1Api(api_client)
        self._core = client.CoreV1Api(api_client)
        self._selected = {
            "namespace": service.namespace,
            "label_selector": f"{_SERVICE_LABEL}={service.service}",
            "_preload_content": False,
        }

    async def service(self) -> Json:
        """Return the Service; an empty one where it may not be read, or is none.

        Raises: ApiFailed.
        """
        try:
            with _failing():
                response = await self._core.read_namespaced_service(
                    self._service.service, self._service.namespace,
                    _preload_content=False, _request_timeout=(_CONNECT, _READ),
                )  # fmt: skip
                return _object(await _whole(response))
        except ApiFailed as error:
            if error.absent:
                return {}
            raise

    async def slices(self) -> tuple[list[Json], str]:
        """Return all EndpointSlices, and the resource version to watch from.

        Raises: ApiFailed.
        """
        found: list[Json] = []
        after = None
        while True:
            more: dict[str, str] = {"_continue": after} if after else {}
            with _failing():
                response = await self._discovery.list_namespaced_endpoint_slice(
                    **self._selected, **more, limit=_PAGE, _request_timeout=(_CONNECT, _READ)
                )
                page = _object(await _whole(response))
            metadata = page.get("metadata") or {}
            found += page.get("items") or ()
            after = metadata.get("continue")
            if not after:
                return found, str(metadata.get("resourceVersion", ""))

    async def changes(self, version: str) -> AsyncGenerator[tuple[str, Json], None]:
        """Yield (ADDED | MODIFIED | DELETED | BOOKMARK, slice) until the server ends the watch.

        Raises: ApiFailed.
        """
        with _failing():
            response = await self._discovery.list_namespaced_endpoint_slice(
                **self._selected, watch=True, allow_watch_bookmarks=True, resource_version=version,
                timeout_seconds=WATCH_SECONDS, _request_timeout=(_CONNECT, SILENCE),
            )  # fmt: skip
            try:
                if response.status != _OK:
                    _check(response, await response.read())
                async for line in _lines(response.content):
                    event = _object(line)
                    if event.get("type") == "ERROR":
                        status = event.get("object") or {}
                        reason = str(status.get("message") or status.get("reason"))
                        raise ApiFailed(reason, gone=status.get("code") == _GONE)
                    yield str(event.get("type")), event.get("object") or {}
            finally:
                response.close()


@asynccontextmanager
async def kubernetes_api(
    service: KubernetesService, configuration: Any = None
) -> AsyncIterator[KubernetesApi]:
    """Open the way to the cluster that this process runs in, or to that of the kubeconfig.

    Raises: ApiFailed when there is neither.
    """
    with _failing():
        configuration = configuration or await _configuration()
        async with client.ApiClient(configuration) as api_client:
            yield KubernetesApi(service, api_client)


async def _configuration() -> Any:
    configuration = client.Configuration()
    try:
        config.load_incluster_config(configuration)
    except config.ConfigException as outside:
        try:
            await config.load_kube_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise ApiFailed(
                f"neither in a cluster ({outside}) nor a kubeconfig: {error}"
            ) from error
    return configuration


class _failing:
    """Turns what the library raises into ApiFailed."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        match error:
            case ApiException():
                reason = f"{error.status} {error.reason}"
                raise ApiFailed(reason, gone=error.status == _GONE) from error
            case TimeoutError():
                raise ApiFailed("the API server is silent") from error
            case aiohttp.ClientError() | OSError() | config.ConfigException():
                raise ApiFailed(str(error) or type(error).__name__) from error


async def _whole(response: Any) -> bytes:
    async with response:
        text = bytes(await response.read())
    _check(response, text)
    return text


def _check(response: Any, text: bytes) -> None:
    """Refuse an answer that is a Status; the library leaves that to who reads by himself.

    Raises: ApiFailed.
    """
    if response.status == _OK:
        return
    try:
        reason = str(_object(text).get("message", ""))
    except ApiFailed:
        reason = ""
    raise ApiFailed(
        f"{response.status} {reason or response.reason}",
        gone=response.status == _GONE,
        absent=response.status in _ABSENT,
    )


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines, however long: the library's own reader gives up on a large slice."""
    rest = bytearray()
    async for piece in content.iter_any():
        start = len(rest)
        rest += piece
        while (end := rest.find(b"\n", start)) >= 0:
            if line := bytes(rest[:end]).strip():
                yield line
            del rest[: end + 1]
            start = 0
        if len(rest) > MAX_EVENT_BYTES:
            raise ApiFailed(f"an event has more than {MAX_EVENT_BYTES} bytes")


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(text)
    except ValueError as error:
        raise ApiFailed(f"what the API server says is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise ApiFailed("what the API server says is not an object")
    return read
