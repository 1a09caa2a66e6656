"""kind = "openapi" in a table of what to adopt; needs `pip install 'mcpmesh[openapi]'`."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.upstream import Upstream
from mcpmesh.config import InvalidSetting, OpenApiSettings


def openapi_services(
    name: str, table: Mapping[str, Any], _environ: Mapping[str, str]
) -> Sequence[Upstream]:
    """Return the servers of an HTTP API. Raises: InvalidSetting."""
    settings = OpenApiSettings.read(table, name)
    try:
        # Loaded here: who adopts no such thing need not have the libraries.
        module = import_module("mcpmesh.adopt.openapi_upstream")
    except ImportError as error:
        raise InvalidSetting(
            "adopt",
            f"{name}: install the extra for OpenAPI, pip install 'mcpmesh[openapi]' ({error})",
        ) from error
    return [
        module.OpenApiUpstream(
            module.OpenApiService(
                name,
                settings.document,
                base_url=base_url,
                documents=settings.documents,
                only=settings.only,
                secrets=settings.secrets,
                headers=settings.headers,
                forward=settings.forward,
                call_timeout=settings.call_timeout,
                max_answer_bytes=settings.max_answer_bytes,
                labels=settings.labels,
                tls_ca=settings.tls_ca,
                tls_cert=settings.tls_cert,
            ),
            Naming(settings.namespace),
        )
        for base_url in settings.bases
    ]
