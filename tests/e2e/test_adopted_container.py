"""The example of a tool container, adopted by the command line and called over plain HTTP."""

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.commands import ROOT, command
from tests.e2e.test_plain_http import ANY, asked
from tests.eventually import eventually

EXAMPLE = ROOT / "examples" / "container" / "tool.py"


async def test_a_container_is_adopted_and_called(tmp_path: Path) -> None:
    argv = [sys.executable, str(EXAMPLE), "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as container:
        try:
            assert container.stdout is not None
            source = f"container:{container.stdout.readline().split()[-1]}"
            with (
                command(tmp_path, "up", "--grpc", ANY, "--http", ANY) as up,
                command(tmp_path, "adopt", source, "--namespace", "text", "--router", up.grpc),
            ):
                await eventually(lambda: b'"text_slug"' in asked(f"{up.url}/manifest")[2])
                url = f"{up.url}/mcp/tool/text_slug/invoke"
                status, _, body = asked(url, {"title": "To be, or not?"})
                assert status == 200
                assert json.loads(body)["structuredContent"] == {"slug": "to-be-or-not"}
                assert asked(url, {"titel": "?"})[0] == 400
                assert asked(url, {"title": "?"})[0] == 400
        finally:
            container.kill()
