"""A little Kubernetes API server on loopback: one service, its slices, and a history of changes.

The shapes are those that the API reference documents.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

BASE = "/apis/discovery.k8s.io/v1/namespaces/tools/endpointslices"
SELECTOR = "kubernetes.io/service-name=ocr"


def endpoint(pod: str, ip: str, zone: str = "eu-1a", **more: Any) -> dict[str, Any]:
    conditions = {"ready": True, "serving": True, "terminating": False, **more}
    return {
        "addresses": [ip],
        "conditions": conditions,
        "nodeName": "node-1",
        "targetRef": {"kind": "Pod", "name": pod, "namespace": "tools", "uid": f"uid-{pod}"},
        "zone": zone,
    }


def endpoint_slice(
    name: str, *endpoints: dict[str, Any], kind: str = "IPv4", port: int = 50051
) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": "tools",
            "labels": {"kubernetes.io/service-name": "ocr"},
            "resourceVersion": "0",
        },
        "addressType": kind,
        "endpoints": list(endpoints),
        "ports": [{"name": "grpc", "port": port, "protocol": "TCP", "appProtocol": "grpc"}],
    }


class Cluster:
    """What the API server knows, and what it does wrong when a test wants it."""

    def __init__(self) -> None:
        self.slices: dict[str, dict[str, Any]] = {}
        self.version = 1
        #: Versions of changes that are forgotten: who watches from there is told 410.
        self.forgotten = 0
        self.history: list[tuple[int, dict[str, Any]]] = []
        self.annotations: dict[str, str] = {}
        self.service_status = 200
        self.status = 200
        self.lists: list[dict[str, str]] = []
        self.watches: list[dict[str, str]] = []
        self.tokens: list[str] = []
        self.url = ""
        self._changed = asyncio.Condition()
        self._open: set[web.StreamResponse] = set()

    async def put(self, each: dict[str, Any], kind: str = "MODIFIED") -> None:
        """Add or change a slice."""
        self.version += 1
        each["metadata"]["resourceVersion"] = str(self.version)
        self.slices[each["metadata"]["name"]] = each
        await self._event(kind, each)

    async def delete(self, name: str) -> None:
        """Delete a slice."""
        self.version += 1
        each = self.slices.pop(name)
        each["metadata"]["resourceVersion"] = str(self.version)
        await self._event("DELETED", each)

    async def bookmark(self) -> None:
        """Tell the watchers where they are, after changes elsewhere in the cluster."""
        self.version += 100
        metadata = {"resourceVersion": str(self.version)}
        await self._event("BOOKMARK", {"kind": "EndpointSlice", "metadata": metadata})

    async def fail(self, code: int, reason: str) -> None:
        """End the watches with an error."""
        status = {"kind": "Status", "status": "Failure", "code": code, "reason": reason}
        await self._event("ERROR", {**status, "message": f"too old resource version ({code})"})
        self.history.pop()

    def disconnect(self) -> None:
        """Cut the watches off in the middle."""
        for response in self._open:
            if response._req is not None and response._req.transport is not None:
                response._req.transport.abort()

    async def _event(self, kind: str, each: dict[str, Any]) -> None:
        async with self._changed:
            self.history.append(
                (self.version, {"type": kind, "object": json.loads(json.dumps(each))})
            )
            self._changed.notify_all()
        # Let the watchers write it.
        await asyncio.sleep(0)

    async def read_service(self, request: web.Request) -> web.Response:
        if self.service_status != 200:
            return _refusal(self.service_status, "services is forbidden")
        metadata = {"name": "ocr", "namespace": "tools", "annotations": self.annotations}
        return web.json_response({"kind": "Service", "apiVersion": "v1", "metadata": metadata})

    async def read_slices(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        assert query["labelSelector"] == SELECTOR
        self.tokens.append(request.headers.get("Authorization", ""))
        if self.status != 200:
            return _refusal(self.status, "no luck today")
        if "watch" in query:
            return await self._watch(request, query)
        self.lists.append(query)
        every, first = list(self.slices.values()), int(query.get("continue", "0"))
        page = every[first : first + 2]
        more = {"continue": str(first + 2)} if first + 2 < len(every) else {}
        return web.json_response(
            {
                "kind": "EndpointSliceList",
                "apiVersion": "discovery.k8s.io/v1",
                "metadata": {"resourceVersion": str(self.version), **more},
                "items": page,
            }
        )

    async def _watch(self, request: web.Request, query: dict[str, str]) -> web.StreamResponse:
        assert query["allowWatchBookmarks"] in ("true", "True")
        self.watches.append(query)
        at = int(query["resourceVersion"])
        if at < self.forgotten:
            return _refusal(410, "too old resource version")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self._open.add(response)
        sent = sum(version <= at for version, _ in self.history)
        try:
            while True:
                async with self._changed:
                    while len(self.history) <= sent:
                        await self._changed.wait()
                    _, event = self.history[sent]
                    sent += 1
                line = json.dumps(event).encode() + b"\n"
                # In two pieces, as networks do.
                await response.write(line[:20])
                await response.write(line[20:])
                if event["type"] == "ERROR":
                    return response
        finally:
            self._open.discard(response)


def _refusal(code: int, message: str) -> web.Response:
    status = {"kind": "Status", "status": "Failure", "code": code, "message": message}
    return web.json_response(status, status=code)


@asynccontextmanager
async def api_server() -> AsyncIterator[Cluster]:
    """Serve a cluster."""
    cluster = Cluster()
    app = web.Application()
    app.router.add_get(BASE, cluster.read_slices)
    app.router.add_get("/api/v1/namespaces/tools/services/ocr", cluster.read_service)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    cluster.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield cluster
    finally:
        await runner.cleanup()
