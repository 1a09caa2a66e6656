"""What commands load: nothing that most of them never need."""

import signal
import subprocess
import sys

HEAVY = ("mcp", "mcp_types", "openapi_pydantic", "kubernetes_asyncio", "model2vec", "pandas")


def test_the_command_loads_no_library_that_only_some_need() -> None:
    code = f"import sys, mcpmesh.cli.main; print([n for n in {HEAVY} if n in sys.modules])"
    assert _run(code).stdout == "[]\n"


#: What the extras and the developers' tools install, and the modules that may not do without.
EXTRAS = ("openapi_pydantic", "yaml", "dns", "kubernetes_asyncio", "mcp_grpc_transport_proto")
OTHERS = ("model2vec", "numpy", "opentelemetry.exporter.otlp", "vega_datasets", "h2", "hypothesis")
OF_EXTRAS = (
    "mcpmesh.adopt.openapi_",
    "mcpmesh.codec.mcp_proto",
    "mcpmesh.discovery.vectors",
    "mcpmesh.router.kubernetes_",
    "mcpmesh.router.mcp_servicer",
    "mcpmesh.router.srv_source",
    "mcpmesh.transport.srv",
)
LOAD_ALL = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({EXTRAS + OTHERS}))
import mcpmesh
for module in pkgutil.walk_packages(mcpmesh.__path__, "mcpmesh."):
    if not module.name.startswith({OF_EXTRAS}):
        importlib.import_module(module.name)
"""


def test_only_what_an_extra_is_for_needs_it() -> None:
    told = _run(LOAD_ALL)
    assert (told.returncode, told.stderr) == (0, "")


#: Ctrl-C comes while the command is being loaded.
INTERRUPTED = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "mcpmesh.cli.main":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
signal.signal(signal.SIGINT, {handler})
sys.argv = ["mcpmesh", "version"]
import mcpmesh.__main__
sys.exit(mcpmesh.__main__.main())
"""


def test_ctrl_c_while_the_command_loads_ends_it_without_a_word() -> None:
    told = _run(INTERRUPTED.format(handler="signal.default_int_handler"))
    assert (told.returncode, told.stdout, told.stderr) == (-signal.SIGINT, "", "")


def test_a_command_that_was_started_to_ignore_ctrl_c_ignores_it() -> None:
    told = _run(INTERRUPTED.format(handler="signal.SIG_IGN"))
    assert (told.returncode, told.stderr) == (0, "")


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
