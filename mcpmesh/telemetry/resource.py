"""Which process telemetry comes from."""

from collections.abc import Iterator, Mapping
from random import Random
from urllib.parse import unquote

from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    Resource,
)


def resource_from(
    service_name: str, version: str, environ: Mapping[str, str], rng: Random
) -> Resource:
    """Describe this process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES overrule our names.

    The instance id is drawn anew in each process, so that replicas do not overwrite one another.
    """
    named: dict[str, str] = {
        SERVICE_NAME: service_name,
        SERVICE_INSTANCE_ID: f"{rng.getrandbits(128):032x}",
    }
    if version:
        named[SERVICE_VERSION] = version
    named.update(_pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    if name := environ.get("OTEL_SERVICE_NAME", "").strip():
        named[SERVICE_NAME] = name
    return Resource.create().merge(Resource(named))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for item in text.split(","):
        key, equals, value = item.partition("=")
        if equals and key.strip():
            yield key.strip(), unquote(value.strip())
