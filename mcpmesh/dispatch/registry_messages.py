"""Registrations and changes of the registry: values to protobuf messages, and back."""

from collections.abc import Iterable, Iterator

from mcpmesh.codec.tool import (
    duration,
    replica_from_message,
    replica_to_message,
    tool_from_message,
    tool_to_message,
)
from mcpmesh.discovery.registration import Registration, RegistrationUpdated, RegistryChange
from mcpmesh.v1 import registry_pb2

#: Initial metadata of WatchRegistry: which life of the registry the versions belong to.
EPOCH_KEY = "mcpmesh-registry-epoch"
#: A snapshot is split rather than outgrow the 4 MiB that a stock gRPC client takes.
MAX_SNAPSHOT_BYTES = 2 * 1024 * 1024
#: Version of the parts of a split snapshot before the last: not a state to show yet.
INCOMPLETE = 0


def registration_to_message(registration: Registration, now: float) -> registry_pb2.Registration:
    """Write a registration; its lease as what is left of it."""
    ends = registration.expires_at
    return registry_pb2.Registration(
        replica=replica_to_message(registration.replica),
        tools=[tool_to_message(tool) for tool in registration.tools],
        draining=registration.draining,
        static=registration.static,
        arrivals=registration.arrivals,
        lease_remaining=None if ends is None else duration(max(0.0, ends - now)),
    )


def registration_from_message(message: registry_pb2.Registration) -> Registration:
    """Read a registration that another process keeps: its lease is not ours to end.

    Raises: InvalidCall naming the field that is malformed.
    """
    counted = len(message.arrivals) == len(message.tools)
    return Registration(
        replica_from_message(message.replica),
        tuple(tool_from_message(tool) for tool in message.tools),
        draining=message.draining,
        static=message.static,
        arrivals=tuple(message.arrivals) if counted else (),
    )


def change_to_message(change: RegistryChange, now: float) -> registry_pb2.RegistryEvent:
    """Write a change of the registry."""
    if isinstance(change, RegistrationUpdated):
        updated = registration_to_message(change.registration, now)
        return registry_pb2.RegistryEvent(updated=updated, version=change.version)
    return registry_pb2.RegistryEvent(removed=change.replica_id, version=change.version)


def snapshot_messages(
    version: int, registrations: Iterable[Registration], now: float
) -> Iterator[registry_pb2.RegistryEvent]:
    """Write all registrations: a snapshot, and updates for what does not fit into one message.

    All but the last carry INCOMPLETE for a version; who follows waits for the last.
    """
    part: list[registry_pb2.Registration] = []
    waiting: registry_pb2.RegistryEvent | None = None
    part_bytes = 0
    for registration in registrations:
        message = registration_to_message(registration, now)
        part_bytes += message.ByteSize()
        if waiting is None and (part_bytes <= MAX_SNAPSHOT_BYTES or not part):
            part.append(message)
            continue
        yield waiting or _snapshot(part, INCOMPLETE)
        waiting = registry_pb2.RegistryEvent(updated=message, version=INCOMPLETE)
    if waiting is None:
        yield _snapshot(part, version)
    else:
        waiting.version = version
        yield waiting


def _snapshot(part: list[registry_pb2.Registration], version: int) -> registry_pb2.RegistryEvent:
    snapshot = registry_pb2.RegistrySnapshot(registrations=part)
    return registry_pb2.RegistryEvent(snapshot=snapshot, version=version)
