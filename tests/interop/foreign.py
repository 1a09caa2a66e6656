"""Interop clients and servers of other languages: installed once, run as processes."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

#: What is installed stays here between runs; `make clean` takes it along.
HOME = Path(".venv/interop")
GO_VERSION = "v1.85.0"
GO_PACKAGES = tuple(f"google.golang.org/grpc/interop/{part}" for part in ("client", "server"))
#: The server is published; for the client there is none, so a page of our own stands in.
NODE_PACKAGES = ("@grpc/grpc-js@^1.14", "@grpc/proto-loader@^0.8", "grpc-interop-server@^0.1")
NODE_CLIENT = Path(__file__).parent / "node" / "client.mjs"
PROTO = Path(__file__).parent / "service.proto"
INSTALL_SECONDS = 600
CASE_SECONDS = 30

#: Why a client or server has no such case.
NOT_IN_GO = {
    "client_compressed_unary": "the official Go client has no compression cases",
    "server_compressed_unary": "the official Go client has no compression cases",
    "client_compressed_streaming": "the official Go client has no compression cases",
    "server_compressed_streaming": "the official Go client has no compression cases",
}


class Missing(Exception):
    """A language cannot be run here; says what is missing and how to get it."""


@dataclass(frozen=True)
class Go:
    """The official interop client and server of grpc-go."""

    client: Path
    server: Path

    async def run(self, port: int, cases: Iterable[str]) -> dict[str, str]:
        """Run cases against a port; returns what is wrong by case, "" for nothing."""
        return {case: await self._case(port, case) for case in cases}

    async def _case(self, port: int, case: str) -> str:
        code, said = await _output(
            str(self.client.resolve()), "--server_host=127.0.0.1", f"--server_port={port}",
            f"--test_case={case}", "--soak_iterations=20",
        )  # fmt: skip
        return "" if code == 0 else _last_line(said)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Run the server; yields its port."""
        port = _free_port()
        async with _running(port, str(self.server.resolve()), f"--port={port}"):
            yield port


@dataclass(frozen=True)
class Node:
    """Our page of cases on @grpc/grpc-js, and the published server on it."""

    folder: Path
    node: str

    async def run(self, port: int, cases: Iterable[str]) -> dict[str, str]:
        """Run cases against a port; returns what is wrong by case, "" for nothing."""
        wanted = list(cases)
        _, said = await _output(
            self.node, str(NODE_CLIENT.resolve()), str(PROTO.resolve()), f"127.0.0.1:{port}",
            *wanted, cwd=self.folder, seconds=CASE_SECONDS * 4,
        )  # fmt: skip
        found = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
        return {
            case: "" if found.get(case) == "ok" else found.get(case, _last_line(said))
            for case in wanted
        }

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Run the server; yields its port."""
        port = _free_port()
        server = self.folder.resolve() / "node_modules/grpc-interop-server/src/cli.js"
        async with _running(port, self.node, str(server), "--port", str(port)):
            yield port


def find_go() -> Go:
    """Install the official interop programs of grpc-go, unless they are there.

    Raises: Missing.
    """
    folder = HOME / "go" / GO_VERSION
    found = Go(folder / "client", folder / "server")
    if not (found.client.exists() and found.server.exists()):
        go = shutil.which("go")
        if go is None:
            raise Missing("Go is not installed; get it from https://go.dev/dl or your system")
        environment = {**os.environ, "GOBIN": str(folder.resolve()), "GOFLAGS": ""}
        packages = [f"{package}@{GO_VERSION}" for package in GO_PACKAGES]
        _install([go, "install", *packages], environment)
    return found


def find_node() -> Node:
    """Install gRPC for Node and its published interop server, unless they are there.

    Raises: Missing.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Missing("Node.js with npm is not installed; get it from https://nodejs.org")
    folder = HOME / "node"
    if not (folder / "node_modules/grpc-interop-server").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        _install([npm, "install", "--no-audit", "--no-fund", *NODE_PACKAGES], cwd=folder)
    return Node(folder, node)


def _install(
    command: list[str], environment: dict[str, str] | None = None, cwd: Path | None = None
) -> None:
    try:
        subprocess.run(
            command, env=environment, cwd=cwd, check=True, capture_output=True, text=True,
            timeout=INSTALL_SECONDS,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise Missing(f"`{' '.join(command[:2])}` failed: {_last_line(error.stderr)}") from error
    except subprocess.TimeoutExpired as error:
        raise Missing(f"`{' '.join(command[:2])}` took over {INSTALL_SECONDS} s") from error


async def _output(
    *command: str, cwd: Path | None = None, seconds: float = CASE_SECONDS
) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, cwd=cwd)
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return 1, f"no end within {seconds} s"
    return process.returncode or 0, said.decode(errors="replace")


@asynccontextmanager
async def _running(port: int, *command: str) -> AsyncIterator[None]:
    """Run a server until the block ends; it is up when its port takes connections."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(CASE_SECONDS):
            while not await _answers(port):
                if process.returncode is not None:
                    raise Missing(f"{Path(command[0]).name} ended with {process.returncode}")
                await asyncio.sleep(0.05)
        yield
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "it said nothing"
