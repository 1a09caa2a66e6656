"""The command that makes tools of what exists outside the mesh."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mcpmesh.adopt.kinds import upstreams_of
from mcpmesh.cli.adopt import adopted_tables, environment, run_adopt
from mcpmesh.cli.app import (
    SERVERS,
    Adopt,
    Count,
    Limits,
    ParentPipe,
    Process,
    Serve,
    Tls,
    app,
)
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.cli.loop import serve
from mcpmesh.cli.parent import watched
from mcpmesh.cli.server_sources import ServerOptions, source_name, source_table
from mcpmesh.cli.service_sources import ServiceOptions
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.config import (
    NO_TLS,
    AdoptSettings,
    LimitSettings,
    ProcessSettings,
    ServeSettings,
)
from mcpmesh.config.upstream import Era, Transport

_SERVE, _LIMITS, _PROCESS = ServeSettings(), LimitSettings(), ProcessSettings()
_ADOPT = AdoptSettings()


@app.command(name="adopt", group=SERVERS)
def adopt_command(
    *source: Annotated[str, Parameter(show_env_var=False, allow_leading_hyphen=False)],
    name: str = "",
    namespace: str = "",
    copies: Count = 1,
    env: tuple[str, ...] = (),
    header: tuple[str, ...] = (),
    cwd: str = "",
    transport: Transport = "auto",
    era: Era = "auto",
    only: tuple[str, ...] = (),
    base_url: tuple[str, ...] = (),
    secret: tuple[str, ...] = (),
    descriptor_set: str = "",
    env_file: Path | None = None,
    adopt: Adopt = _ADOPT,
    settings: Serve = _SERVE,
    process: Process = _PROCESS,
    tls: Tls = NO_TLS,
    limits: Limits = _LIMITS,
    parent_pipe: ParentPipe = None,
) -> Exit:
    """Run the tools of what exists: an MCP server, a gRPC service, an HTTP API, a container.

    Without a source, what the configuration names in [adopt.NAME] tables.

    Parameters
    ----------
    source
        The command of an MCP server and its arguments behind --, or http:// and https:// URLs of
        one; grpc:// and grpcs:// addresses of a gRPC service; openapi:FILE or openapi:URL;
        container:URL of what serves /manifest and takes calls over HTTP.
    name
        What the server is called in logs and in the list of replicas.
    namespace
        What the names of its tools begin with: fs makes read_file fs_read_file.
    copies
        Processes of the command, or sessions with each URL; each is a replica.
    env
        A variable for the command: NAME=VALUE, or NAME for the value it has here.
    header
        An HTTP header for URLs, or metadata of a gRPC service, NAME: VALUE; ${NAME} in it is a
        variable of the environment.
    cwd
        Folder that the command runs in.
    transport
        What URLs speak: http, the older sse, or auto: sse where the path ends with /sse.
    era
        legacy for servers that cannot bear being asked for the modern protocol first.
    only
        Which of what it offers, by patterns: `read_*` of a server's or a container's tools,
        `shop.v1.Orders/*` of methods, `getPet*`, `GET /pets/*`, `tag:pets` of operations.
    base_url
        Where the HTTP API of an OpenAPI document is; given twice, two replicas.
    secret
        What a security scheme of an OpenAPI document wants, such as `api_key=${API_KEY}`.
    descriptor_set
        File with the protos of a gRPC service without reflection, written by protoc.
    env_file
        File with lines NAME=VALUE that ${NAME} and --env NAME may stand for.
    """
    environ = environment(env_file)
    if source:
        service = ServiceOptions(only, base_url, secret, descriptor_set)
        server = ServerOptions(copies, env, cwd, transport, era)
        table = source_table(source, service, server, header, namespace)
        upstreams = list(upstreams_of(name or namespace or source_name(source), table, environ))
    else:
        upstreams = adopted_tables(adopt, environ)
    if not upstreams:
        raise CommandError(
            "nothing to adopt: give a command behind --, a URL, or the address of a service"
        )
    shared = SharedSettings(process, tls, limits)
    return serve(
        watched(
            parent_pipe,
            lambda stop: run_adopt(upstreams, settings, shared, stop, patient=not source),
        )
    )
