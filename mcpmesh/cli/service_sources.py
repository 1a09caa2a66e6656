"""What a command line says of a service, a document or a container, as a table of `adopt`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from mcpmesh.cli.exits import CommandError

_GRPC = ("grpc://", "grpcs://")
_OPENAPI = "openapi:"
_CONTAINER = "container:"


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Options that only services have."""

    only: tuple[str, ...] = ()
    base_url: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    descriptor_set: str = ""

    def refuse(self, what: str, *names: str) -> None:
        """Refuse options that something has no use for.

        Raises: CommandError naming the option.
        """
        for name in names:
            if getattr(self, name):
                raise CommandError(f"--{name.replace('_', '-')} is not for {what}")


def service_table(
    source: Sequence[str], options: ServiceOptions, headers: Mapping[str, str], namespace: str
) -> dict[str, Any] | None:
    """Return the table of services; None when the source is something else.

    Raises: CommandError.
    """
    common = {"only": list(options.only), "namespace": namespace}
    if source[0].startswith(_OPENAPI):
        options.refuse("an OpenAPI document", "descriptor_set")
        if len(source) > 1:
            raise CommandError("adopt one OpenAPI document at a time; --base-url may be repeated")
        table = {
            "kind": "openapi",
            "document": source[0].removeprefix(_OPENAPI),
            "base_urls": list(options.base_url),
            "secrets": dict(_secret(each) for each in options.secret),
            "headers": dict(headers),
        }
    elif source[0].startswith(_GRPC):
        options.refuse("a gRPC service", "base_url", "secret")
        if not all(each.startswith(_GRPC) for each in source):
            raise CommandError("give grpc:// or grpcs:// for every address of the service")
        table = {
            "kind": "grpc",
            "addresses": list(source),
            "descriptor_set": options.descriptor_set,
            # Names of metadata are lower case; HTTP/2 has no others.
            "metadata": {key.lower(): value for key, value in headers.items()},
        }
    elif source[0].startswith(_CONTAINER):
        options.refuse("a tool container", "base_url", "secret", "descriptor_set")
        if not all(each.startswith(_CONTAINER) for each in source):
            raise CommandError("give container: for every URL of the container")
        table = {
            "kind": "container",
            "urls": [each.removeprefix(_CONTAINER) for each in source],
            "headers": dict(headers),
        }
    else:
        options.refuse("an MCP server", "base_url", "secret", "descriptor_set")
        return None
    return {key: value for key, value in {**table, **common}.items() if value}


def service_name(source: str) -> str:
    """Return a name for a service: its document's, or its host's; empty for something else."""
    if source.startswith(_OPENAPI):
        return PurePath(source.removeprefix(_OPENAPI)).stem
    if source.startswith(_CONTAINER):
        return source.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if source.startswith(_GRPC):
        return source.partition("://")[2].rpartition(":")[0]
    return ""


def _secret(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise CommandError("--secret is SCHEME=VALUE, such as 'api_key=${API_KEY}'")
    return name, value
