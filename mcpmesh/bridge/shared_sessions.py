"""What bridges tell each other of legacy sessions: what a session id cannot say.

That it ended, the log level and the subscriptions it set later; answers to questions and
cancellations that reached another bridge than the one that waits for them.
"""

from hashlib import sha256

from mcpmesh.bridge.asks import Asks, asker_of
from mcpmesh.bridge.exchange import OF_A_CONNECTION
from mcpmesh.bridge.in_flight import InFlight
from mcpmesh.bridge.kept_streams import KeptStreams
from mcpmesh.bridge.listening import Listening
from mcpmesh.bridge.peers import Peers, Told
from mcpmesh.bridge.session import Sessions
from mcpmesh.codec.jsonrpc import Id, Response


class SharedSessions:
    """Does what a client wants on this bridge, and has the others do the same.

    Units: `keep` in seconds that a session lasts at most.
    """

    def __init__(
        self,
        peers: Peers,
        sessions: Sessions,
        listening: Listening,
        streams: KeptStreams,
        asks: Asks,
        in_flight: InFlight,
        keep: float,
    ) -> None:
        self._peers = peers
        self._sessions = sessions
        self._listening = listening
        self._streams = streams
        self._asks = asks
        self._in_flight = in_flight
        self._keep = keep
        peers.hear("ended", lambda told: self._end(told["session"]))
        peers.hear("level", lambda told: sessions.set_level(told["session"], told["level"]))
        peers.hear("subscribed", self._hear_subscribed)
        peers.hear("answer", self._hear_answer)
        peers.hear("cancelled", lambda told: in_flight.cancel(told["session"], told["id"]))

    async def end(self, session: str) -> None:
        """Refuse a session from now on, and forget what it said."""
        self._end(session)
        await self._peers.share("ended", key=f"ended {session}", keep=self._keep, session=session)

    async def set_level(self, session: str, level: str) -> None:
        """Set the least log level that a client wants to hear of."""
        self._sessions.set_level(session, level)
        if session.startswith(OF_A_CONNECTION):
            return
        key = f"level {session}"
        await self._peers.share("level", key=key, keep=self._keep, session=session, level=level)

    async def subscribe(self, session: str, uri: str, *, wanted: bool) -> None:
        """Tell a session of changes of a resource, or no more.

        Raises: RpcError for one too many.
        """
        if wanted:
            self._listening.subscribe(session, uri)
        else:
            self._listening.unsubscribe(session, uri)
        if session.startswith(OF_A_CONNECTION):
            return
        await self._peers.share(
            "subscribed",
            key=f"uri {session} {sha256(uri.encode()).hexdigest()[:32]}",
            keep=self._keep,
            session=session,
            uri=uri,
            wanted=wanted,
        )

    async def answered(self, session: str, response: Response) -> None:
        """Take a client's answer to a question, wherever it was asked.

        Raises: MeshError when the bridge that asked cannot be reached.
        """
        asker = asker_of(response.id)
        if asker in ("", self._peers.name):
            self._asks.answered(session, response)
            return
        said = {"result": response.result} if response.error is None else {"error": response.error}
        await self._peers.tell("answer", to=asker, session=session, id=response.id, **said)

    async def cancel(self, session: str, request_id: Id) -> None:
        """Cancel a request of a session, wherever it is answered.

        Raises: MeshError when the other bridges cannot be reached.
        """
        found = self._in_flight.cancel(session, request_id)
        if not found and not session.startswith(OF_A_CONNECTION):
            await self._peers.tell("cancelled", session=session, id=request_id)

    def _end(self, session: str) -> None:
        self._sessions.end(session)
        self._listening.forget(session)
        self._streams.end_session(session)

    def _hear_subscribed(self, told: Told) -> None:
        if told["wanted"]:
            self._listening.subscribe(told["session"], told["uri"])
        else:
            self._listening.unsubscribe(told["session"], told["uri"])

    def _hear_answer(self, told: Told) -> None:
        response = Response(told["id"], told.get("result"), told.get("error"))
        self._asks.answered(told["session"], response)
