"""Rules of a configuration file, as the commands of a mesh go by them."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from mcpmesh.cli.exits import Exit
from tests.certificates import Authority, Files
from tests.e2e.commands import TOOLS, command
from tests.e2e.test_tls import HERE, options, run
from tests.eventually import eventually

RULES = """
[[access]]
callers = ["spiffe://mesh/ada"]
tools = ["who*"]

[[access]]
callers = ["spiffe://mesh/bridge"]
tools = ["*"]
"""
#: What ada may call of the tools that there are.
WHO = ["who", "whoami"]


def fetched(
    http: str, context: ssl.SSLContext, path: str, body: dict[str, Any] | None = None
) -> tuple[int, Any]:
    """Return the status and the JSON of an answer over plain HTTP."""
    data = None if body is None else json.dumps(body).encode()
    head = {"content-type": "application/json"}
    request = urllib.request.Request(f"https://{http}{path}", data, head)
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


async def test_workers_of_a_router_and_a_bridge_go_by_the_rules_of_the_file(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    names = ("router", "tool", "bridge")
    own = {name: authority.sign(name, *HERE, f"spiffe://mesh/{name}") for name in names}
    people = {name: authority.sign(name, f"spiffe://mesh/{name}") for name in ("ada", "eve")}
    file = tmp_path / "mcpmesh.toml"
    file.write_text(RULES)
    config = ("--config", str(file))

    def told(router: str, files: Files, *argv: str) -> tuple[int, str, str]:
        shown = ("--tls-ca", authority.ca, "--tls-cert", files.cert, "--tls-key", files.key)
        return run("call", *argv, "--router", router, *shown)

    def context(name: str) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=authority.ca)
        made.load_cert_chain(people[name].cert, people[name].key)
        return made

    with (
        command(
            tmp_path, *config, "router", "--grpc", "127.0.0.1:0", "--workers", "2",
            *options(authority, own["router"]),
        ) as router,
        command(
            tmp_path, "serve", TOOLS, "--listen", "127.0.0.1:0", "--router", router.grpc,
            *options(authority, own["tool"]),
        ),
        command(
            tmp_path, *config, "bridge", "--http", "127.0.0.1:0", "--router", router.grpc,
            "--workers", "2", *options(authority, own["bridge"]),
        ) as bridge,
    ):  # fmt: skip
        http, ada, eve = bridge.ready["http"], context("ada"), context("eve")

        def listed() -> bool:
            """Tell whether the tools have come, of which there are others too."""
            status, manifest = fetched(http, ada, "/manifest")
            return status == 200 and {each["name"] for each in manifest["tools"]} == {
                "who",
                "whoami",
            }

        await eventually(listed)
        code, said, notes = told(router.grpc, people["ada"], "whoami")
        assert (code, "spiffe://mesh/ada" in said) == (Exit.OK, True), notes
        for name, tool in (("ada", "echo"), ("eve", "whoami")):
            code, _, notes = told(router.grpc, people[name], tool, "text=x")
            assert code == Exit.DENIED
            assert f"spiffe://mesh/{name} may not call it" in notes
        assert fetched(http, eve, "/manifest") == (200, {"tools": []})
        assert fetched(http, ada, "/mcp/tool/whoami/invoke", {})[0] == 200
        for who, tool in ((ada, "echo"), (eve, "whoami")):
            status, error = fetched(http, who, f"/mcp/tool/{tool}/invoke", {"text": "x"})
            assert (status, error["error"]["code"]) == (404, "NOT_FOUND")


def test_rules_about_names_without_certificates_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mcpmesh.toml"
    file.write_text(RULES)
    for which in (("router", "--grpc"), ("bridge", "--http")):
        code, _, notes = run("--config", str(file), *which, "127.0.0.1:0")
        assert code == Exit.USAGE
        assert f"{file}: access: " in notes
        assert "give --tls-client-ca" in notes
