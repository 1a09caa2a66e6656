"""What a tool asks its caller during one call, replayed from the start on every round.

The tool's code runs anew each time the caller comes back; each question it asks again is answered
from the state or the new responses, until one is open. So code before a question runs repeatedly.
"""

import hashlib
from collections.abc import Mapping

from mcpmesh.sdk.failure import InputNeeded, WrongArguments
from mcpmesh.sdk.request_state import Asked
from mcpmesh.v1 import tool_pb2

#: Stands among the questions of a state; no key of a question looks like it.
_CARRIED = "mcpmesh/carried"


class Questions:
    """The questions of one call and their answers by key."""

    def __init__(
        self,
        earlier: Mapping[str, Asked] | None = None,
        responses: Mapping[str, bytes] | None = None,
    ) -> None:
        self._earlier = earlier or {}
        self._responses = responses or {}
        self._asked: dict[str, Asked] = {}
        #: Asked and unanswered, ready to be sent.
        self.open: dict[str, tool_pb2.InputRequest] = {}

    def __repr__(self) -> str:
        return f"Questions(asked={sorted(self._asked)}, open={sorted(self.open)})"

    @property
    def asked(self) -> Mapping[str, Asked]:
        """What was asked in this round, answered or not: the next round's `earlier`."""
        return self._asked

    @property
    def carried(self) -> str | None:
        """What `carry` was given in the round before."""
        found = self._earlier.get(_CARRIED)
        return None if found is None else found.answer

    def carry(self, text: str) -> None:
        """Have the caller bring a text back with the answers."""
        self._asked[_CARRIED] = Asked("", text)

    def next_key(self) -> str:
        """Name a question by its place in the order of asking."""
        return f"ask-{len(self._asked) + 1}"

    def answer(self, key: str, method: str, params: bytes) -> str:
        """Return the answer to a question as JSON text.

        Raises: InputNeeded when the caller has to be asked first; ValueError for a key that this
        call used for another question.
        """
        digest = hashlib.sha256(method.encode() + b"\n" + params).hexdigest()[:16]
        if key in self._asked and self._asked[key].digest != digest:
            raise ValueError(f"the key {key!r} names two different questions; give each its own")
        found = self._find(key, digest)
        self._asked[key] = Asked(digest, found)
        if found is None:
            self.open[key] = tool_pb2.InputRequest(method=method, params=params)
            raise InputNeeded(key)
        return found

    def _find(self, key: str, digest: str) -> str | None:
        """Return the answer given to this very question; one to another wording is dropped."""
        earlier = self._earlier.get(key)
        if earlier is not None and earlier.digest != digest:
            return None
        if earlier is not None and earlier.answer is not None:
            return earlier.answer
        response = self._responses.get(key)
        try:
            return None if response is None else response.decode()
        except UnicodeDecodeError as error:
            raise WrongArguments(f"input_responses[{key!r}] is not UTF-8 JSON") from error
