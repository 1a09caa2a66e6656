"""The data sets that the vega_datasets package ships, read without its pandas."""

import csv
from importlib.util import find_spec
from pathlib import Path


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a data set, each a dict by column name."""
    with _folder().joinpath(f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _folder() -> Path:
    """Find the package's files; importing it would load pandas, which takes too long."""
    spec = find_spec("vega_datasets")
    if spec is None or spec.origin is None:
        raise SystemExit("the examples need data: pip install 'mcpmesh[examples]'")
    return Path(spec.origin).parent / "_data"
