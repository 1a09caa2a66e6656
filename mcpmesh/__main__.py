"""`python -m mcpmesh` is the command `mcpmesh`."""

import signal
import sys


def main() -> int:
    """Load the command line and run it.

    Loading takes half a second, and Ctrl-C meanwhile shall show nobody where it was: the system
    ends the process then, unless whoever started it has it ignore Ctrl-C.
    """
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from mcpmesh.cli.main import main as run_commands  # noqa: PLC0415

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run_commands()


if __name__ == "__main__":
    sys.exit(main())
