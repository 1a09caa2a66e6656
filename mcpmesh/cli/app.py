"""The command line's root: what is common to all commands."""

from typing import Annotated

from cyclopts import App, Group, Parameter, validators

from mcpmesh.cli.exits import exit_table
from mcpmesh.cli.sources import PREFIX, ExactEnv
from mcpmesh.config import (
    AccessSettings,
    AdoptSettings,
    BridgeSettings,
    ClientSettings,
    DirectSettings,
    LimitSettings,
    ProcessSettings,
    RouterSettings,
    ServeSettings,
    TlsSettings,
)

#: Settings classes become options: each field by its own name, never by position.
Flat = Parameter(name="*")

SERVERS = Group("Run a mesh", sort_key=0)
CALLERS = Group("Use a mesh", sort_key=1)
REST = Group("Other", sort_key=2)

_EPILOGUE = f"""
Every option has one name everywhere: --log-level on the command line, MCPMESH_LOG_LEVEL in the
environment, log_level in the TOML file of --config. The first of these that is set counts.

Exit codes:

```text
{exit_table()}
```
"""

app = App(
    name="mcpmesh",
    help="A tool mesh for AI: tools as replicas behind a gRPC router, and one MCP server.",
    help_format="markdown",
    help_epilogue=_EPILOGUE,
    config=(ExactEnv(PREFIX, command=False),),
    # --version is an option of `call`: the version of a tool.
    version_flags=(),
    default_parameter=Parameter(negative=()),
)

AsJson = Annotated[bool, Parameter(name="--json-output")]

Access = Annotated[AccessSettings, Flat]
Adopt = Annotated[AdoptSettings, Flat]
Router = Annotated[RouterSettings, Flat]
Bridge = Annotated[BridgeSettings, Flat]
Client = Annotated[ClientSettings, Flat]
Direct = Annotated[DirectSettings, Flat]
Serve = Annotated[ServeSettings, Flat]
Limits = Annotated[LimitSettings, Parameter(name="*", group="Limits of peers")]
Process = Annotated[ProcessSettings, Flat]
Tls = Annotated[TlsSettings, Flat]
Target = Annotated[str, Parameter(show_env_var=False)]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=256))]
#: Set by a parent that supervises this process.
ParentPipe = Annotated[int | None, Parameter(show=False)]
