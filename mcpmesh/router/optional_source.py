"""Sources that need a library which not everybody has."""

from importlib import import_module
from random import Random
from typing import cast

from mcpmesh.config import InvalidSetting, StaticReplica
from mcpmesh.router.replica_source import ReplicaSource

#: Scheme → the module and class that look it up, and the library that these need.
_HOMES = {
    "srv": ("mcpmesh.router.srv_source", "SrvSource", "dnspython"),
    "kubernetes": ("mcpmesh.router.kubernetes_source", "KubernetesSource", "kubernetes_asyncio"),
}


def optional_source(name: StaticReplica, rng: Random) -> ReplicaSource:
    """Return what looks up a name; its library is loaded only now.

    Raises: InvalidSetting saying what to install.
    """
    module, kind, library = _HOMES[name.scheme]
    try:
        home = import_module(module)
    except ImportError as error:
        raise InvalidSetting(
            "static",
            f"{name.endpoint} needs {library}: pip install 'mcpmesh[{name.scheme}]' ({error})",
        ) from error
    return cast("ReplicaSource", getattr(home, kind)(name, rng))
