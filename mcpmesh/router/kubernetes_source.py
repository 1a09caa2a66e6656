"""A replica at each endpoint of a Kubernetes service, as its EndpointSlices change."""

import asyncio
import logging
from contextlib import aclosing
from random import Random
from typing import Any

from mcpmesh.config import InvalidSetting, StaticReplica
from mcpmesh.errors import InvalidCall
from mcpmesh.model.kubernetes_service import KubernetesService
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router.endpoint_slices import Json, annotated_tools, found_in
from mcpmesh.router.kubernetes_api import ApiFailed, KubernetesApi, kubernetes_api
from mcpmesh.router.replica_source import Tell

_log = logging.getLogger(__name__)
#: Waits after the API server failed.
BACKOFF = Backoff(first=0.5, factor=2.0, longest=30.0)
#: Failures in a row that are worth a word.
_OUTAGE = 2
#: A watch that ends sooner has failed, in seconds.
_SHORT = 1.0


class KubernetesSource:
    """Follows kubernetes:///SERVICE.NAMESPACE: lists, then watches from there.

    What is known holds while the API server is away. `configuration` is that of kubernetes_asyncio;
    without, the cluster is the one that the process runs in, or that of the kubeconfig.
    """

    def __init__(
        self,
        name: StaticReplica,
        rng: Random,
        *,
        configuration: Any = None,
        backoff: Backoff = BACKOFF,
    ) -> None:
        self._name = name
        self._service = KubernetesService.parse(name.endpoint)
        self._rng = rng
        self._configuration = configuration
        self._backoff = backoff
        self._slices: dict[str, Json] = {}
        self._tools: tuple[str, ...] = ()
        # Where the next watch begins; empty when everything has to be listed anew.
        self._version = ""
        self._failures = 0
        self._wrong = ""

    def __repr__(self) -> str:
        return f"<KubernetesSource {self._service} {len(self._slices)} slices at {self._version}>"

    def again(self) -> None:
        """Do nothing: a watch is told of changes as they happen."""

    async def run(self, tell: Tell) -> None:
        """Tell the replicas whenever they change, until cancelled."""
        self._version = ""
        while True:
            try:
                # Anew after each failure: the credentials may be other ones by now.
                async with kubernetes_api(self._service, self._configuration) as api:
                    while True:
                        await self._follow(api, tell)
            except ApiFailed as error:
                self._note(error)
            await asyncio.sleep(self._backoff.wait(self._failures, self._rng))

    async def _follow(self, api: KubernetesApi, tell: Tell) -> None:
        """Follow until a watch ends in good order.

        Raises: ApiFailed.
        """
        tools = annotated_tools(await api.service())
        listed = not self._version
        if listed:
            slices, self._version = await api.slices()
            self._slices = {_name(each): each for each in slices}
        if listed or tools != self._tools:
            self._tools = tools
            self._tell(tell)
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with aclosing(api.changes(self._version)) as changes:
                async for kind, each in changes:
                    self._failures = 0
                    if self._take(kind, each):
                        self._tell(tell)
        finally:
            # Quiet for long, then broken: not the same outage as before.
            lasted = clock() - began >= _SHORT
            self._failures = 0 if lasted else self._failures
        if not lasted:
            raise ApiFailed("the watch ended at once")

    def _take(self, kind: str, each: Json) -> bool:
        """Take an event; tell whether it changed a slice."""
        self._version = (each.get("metadata") or {}).get("resourceVersion") or self._version
        if kind == "DELETED":
            self._slices.pop(_name(each), None)
        elif kind in ("ADDED", "MODIFIED"):
            self._slices[_name(each)] = each
        else:
            return False
        return True

    def _tell(self, tell: Tell) -> None:
        try:
            found = found_in(self._slices.values(), self._name, self._service, self._tools)
        except (InvalidCall, InvalidSetting) as error:
            reason = error.message if isinstance(error, InvalidCall) else error.reason
            if reason != self._wrong:
                _log.warning("%s is not taken: %s; what it had stays", self._service, reason)
            self._wrong = reason
            return
        self._wrong = ""
        tell(found)

    def _note(self, error: ApiFailed) -> None:
        if error.gone:
            # History is kept for some minutes; who comes later has to list again.
            self._version = ""
        self._failures += 1
        # Once per outage as a warning; that history is gone or a watch broke is nothing by itself.
        level = logging.WARNING if self._failures == _OUTAGE else logging.DEBUG
        _log.log(level, "cannot follow %s: %s; what it had stays", self._service, error)


def _name(each: Json) -> str:
    return str((each.get("metadata") or {}).get("name", ""))
