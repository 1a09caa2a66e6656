"""Fuzzes one target with atheris: python -m fuzz.with_atheris TARGET [LIBFUZZER ARGUMENT ...]."""

import sys
from importlib import import_module

import atheris


def main() -> None:
    """Instrument our code, and hand over to libFuzzer, which ends the process."""
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["mcpmesh"]):
        target = import_module(f"fuzz.targets.{name}")
    atheris.Setup([sys.argv[0], *arguments], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
