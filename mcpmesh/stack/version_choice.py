"""Chooses the version for a call that names none, where a tool's versions share its calls."""

from collections.abc import Mapping
from random import Random
from zlib import crc32

from mcpmesh.balance.balancer import Route
from mcpmesh.policy.split import Split
from mcpmesh.stack.affinity import AffinityKeys
from mcpmesh.stack.call import Call

_WHOLE = 1 << 32
#: 2³² by the golden ratio: spreads the checksums of keys that differ little.
_SPREAD = 0x9E3779B1


class VersionChoice:
    """Sends a part of the calls to certain versions."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._keys = AffinityKeys()

    def of(self, call: Call, routes: tuple[Route, ...]) -> Route:
        """Return the route for a call, of a tool's; one that can serve it if there is any."""
        policy = routes[0].policy
        split, mirror = policy.split or _NO_SPLIT, policy.mirror
        version = self._version(call, split)
        shadow = mirror.version if mirror is not None else ""
        set_apart = {*split.shares, *split.metadata.values(), shadow}
        chosen = rest = ready = None
        for route in routes:
            theirs = route.cluster.tool.version
            if theirs == version:
                chosen = route
            elif rest is None and theirs not in set_apart:
                rest = route
            if ready is None and theirs != shadow and route.picker.candidates:
                ready = route
        wanted = chosen or rest or routes[0]
        if wanted.picker.candidates or ready is None:
            return wanted
        # Callers of a version that is away are better off with another one.
        return rest if rest is not None and rest.picker.candidates else ready

    def _version(self, call: Call, split: Split) -> str:
        if split.metadata:
            found = _by_metadata(call, split.metadata)
            if found:
                return found
        if not split.shares:
            return ""
        key = self._keys.of(call, split.key)
        if key:
            return split.version((crc32(key.encode()) * _SPREAD % _WHOLE) / _WHOLE)
        return split.version(self._rng.random())


_NO_SPLIT = Split()


def _by_metadata(call: Call, versions: Mapping[str, str]) -> str:
    for name, value in call.head.forward:
        text = name.decode("latin-1")
        found = versions.get(f"{text}={value.decode('latin-1')}") or versions.get(text)
        if found:
            return found
    return ""
