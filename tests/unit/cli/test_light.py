"""What commands load: nothing that most of them never need."""

import subprocess
import sys

HEAVY = ("mcp", "mcp_types", "openapi_pydantic", "kubernetes_asyncio", "model2vec", "pandas")


def test_the_command_loads_no_library_that_only_some_need():
    code = f"import sys, mcpmesh.cli.main; print([n for n in {HEAVY} if n in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
