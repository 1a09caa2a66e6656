"""The limits that people set, as the engine takes them: the one place that translates."""

from mcpmesh.config import LimitSettings
from mcpmesh.rpc.channel import ChannelOptions
from mcpmesh.rpc.server import ServerOptions
from mcpmesh.transport.link_times import LinkTimes
from mcpmesh.wire.limits import Limits

#: A router passes the resets of all its callers on; to end its connection for what some of them do
#: would end the calls of all the others. So it may break off what it can pass on at all, some
#: 20,000 calls a second: callers that come again and again only to hang up are the router's to end.
#: (grpc-go's server counts no resets either.)
_CALLERS_OF_A_ROUTER = 1_000


def wire_limits(settings: LimitSettings, *, of_routers: bool = False) -> Limits:
    """Return the bounds of each HTTP/2 connection; `of_routers` allows what many callers do."""
    return Limits(
        max_concurrent_streams=settings.max_concurrent_streams,
        max_frame_bytes=settings.max_frame_bytes,
        max_header_list_bytes=settings.max_metadata_bytes,
        max_unfinished_bytes=settings.max_unfinished_bytes,
        control_flood=settings.max_control_frames,
        reset_flood=settings.max_resets * (_CALLERS_OF_A_ROUTER if of_routers else 1),
    )


def link_times(settings: LimitSettings) -> LinkTimes:
    """Return how long the peers of a server are waited for."""
    return LinkTimes(
        handshake=settings.handshake_timeout,
        header=settings.header_timeout,
        request=settings.request_timeout,
        idle=settings.idle_timeout,
        age=settings.max_connection_age,
        age_grace=settings.max_connection_age_grace,
    )


def server_options(
    settings: LimitSettings, *, reuse_port: bool = False, of_routers: bool = False
) -> ServerOptions:
    """Return a server's options; `of_routers` when its peers are routers, not callers."""
    return ServerOptions(
        limits=wire_limits(settings, of_routers=of_routers),
        times=link_times(settings),
        max_message_bytes=settings.max_message_bytes,
        max_connections=settings.max_connections,
        max_connections_per_peer=settings.max_connections_per_peer,
        reuse_port=reuse_port,
    )


def channel_options(settings: LimitSettings) -> ChannelOptions:
    """Return the options of a channel, whose server may be hostile as well."""
    return ChannelOptions(
        limits=wire_limits(settings),
        times=link_times(settings),
        max_message_bytes=settings.max_message_bytes,
    )
