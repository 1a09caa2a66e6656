"""What can stand between callers and replicas, each in front of the same two."""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Template

import grpc

from benchmarks.harness.bench import Bench
from benchmarks.harness.peers import envoy_path, program
from benchmarks.harness.process import ROOT, WORK, Failed, Process, Processes, free_port
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

OURS = "mcpmesh router"
ENVOY = "Envoy"
NGINX = "nginx"
HAPROXY = "HAProxy"
GRPC_AIO = "grpc.aio proxy"
DIRECT = "direct"

SERVICE = "/mcpmesh.v1.ToolService/"
INVOKE = f"{SERVICE}Invoke"
INVOKE_STREAM = f"{SERVICE}InvokeStream"
#: 58 bytes as a message.
REQUEST = invoke_pb2.InvokeRequest(
    tool="echo", arguments=b'{"text":"hello world, this is a tool call","n":42}'
)
#: Metrics are on by default; of the traces, one call in a hundred is written to the log.
TRACING = {
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.01",
}
_ANSWERS_WITHIN = 15.0


@dataclass(frozen=True, slots=True)
class Hop:
    """A hop that runs; `pids` are the processes whose CPU counts."""

    port: int
    pids: Callable[[], Iterable[int]]


def start_replicas(processes: Processes, engine: str = "mcpmesh") -> list[int]:
    """Start the two replicas; their ports."""
    return [start_replica(processes, f"replica {number}", engine) for number in (1, 2)]


def start_replica(processes: Processes, name: str, engine: str = "mcpmesh") -> int:
    """Start one replica; its port."""
    port = free_port()
    processes.start_program(name, "echo", port, engine)
    return port


def start_hops(bench: Bench, processes: Processes, names: Iterable[str]) -> dict[str, Hop]:
    """Start replicas, and the hops that are installed in front of them, and try each once."""
    replicas = start_replicas(processes)
    hops: dict[str, Hop] = {}
    for name in names:
        hop = _START[name](bench, processes, replicas)
        if hop is not None:
            answer_bytes(hop.port)
            hops[name] = hop
    return hops


def answer_bytes(port: int) -> int:
    """Wait until a call is answered rightly; the bytes of its answer's body.

    Raises: Failed.
    """
    end = time.monotonic() + _ANSWERS_WITHIN
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = invoke_pb2_grpc.ToolServiceStub(channel)  # type: ignore[no-untyped-call]
        while True:
            try:
                answer = stub.Invoke(REQUEST, timeout=5)
                break
            except grpc.RpcError as error:
                if time.monotonic() > end:
                    raise Failed(f"port {port}: {error.details()}") from error
                time.sleep(0.1)
    if answer.result.structured_content != REQUEST.arguments:
        raise Failed(f"port {port} does not echo: {answer}")
    return 5 + int(answer.ByteSize())


def mesh_argv(*arguments: str) -> list[str]:
    """Return the command line of mcpmesh."""
    return [sys.executable, "-m", "mcpmesh", *arguments]


def _router(_bench: Bench, processes: Processes, replicas: list[int]) -> Hop:
    port = free_port()
    static = [f"--static=127.0.0.1:{replica}=echo" for replica in replicas]
    argv = mesh_argv("router", "--grpc", f"127.0.0.1:{port}", *static)
    return _alone(processes.start(OURS, argv, port, TRACING), port)


def _envoy(bench: Bench, processes: Processes, replicas: list[int]) -> Hop | None:
    path, port = envoy_path(), free_port()
    if path is None:
        bench.skip(ENVOY, "envoy")
        return None
    config = _written("envoy.yaml", port, replicas)
    options = ("--concurrency", "1", "--disable-hot-restart", "-l", "warning")
    return _alone(processes.start(ENVOY, [path, "-c", config, *options], port), port)


def _nginx(bench: Bench, processes: Processes, replicas: list[int]) -> Hop | None:
    path, port = program("nginx"), free_port()
    if path is None:
        bench.skip(NGINX, "nginx")
        return None
    config = _written("nginx.conf", port, replicas)
    process = processes.start(NGINX, [path, "-p", f"{WORK}/", "-c", config, "-e", "stderr"], port)
    # A parent, and the process that works.
    return Hop(port, process.family)


def _haproxy(bench: Bench, processes: Processes, replicas: list[int]) -> Hop | None:
    path, port = program("haproxy"), free_port()
    if path is None:
        bench.skip(HAPROXY, "haproxy")
        return None
    config = _written("haproxy.cfg", port, replicas)
    return _alone(processes.start(HAPROXY, [path, "-db", "-f", config], port), port)


def _grpc_aio(_bench: Bench, processes: Processes, replicas: list[int]) -> Hop:
    port = free_port()
    targets = [f"127.0.0.1:{replica}" for replica in replicas]
    return _alone(processes.start_program(GRPC_AIO, "proxy", port, *targets), port)


def _direct(_bench: Bench, _processes: Processes, replicas: list[int]) -> Hop:
    return Hop(replicas[0], list)


def _alone(process: Process, port: int) -> Hop:
    return Hop(port, lambda: [process.pid])


def _written(name: str, port: int, replicas: list[int]) -> Path:
    """Fill in a configuration."""
    template = Template((ROOT / "benchmarks" / "configs" / name).read_text())
    path = WORK / name
    path.write_text(template.substitute(port=port, first=replicas[0], second=replicas[1]))
    return path


_START: dict[str, Callable[[Bench, Processes, list[int]], Hop | None]] = {
    OURS: _router,
    ENVOY: _envoy,
    NGINX: _nginx,
    HAPROXY: _haproxy,
    GRPC_AIO: _grpc_aio,
    DIRECT: _direct,
}
