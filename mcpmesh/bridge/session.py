"""Legacy sessions: a signed text that says all a bridge must know, so that any bridge reads it.

That a client ended its session, and the log level it set later, have no place there: they are
remembered here, and bridges tell them to each other (`shared_sessions`).
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any, TypeVar

import orjson

from mcpmesh.bridge.signing import Signer
from mcpmesh.model.principal import ANONYMOUS, Principal

T = TypeVar("T")

PURPOSE = b"session"
MAX_REMEMBERED = 10_000
MAX_KNOWN = 1_000
MAX_CAPABILITIES = 16
DEFAULT_LOG_LEVEL = "info"


@dataclass(frozen=True, slots=True)
class Session:
    """What initialize settled, with whom. `expires` in seconds since the epoch."""

    id: str
    version: str
    client: str = ""
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    expires: float = 0.0
    principal: Principal = ANONYMOUS


class Sessions:
    """Issues session ids and reads them; each is good for the principal that it was issued to."""

    def __init__(self, signer: Signer, ttl: float, clock: Callable[[], float]) -> None:
        self._signer = signer
        self._ttl = ttl
        self._clock = clock
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._levels: OrderedDict[str, str] = OrderedDict()
        # By their texts; checking a signature and reading what it signs costs more.
        self._known: dict[str, Session] = {}

    def issue(
        self,
        version: str,
        client: str,
        capabilities: Mapping[str, Any],
        principal: Principal = ANONYMOUS,
    ) -> str:
        """Write a new session id: 1 to about 2,000 visible ASCII characters."""
        payload = {
            "i": token_urlsafe(9),
            "v": version,
            "n": client,
            "c": trimmed(capabilities),
            "e": int(self._clock() + self._ttl),
        }
        return self._signer.sign(PURPOSE, orjson.dumps(payload), principal)

    def read(self, text: str, principal: Principal = ANONYMOUS) -> Session | None:
        """Return the session; None when it is forged, another's, over, or ended here."""
        session = self._known.get(text)
        if session is None or session.principal.name != principal.name:
            session = self._opened(text, principal)
        if session is None or session.expires < self._clock() or session.id in self._ended:
            return None
        return session

    def _opened(self, text: str, principal: Principal) -> Session | None:
        payload = self._signer.open(PURPOSE, text, principal)
        if payload is None:
            return None
        said = orjson.loads(payload)
        session = Session(said["i"], said["v"], said["n"], said["c"], said["e"], principal)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[text] = session
        return session

    def end(self, session_id: str) -> None:
        """Refuse a session from now on."""
        _remember(self._ended, session_id, None)
        self.forget(session_id)

    def forget(self, session_id: str) -> None:
        """Forget what the client of a session set."""
        self._levels.pop(session_id, None)

    def level(self, session_id: str) -> str:
        """Return the least log level that the client wants to hear of."""
        return self._levels.get(session_id, DEFAULT_LOG_LEVEL)

    def has_level(self, session_id: str) -> bool:
        """Tell whether the client said which log levels it wants to hear of."""
        return session_id in self._levels

    def set_level(self, session_id: str, level: str) -> None:
        """Set the least log level that the client wants to hear of."""
        _remember(self._levels, session_id, level)


def _remember(memory: OrderedDict[str, T], key: str, value: T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > MAX_REMEMBERED:
        memory.popitem(last=False)


def trimmed(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the names of capabilities and of their parts: a session id must stay short."""
    return {
        name[:64]: {part[:64]: {} for part in list(value)[:MAX_CAPABILITIES]}
        for name, value in list(capabilities.items())[:MAX_CAPABILITIES]
        if isinstance(value, dict)
    }
