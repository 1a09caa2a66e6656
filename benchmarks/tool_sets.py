"""Real tools and questions about them, fetched once and checked: up to 10,000 tools.

- Seal-Tools: 4,076 tools and 494 questions that one tool each answers. Apache-2.0,
  github.com/fairyshine/Seal-Tools; Wu et al., "Seal-Tools: Self-Instruct Tool Learning Dataset for
  Agent Tuning and Detailed Benchmark" (2024).
- MetaTool: 199 tools and 20,614 questions, of which five per tool are drawn. MIT,
  github.com/HowieHwong/MetaTool; Huang et al., "MetaTool Benchmark for Large Language Models"
  (2023).
- Methods of Google's APIs, from the discovery documents in the package google-api-python-client,
  Apache-2.0: nobody asks for them; they are in the way.
"""

import csv
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

FOLDER = Path(__file__).parents[1] / ".tools" / "tool-sets"
_RAW = "https://raw.githubusercontent.com"
_SEAL = f"{_RAW}/fairyshine/Seal-Tools/ce753ecd60ed08dd376984035de531ab8421f1c6/Seal-Tools_Dataset"
_METATOOL = f"{_RAW}/HowieHwong/MetaTool/35e81bb7576826e980c80fed8f8c0a2b4a1e6fbb/dataset"
GOOGLE = "google-api-python-client==2.202.0"
GOOGLE_WHEEL = "google_api_python_client-2.202.0-py3-none-any.whl"
#: File → where it is from, and its SHA-256.
_FILES = {
    "seal-tool.jsonl": (
        f"{_SEAL}/tool.jsonl",
        "35e34aaec1f0793c2b5a5dff734cb925837988f59ed0fe4f410d67f3d8375f5c",
    ),
    "seal-dev.jsonl": (
        f"{_SEAL}/dev.jsonl",
        "53da12c9fab27e47eba4767ae3625b53bb6474215c38e5033b1fe11e84efacf6",
    ),
    "seal-test_in_domain.jsonl": (
        f"{_SEAL}/test_in_domain.jsonl",
        "330020288948e711846417c2fca9a5980ef0f1adc01ad74dc38cc9ff7142811f",
    ),
    "seal-test_out_domain.jsonl": (
        f"{_SEAL}/test_out_domain.jsonl",
        "c2a86a3d3a5270f578e07f39a0973310cbcaec3b8d72166d7be38d21c9720be6",
    ),
    "metatool-all_clean_data.csv": (
        f"{_METATOOL}/data/all_clean_data.csv",
        "cf2eb0474396677530931def51012da4e88f9f34f655332f04177b2054101baf",
    ),
    "metatool-plugin_des.json": (
        f"{_METATOOL}/plugin_des.json",
        "c446ade5acfb8e16c477124250665021e63b11bf6cb232db04fc9ba6bed0389a",
    ),
}
_GOOGLE_SUM = "aaa90064c9bb642ff1d065b22ca8958a2cb6e345909cefe70d0e5452fc50e08b"
_PER_TOOL = 5
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_OTHERS = {"list": "array", "array": "array", "dict": "object", "object": "object"}


@dataclass(frozen=True)
class Entry:
    """A tool as a set has it."""

    name: str
    description: str
    schema: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What somebody wants, and the tool that does it."""

    text: str
    tool: str
    set: str


@dataclass(frozen=True)
class ToolSets:
    """All tools by name, and the questions."""

    asked: dict[str, Entry]
    others: dict[str, Entry]
    questions: list[Question]


def load(rng: Random) -> ToolSets:
    """Fetch what is not there, and read it."""
    fetch()
    seal, seal_questions = _seal()
    meta, meta_questions = _metatool(rng)
    tools = {**_google(), **seal, **meta}
    questions = [*seal_questions, *meta_questions]
    gold = {question.tool for question in questions}
    return ToolSets(
        {name: tools[name] for name in sorted(gold)},
        {name: tool for name, tool in sorted(tools.items()) if name not in gold},
        questions,
    )


def fetch() -> None:
    """Fetch the files that are not there; check them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (url, wanted) in _FILES.items():
        path = FOLDER / name
        if not path.exists():
            print(f"fetching {url}", file=sys.stderr)
            with urlopen(url, timeout=60) as response:
                path.write_bytes(response.read())
        _check(path, wanted)
    wheel = FOLDER / GOOGLE_WHEEL
    if not wheel.exists():
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "-d", str(FOLDER), GOOGLE], check=True, timeout=600)
    _check(wheel, _GOOGLE_SUM)


