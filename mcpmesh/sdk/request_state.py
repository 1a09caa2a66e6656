"""The opaque `request_state` of a tool that asks back: what was asked and answered so far.

It travels through the caller, so that no server keeps a session and any replica can go on. It is
ASCII text (JSON carriers need no encoding), signed, bound to the call it was made for, and dies.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from mcpmesh.errors import InvalidCall
from mcpmesh.sdk.failure import ToolFailure

MAX_STATE_BYTES = 64 * 1024
_REFUSED = "call the tool again without request_state and input_responses"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's digest, and its answer as JSON text once there is one."""

    digest: str
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class StateSeal:
    """Signs and checks request states; every replica of a tool needs the same key.

    Units: `ttl` in seconds.
    """

    key: bytes
    ttl: float = 3600.0

    def __repr__(self) -> str:
        return f"StateSeal(ttl={self.ttl})"

    def seal(self, asked: Mapping[str, Asked], call: bytes, now: float) -> bytes:
        """Write a state for the call with this digest.

        Raises: ToolFailure when the answers so far are more than a state can carry.
        """
        questions = {key: [each.digest, each.answer] for key, each in asked.items()}
        body = urlsafe_b64encode(orjson.dumps({"until": now + self.ttl, "asked": questions}))
        token = body + b"." + self._signature(body, call)
        if len(token) > MAX_STATE_BYTES:
            raise ToolFailure(
                f"the answers so far take {len(token)} bytes, more than {MAX_STATE_BYTES}"
            )
        return token

    def open(self, token: bytes, call: bytes, now: float) -> dict[str, Asked]:
        """Read a state that `seal` wrote for the same call.

        Raises: InvalidCall when it was changed, made for another call, or is too old.
        """
        if not token:
            return {}
        body, _, signature = token.partition(b".")
        if not hmac.compare_digest(signature, self._signature(body, call)):
            raise InvalidCall(f"request_state is not the one given for this call; {_REFUSED}")
        try:
            state = orjson.loads(urlsafe_b64decode(body))
            asked = {key: Asked(*each) for key, each in state["asked"].items()}
            until = float(state["until"])
        except (Base64Error, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidCall(f"request_state cannot be read; {_REFUSED}") from error
        if now > until:
            raise InvalidCall(f"request_state is older than {self.ttl:.0f} s; {_REFUSED}")
        return asked

    def _signature(self, body: bytes, call: bytes) -> bytes:
        return hmac.digest(self.key, call + body, "sha256").hex().encode()


def call_digest(tool: str, version: str, caller: str, arguments: bytes) -> bytes:
    """Name a call, however its JSON is spaced and ordered: a state is good for this call only."""
    try:
        canonical = orjson.dumps(orjson.loads(arguments or b"{}"), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        canonical = arguments
    parts = (tool.encode(), version.encode(), caller.encode(), canonical)
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


def default_key(server: str) -> bytes:
    """Return the key of a server that was given none: the same on all replicas, but no secret.

    It keeps states from being mixed up. It does not keep a caller from forging one, who could as
    well give other answers; a tool that trusts earlier answers more than its caller needs a key.
    """
    return hashlib.sha256(b"mcpmesh request_state of " + server.encode()).digest()
