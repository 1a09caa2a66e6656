"""Questions of tools to legacy clients: requests of ours on a client's stream, and their answers.

The call that asks waits on the bridge that its client called. The id of a question names that
bridge, so that another one that gets the answer knows where it belongs.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from mcpmesh.bridge.exchange import Notify
from mcpmesh.codec.jsonrpc import Id, Response, embedded
from mcpmesh.errors import RemoteProtocolError
from mcpmesh.v1 import tool_pb2


class AskFailed(Exception):
    """The client answered with an error, or not in time; the text is for the model."""


class Asks:
    """The requests that clients have yet to answer, by the scope of their session and the id.

    Units: `timeout` in seconds that a client gets for an answer. `bridge` is this one's name.
    """

    def __init__(self, timeout: float, bridge: str) -> None:
        self._bridge = bridge
        self._timeout = timeout
        self._waiting: dict[tuple[str, str | int], asyncio.Future[Response]] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(
        self, scope: str, notify: Notify, questions: Mapping[str, tool_pb2.InputRequest]
    ) -> dict[str, bytes]:
        """Ask all at once, and return the results as JSON bytes by the keys of the questions.

        Raises: AskFailed; RemoteProtocolError for a question that is not JSON.
        """
        loop = asyncio.get_running_loop()
        asked: dict[str, tuple[str, asyncio.Future[Response]]] = {}
        try:
            for key, question in sorted(questions.items()):
                self._count += 1
                request_id = f"ask.{self._bridge}.{self._count}"
                future = self._waiting[scope, request_id] = loop.create_future()
                asked[key] = request_id, future
                await notify(_request(request_id, question))
            futures = [future for _, future in asked.values()]
            late = loop.call_later(self._timeout, self._give_up, futures)
            try:
                return {key: _answer(await future) for key, (_, future) in asked.items()}
            finally:
                late.cancel()
        finally:
            for request_id, future in asked.values():
                del self._waiting[scope, request_id]
                future.cancel()

    def answered(self, scope: str, response: Response) -> None:
        """Take a client's answer; one to nothing that was asked is ignored."""
        future = self._waiting.get((scope, response.id))
        if future is not None and not future.done():
            future.set_result(response)

    def _give_up(self, futures: list[asyncio.Future[Response]]) -> None:
        pending = [future for future in futures if not future.done()]
        if pending:  # the one that is waited for
            text = f"the client gave no answer within {self._timeout:g} s"
            pending[0].set_exception(AskFailed(text))


def asker_of(request_id: Id) -> str:
    """Return the name of the bridge that asked a question; empty for an id that is none of ours."""
    word, _, rest = str(request_id).partition(".")
    return rest.rpartition(".")[0] if word == "ask" else ""


def _request(request_id: str, question: tool_pb2.InputRequest) -> bytes:
    try:
        params = embedded(question.params or b"{}")
    except ValueError as exc:
        raise RemoteProtocolError("the tool's question is not JSON") from exc
    return orjson.dumps(
        {"jsonrpc": "2.0", "id": request_id, "method": question.method, "params": params}
    )


def _answer(response: Response) -> bytes:
    if response.error is not None:
        told: Any = response.error
        message = told.get("message") if isinstance(told, dict) else None
        raise AskFailed(f"the client refused to answer: {message or 'it did not say why'}")
    return orjson.dumps(response.result)
