"""The one line that a server prints on stdout when it is ready: for people, scripts and parents.

`mcpmesh ready grpc=127.0.0.1:7070 http=127.0.0.1:7080`; a part that is ready says which:
`mcpmesh serve ready listen=127.0.0.1:41234 tools=forecast,history`.
"""

import sys


def print_ready(part: str = "", **fields: str) -> None:
    """Print the ready line, and flush it."""
    words = ["mcpmesh", *part.split(), "ready", *(f"{key}={fields[key]}" for key in fields)]
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def read_ready(line: bytes) -> dict[str, str] | None:
    """Return the fields of a ready line, None for any other line."""
    words = line.decode(errors="replace").split()
    if words[:1] != ["mcpmesh"] or "ready" not in words[1:3]:
        return None
    pairs = (word.partition("=") for word in words[words.index("ready") + 1 :])
    return {key: value for key, _, value in pairs}
