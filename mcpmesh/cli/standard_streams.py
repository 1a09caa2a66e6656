"""The three standard descriptors, for whoever starts a command without some of them."""

import os
import sys
from io import FileIO, TextIOWrapper

_STANDARD = 3


def fill_standard_streams() -> None:
    """Open what is missing of stdin, stdout and stderr on the null device.

    A socket would take the free number else: what is printed would go into it, and uvloop ends
    the process when it closes one with such a number.
    """
    fd = os.open(os.devnull, os.O_RDWR)
    while fd < _STANDARD:
        os.set_inheritable(fd, True)
        fd = os.dup(fd)
    os.close(fd)
    if sys.stdout is None:
        sys.stdout = _writer(1)
    if sys.stderr is None:
        sys.stderr = _writer(2)


def _writer(fd: int) -> TextIOWrapper:
    return TextIOWrapper(FileIO(fd, "w", closefd=False), encoding="utf-8", write_through=True)