def _check(path: Path, wanted: str) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wanted:
        raise SystemExit(f"{path} is not what was measured: SHA-256 {found}, not {wanted}")


def _seal() -> tuple[dict[str, Entry], list[Question]]:
    tools = {}
    for told in _lines("seal-tool.jsonl"):
        properties = {
            name: {**_typed(each.get("type", "")), "description": each.get("description", "")}
            for name, each in told["parameters"].items()
        }
        schema = {"type": "object", "properties": properties, "required": told["required"]}
        name = _name(told["api_name"])
        tools[name] = Entry(name, told["api_description"], schema)
    questions = []
    for file in ("seal-test_in_domain.jsonl", "seal-test_out_domain.jsonl", "seal-dev.jsonl"):
        for told in _lines(file):
            if len(told["calling"]) == 1:
                tool = _name(told["calling"][0]["api"])
                questions.append(Question(told["query"], tool, "Seal-Tools"))
    return tools, questions


def _metatool(rng: Random) -> tuple[dict[str, Entry], list[Question]]:
    described = json.loads((FOLDER / "metatool-plugin_des.json").read_text())
    by_tool: dict[str, list[str]] = {}
    with (FOLDER / "metatool-all_clean_data.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            by_tool.setdefault(row["Tool"], []).append(row["Query"])
    schema = {"type": "object"}
    tools = {_name(name): Entry(_name(name), described[name], schema) for name in by_tool}
    questions = [
        Question(text, _name(name), "MetaTool")
        for name in sorted(by_tool)
        for text in rng.sample(sorted(by_tool[name]), min(_PER_TOOL, len(by_tool[name])))
    ]
    return tools, questions


def _google() -> dict[str, Entry]:
    tools = {}
    with zipfile.ZipFile(FOLDER / GOOGLE_WHEEL) as wheel:
        for path in sorted(wheel.namelist()):
            if "/discovery_cache/documents/" not in path or not path.endswith(".json"):
                continue
            document = json.loads(wheel.read(path))
            for method in _methods(document):
                if method.get("description"):
                    tool = _method(method, document.get("schemas", {}))
                    tools[tool.name] = tool
    return tools


def _methods(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from document.get("methods", {}).values()
    for resource in document.get("resources", {}).values():
        yield from _methods(resource)


def _method(method: dict[str, Any], schemas: dict[str, Any]) -> Entry:
    properties = {
        name: {"type": each.get("type", "string"), "description": each.get("description", "")}
        for name, each in method.get("parameters", {}).items()
    }
    body = schemas.get(method.get("request", {}).get("$ref", ""), {})
    for name, each in body.get("properties", {}).items():
        kind = each.get("type", "object")
        properties[name] = {"type": kind, "description": each.get("description", "")}
    required = [n for n, each in method.get("parameters", {}).items() if each.get("required")]
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return Entry(_name(method["id"]), method["description"], schema)


def _name(text: str) -> str:
    """Return a name that a tool may have."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text)
    return kept[:128]


def _typed(kind: str) -> dict[str, str]:
    word = kind.partition("[")[0].lower()
    return {"type": _TYPES.get(word) or _OTHERS.get(word) or "string"}


def _lines(name: str) -> Iterator[dict[str, Any]]:
    with (FOLDER / name).open() as file:
        for line in file:
            yield json.loads(line)
