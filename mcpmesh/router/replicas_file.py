"""A file that lists replicas, taken anew whenever it changes.

It is read once a second rather than watched: a read sees what no notice tells of (a file on a
network, the links behind a Kubernetes volume) and costs less than a call. A change counts when two
reads in a row agree on it, so that nobody takes half of what an editor is about to write.
"""

import asyncio
import logging
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from mcpmesh.config import InvalidSetting, StaticReplica
from mcpmesh.model.nearest import did_you_mean

_log = logging.getLogger(__name__)
#: Seconds between reads.
INTERVAL = 1.0
#: Seconds between the reads that have to agree.
SETTLE = 0.2
MAX_BYTES = 16 * 1024 * 1024
_REPLICA = "replica"


class ReplicasFile:
    """Reads the file while `run` runs; `taken` gets all replicas whenever they changed.

    A file that is missing or wrong changes nothing: what is wrong is logged, once. `read` returns
    all of it, or why it cannot be read.
    Units: `interval` and `settle` in seconds.
    """

    def __init__(
        self,
        path: Path,
        taken: Callable[[Sequence[StaticReplica]], None],
        *,
        interval: float = INTERVAL,
        settle: float = SETTLE,
        read: Callable[[Path], bytes | str] | None = None,
    ) -> None:
        self._path = path
        self._taken = taken
        self._interval = interval
        self._settle = settle
        self._read = read or read_whole
        self._judged: bytes | str | None = None
        self._count = 0

    def __str__(self) -> str:
        return str(self._path)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(self._interval)

    async def _look(self) -> None:
        read = await asyncio.to_thread(self._read, self._path)
        if read == self._judged:
            return
        await asyncio.sleep(self._settle)
        if await asyncio.to_thread(self._read, self._path) == read:
            self._judged = read
            self._judge(read)

    def _judge(self, read: bytes | str) -> None:
        try:
            if isinstance(read, str):
                raise InvalidSetting("discovery_file", read)
            replicas = replicas_in(read)
            self._taken(replicas)
        except InvalidSetting as error:
            _log.warning(
                "%s is not taken: %s; the %d replicas that it had stay",
                self._path, error.reason, self._count,
            )  # fmt: skip
            return
        self._count = len(replicas)
        _log.info("%s lists %d replicas", self._path, self._count)


def replicas_in(text: bytes) -> tuple[StaticReplica, ...]:
    """Return the replicas that a file lists.

    Raises: InvalidSetting saying what is wrong, and where.
    """
    try:
        tables = tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSetting("discovery_file", f"it is not TOML: {error}") from error
    for key in tables:
        if key != _REPLICA:
            hint = did_you_mean(key, [_REPLICA]) or "; it has [[replica]] tables only"
            raise InvalidSetting("discovery_file", f"unknown key {key!r}{hint}")
    # An editor that fails may leave an empty file behind.
    if _REPLICA not in tables:
        raise InvalidSetting("discovery_file", "it lists nothing; write replica = [] for none")
    if not isinstance(tables[_REPLICA], list):
        raise InvalidSetting("discovery_file", "write [[replica]], with two brackets, for each")
    found: dict[str, StaticReplica] = {}
    for place, table in enumerate(tables[_REPLICA], 1):
        try:
            replica = StaticReplica.read(table, f"replica {place}")
        except InvalidSetting as error:
            which = "" if error.reason.startswith("replica ") else f"replica {place}: "
            raise InvalidSetting("discovery_file", f"{which}{error.reason}") from error
        if replica.endpoint in found:
            raise InvalidSetting(
                "discovery_file", f"replica {place}: {replica.endpoint} stands twice"
            )
        found[replica.endpoint] = replica
    return tuple(found.values())


def read_whole(path: Path) -> bytes | str:
    """Return what a file has, or why it cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    return text if len(text) <= MAX_BYTES else f"it has more than {MAX_BYTES} bytes"
