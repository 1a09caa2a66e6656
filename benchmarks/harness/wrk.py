"""HTTP load from wrk: the same POST again and again."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.harness.peers import program
from benchmarks.harness.process import ROOT, WORK, Failed, clean_environment


@dataclass(frozen=True, slots=True)
class Posted:
    """What a run of load came to.

    Units: seconds; `p50` and `p99` of one request.
    """

    requests: int
    elapsed: float
    p50: float
    p99: float


def wrk(
    url: str, headers: Mapping[str, str], body: bytes, *, connections: int, seconds: int
) -> Posted:
    """Post, with so many connections, for so long.

    Raises: Failed when one is not answered with 2xx.
    """
    (WORK / "post.headers").write_text("".join(f"{n}: {v}\n" for n, v in headers.items()))
    (WORK / "post.body").write_bytes(body)
    done = subprocess.run(
        [
            *(
                program("wrk") or "wrk",
                "-t",
                "1",
                "-c",
                str(connections),
                "-d",
                f"{seconds}s",
                "--timeout",
                "30s",
            ),
            *("-s", str(ROOT / "benchmarks" / "configs" / "post.lua"), url),
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        cwd=WORK,
        env=clean_environment(),
        check=False,
    )
    last = done.stdout.strip().rpartition("\n")[2]
    if done.returncode or not last.startswith("{"):
        raise Failed(f"wrk: {done.stdout[-1000:]} {done.stderr[-1000:]}")
    said = json.loads(last)
    if said["errors"] or not said["requests"]:
        raise Failed(f"wrk: {said}")
    return Posted(said["requests"], said["us"] / 1e6, said["p50"] / 1e6, said["p99"] / 1e6)
