"""The commands of those who use a mesh."""

from typing import Annotated

from cyclopts import Parameter

from mcpmesh.cli.app import CALLERS, AsJson, Client, Count, Target, Tls, app
from mcpmesh.cli.bench import Load, bench
from mcpmesh.cli.call import Asked, call
from mcpmesh.cli.connect import Reach
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.loop import run
from mcpmesh.cli.search import list_choices, search_tools
from mcpmesh.cli.tools import explain_tool, list_replicas, list_tools, show_tool
from mcpmesh.config import NO_TLS, ClientSettings

_CLIENT = ClientSettings()
Pairs = Annotated[str, Parameter(allow_leading_hyphen=True, show_env_var=False)]


@app.command(name="tools", group=CALLERS)
def tools_command(
    name: Target = "",
    /,
    *,
    version: str = "",
    all_versions: bool = False,
    json_output: AsJson = False,
    client: Client = _CLIENT,
    tls: Tls = NO_TLS,
) -> Exit:
    """List the tools of a mesh, or show one with its schema.

    Parameters
    ----------
    name
        The tool to show; without it, all are listed.
    version
        The version to show; the newest without it.
    all_versions
        List older versions too.
    json_output
        Print JSON instead of a table.
    """
    if name:
        return run(lambda: show_tool(Reach(client.router, tls), name, version, as_json=json_output))
    return run(
        lambda: list_tools(
            Reach(client.router, tls), all_versions=all_versions, as_json=json_output
        )
    )


@app.command(name="replicas", group=CALLERS)
def replicas_command(
    tool: Target = "",
    /,
    *,
    json_output: AsJson = False,
    client: Client = _CLIENT,
    tls: Tls = NO_TLS,
) -> Exit:
    """List the replicas of a mesh.

    Parameters
    ----------
    tool
        Only replicas of this tool.
    json_output
        Print JSON instead of a table.
    """
    return run(lambda: list_replicas(Reach(client.router, tls), tool, as_json=json_output))


@app.command(name="why", group=CALLERS)
def why_command(
    tool: Target,
    /,
    *,
    version: str = "",
    json_output: AsJson = False,
    client: Client = _CLIENT,
    tls: Tls = NO_TLS,
) -> Exit:
    """Tell why calls of a tool go where they go: its replicas ranked, and the last picks.

    Parameters
    ----------
    tool
        The tool.
    version
        Its version; without it, the one that calls without a version get now.
    json_output
        Print JSON instead of tables.
    """
    return run(lambda: explain_tool(Reach(client.router, tls), tool, version, as_json=json_output))


@app.command(name="search", group=CALLERS)
def search_command(
    *query: Pairs,
    limit: Count = 10,
    json_output: AsJson = False,
    client: Client = _CLIENT,
    tls: Tls = NO_TLS,
) -> Exit:
    """Find tools by what they do, best first, and say why each is where it is.

    Parameters
    ----------
    query
        Words in any order.
    limit
        Most tools to show, at most 100.
    json_output
        Print JSON instead of a table.
    """
    words = " ".join(query)
    return run(lambda: search_tools(Reach(client.router, tls), words, limit, as_json=json_output))


@app.command(name="choices", group=CALLERS)
def choices_command(
    capability: Target = "",
    /,
    *,
    json_output: AsJson = False,
    client: Client = _CLIENT,
    tls: Tls = NO_TLS,
) -> Exit:
    """Show what tools that provide the same capability are worth, and how sure that is.

    Parameters
    ----------
    capability
        Only this one.
    json_output
        Print JSON instead of a table.
    """
    return run(lambda: list_choices(Reach(client.router, tls), capability, as_json=json_output))


@app.command(name="call", group=CALLERS)
def call_command(
    name: Target,
    /,
    *arguments: Pairs,
    json: str | None = None,
    stream: bool = False,
    timeout: float | None = None,
    version: str = "",
    json_output: AsJson = False,
    client: Client = _CLIENT,
    tls: Tls = NO_TLS,
) -> Exit:
    """Call a tool and print what it says.

    Parameters
    ----------
    name
        The tool.
    arguments
        KEY=VALUE pairs, read as the tool's schema has them; a.b=1 reaches into an object, a key
        given twice makes a list. A single - reads a JSON object from stdin, in UTF-8.
    json
        All arguments as one JSON object.
    stream
        Print output, progress and log lines as they come.
    timeout
        Seconds to wait for the answer; the router's default without it.
    version
        The tool's version; the newest without it.
    json_output
        Print the whole result as JSON; with --stream, one line for each event.
    """
    asked = Asked(name, arguments, json, timeout, version)
    return run(lambda: call(Reach(client.router, tls), asked, stream=stream, as_json=json_output))


@app.command(name="bench", group=CALLERS)
def bench_command(
    name: Target,
    /,
    *arguments: Pairs,
    json: str | None = None,
    concurrency: int = 16,
    count: int | None = None,
    duration: float | None = None,
    timeout: float | None = None,
    version: str = "",
    json_output: AsJson = False,
    client: Client = _CLIENT,
    tls: Tls = NO_TLS,
) -> Exit:
    """Call a tool again and again, and tell how fast it answers.

    Parameters
    ----------
    name
        The tool.
    arguments
        KEY=VALUE pairs, or - for a JSON object on stdin, as with call.
    json
        All arguments as one JSON object.
    concurrency
        Calls in flight at the same time.
    count
        Calls to make.
    duration
        Seconds to go on; 10 when --count is not given either.
    timeout
        Seconds each call may take.
    version
        The tool's version; the newest without it.
    json_output
        Print the figures as JSON.
    """
    asked = Asked(name, arguments, json, timeout, version)
    load = Load(concurrency, count, duration)
    return run(lambda: bench(Reach(client.router, tls), asked, load, as_json=json_output))
