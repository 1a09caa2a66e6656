"""Settings: frozen, checked, documented; where they come from is the CLI's business.

One name everywhere: the field `max_message_bytes` is the option `--max-message-bytes`, the variable
`MCPMESH_MAX_MESSAGE_BYTES` and the key `max_message_bytes` of the configuration file. So a name
means the same in every class here. The string under a field is its text in --help and in the
configuration reference.
"""

from mcpmesh.config.access import AccessSettings
from mcpmesh.config.adopt import AdoptSettings
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.config.checks import InvalidSetting
from mcpmesh.config.direct import DirectSettings
from mcpmesh.config.grpc_service import GrpcServiceSettings
from mcpmesh.config.limits import LimitSettings
from mcpmesh.config.openapi_service import OpenApiSettings
from mcpmesh.config.process import ClientSettings, ProcessSettings
from mcpmesh.config.router import RouterSettings
from mcpmesh.config.serve import ServeSettings
from mcpmesh.config.static_replica import StaticReplica
from mcpmesh.config.tls import NO_TLS, TlsSettings
from mcpmesh.config.upstream import UpstreamSettings

__all__ = [
    "NO_TLS",
    "AccessSettings",
    "AdoptSettings",
    "BridgeSettings",
    "ClientSettings",
    "DirectSettings",
    "GrpcServiceSettings",
    "InvalidSetting",
    "LimitSettings",
    "OpenApiSettings",
    "ProcessSettings",
    "RouterSettings",
    "ServeSettings",
    "StaticReplica",
    "TlsSettings",
    "UpstreamSettings",
]
