"""A router that says what it holds when it is asked: counted_router.py PORT FILE [OPTION ...].

On SIGUSR1 it collects garbage and writes {"tasks": …, "objects": …, "blocks": …} to the file.
"""

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path

from mcpmesh.cli.main import main


def count(path: Path) -> None:
    """Write how many tasks, objects that may be in cycles, and blocks of memory there are.

    Blocks are what Python holds; memory beyond them is the allocator's, kept for what comes.
    """
    gc.collect()
    blocks = sys.getallocatedblocks()
    found = {"tasks": len(asyncio.all_tasks()), "objects": len(gc.get_objects()), "blocks": blocks}
    path.write_text(json.dumps(found))


if __name__ == "__main__":
    port, file, *options = sys.argv[1:]
    # Python runs the handler between two steps of the loop's thread, so inside the loop.
    signal.signal(signal.SIGUSR1, lambda *_: count(Path(file)))
    sys.argv = ["mcpmesh", "router", "--grpc", f"127.0.0.1:{port}", *options]
    main()
