"""Callers' words on answers, shared among the workers of a router.

A caller's connection belongs to one worker, and its calls may be answered by any: what it says of
an answer is to count for all of them. Nothing waits for the others, and a word that is lost on the
way is one less among many.
"""

import asyncio
import json
import logging
from random import Random

from mcpmesh.errors import InvalidCall, MeshError, ToolNotFound
from mcpmesh.model.catalog import Catalog
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router.choices import Choices
from mcpmesh.stack.notes import Note, Notes
from mcpmesh.v1 import discovery_pb2

TOPIC = "mcpmesh.feedback"

_log = logging.getLogger("mcpmesh.router")


class SharedFeedback:
    """Takes in what callers say here, tells the other workers, and takes in what they tell."""

    def __init__(self, choices: Choices, notes: Notes, rng: Random) -> None:
        self._choices = choices
        self._notes = notes
        self._rng = rng
        self._backoff = Backoff()
        # Tells our own notes from those of others.
        self._name = f"{rng.getrandbits(64):016x}"

    async def rate(
        self, catalog: Catalog, request: discovery_pb2.FeedbackRequest
    ) -> discovery_pb2.FeedbackResponse:
        """Take a caller's word; raises what `Choices.rate` does."""
        answer = self._choices.rate(catalog, request)
        body = {"from": self._name, "tool": request.tool, "score": request.score}
        try:
            await self._notes.tell(Note(TOPIC, json.dumps(body).encode()))
        except MeshError as error:
            _log.info("feedback on %s stays with one worker: %s", request.tool, error.message)
        return answer

    async def run(self) -> None:
        """Take in what other workers tell, until cancelled."""
        failures = 0
        while True:
            try:
                async for note in self._notes.follow(TOPIC):
                    failures = 0
                    if note is not None:
                        self._take(note.body)
            except MeshError as error:
                _log.info("feedback of other workers does not come: %s", error.message)
            failures += 1
            await asyncio.sleep(self._backoff.wait(failures, self._rng))

    def _take(self, body: bytes) -> None:
        """Take in a note; anybody may have left it, so it may say anything."""
        try:
            said = json.loads(body)
        except ValueError:
            return
        if not isinstance(said, dict) or said.get("from") == self._name:
            return
        tool, score = said.get("tool"), said.get("score")
        if isinstance(tool, str) and isinstance(score, int | float):
            try:
                self._choices.rated(tool, score)
            except (InvalidCall, ToolNotFound):
                # The tool may have left since.
                pass
