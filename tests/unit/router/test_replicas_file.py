"""A file of replicas is taken whenever it changes; a bad one changes nothing and says why."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from mcpmesh.config import InvalidSetting, StaticReplica
from mcpmesh.router.replicas_file import ReplicasFile, replicas_in
from tests.eventually import eventually
from tests.unit.router.serving import running

ONE = '[[replica]]\nendpoint = "10.0.0.7:50051"\ntools = ["ocr"]\n'
TWO = ONE + '[[replica]]\nendpoint = "10.0.0.8:50051"\nweight = 3\nlabels = { zone = "b" }\n'


class Reading:
    """What a file's reader took, oldest first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: list[list[str]] = []

    def take(self, replicas: Sequence[StaticReplica]) -> None:
        self.taken.append([each.endpoint for each in replicas])

    def run(self):
        return running(ReplicasFile(self.path, self.take, interval=0.005, settle=0.005).run())


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    return Reading(tmp_path / "replicas.toml")


async def test_a_change_is_taken_however_it_is_written(reading: Reading, tmp_path: Path):
    reading.path.write_text(ONE)
    async with reading.run():
        await eventually(lambda: len(reading.taken) == 1)
        reading.path.write_text(TWO)
        await eventually(lambda: len(reading.taken) == 2)
        fresh = tmp_path / "fresh"
        fresh.write_text(ONE)
        os.replace(fresh, reading.path)
        await eventually(lambda: len(reading.taken) == 3)
    one, two = ["10.0.0.7:50051"], ["10.0.0.7:50051", "10.0.0.8:50051"]
    assert reading.taken == [one, two, one]


async def test_links_that_are_swapped_are_followed(reading: Reading, tmp_path: Path):
    for name, text in (("v1", ONE), ("v2", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "replicas.toml").write_text(text)
    (tmp_path / "data").symlink_to("v1")
    reading.path.symlink_to("data/replicas.toml")
    async with reading.run():
        await eventually(lambda: len(reading.taken) == 1)
        (tmp_path / "next").symlink_to("v2")
        os.replace(tmp_path / "next", tmp_path / "data")
        await eventually(lambda: len(reading.taken) == 2)
    assert len(reading.taken[1]) == 2


async def test_a_bad_file_keeps_the_old_state_and_says_why_once(
    reading: Reading, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    reading.path.write_text(ONE)
    async with reading.run():
        await eventually(lambda: len(reading.taken) == 1)
        reading.path.write_text(ONE + "[[replica]\n")
        await eventually(lambda: "not TOML" in caplog.text)
        await asyncio.sleep(0.1)  # twenty more reads
        assert caplog.text.count("not TOML") == 1
        assert "line 4" in caplog.text
        assert "the 1 replicas that it had stay" in caplog.text
        reading.path.unlink()
        await eventually(lambda: "No such file" in caplog.text)
        reading.path.write_text(TWO)
        await eventually(lambda: len(reading.taken) == 2)
    assert "lists 2 replicas" in caplog.text


async def test_a_file_that_is_being_written_is_not_taken(tmp_path: Path):
    reading = Reading(tmp_path / "replicas.toml")
    # What each read finds: the writer is not done before the third one.
    found = [TWO.encode(), TWO.encode()[:40], ONE.encode()]

    def read(path: Path) -> bytes:
        return found.pop(0) if len(found) > 1 else found[0]

    reader = ReplicasFile(reading.path, reading.take, interval=0.005, settle=0.005, read=read)
    async with running(reader.run()):
        await eventually(lambda: len(reading.taken) == 1)
    assert reading.taken == [["10.0.0.7:50051"]]


def test_a_file_says_all_that_a_replica_can_have():
    (replica,) = replicas_in(
        b'[[replica]]\nendpoint = "10.0.0.7:50051"\ntools = ["ocr", "/shop.v1.Orders"]\n'
        b'server_name = "ocr.internal"\nlabels = { zone = "a" }\nweight = 5\n'
    )
    assert replica == StaticReplica(
        "10.0.0.7:50051", ("ocr", "/shop.v1.Orders"), "ocr.internal", {"zone": "a"}, 5
    )
    assert replicas_in(b"replica = []") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\xff", "not TOML"),
        (b"", "lists nothing; write replica = "),
        (b"[[replicas]]\n", "did you mean replica"),
        (b'[replica]\nendpoint = "h:1"', "two brackets"),
        (b"replica = [1]", "replica 1 needs endpoint"),
        (b'[[replica]]\nendpoint = "h:0"', "replica 1: endpoint 'h:0' needs a host and a port"),
        (b'[[replica]]\nendpoint = "h:1"\nweigth = 2', "replica 1: unknown key 'weigth'; did you"),
        (b'[[replica]]\nendpoint = "h:1"\nweight = 0', "weight 0 is not 1 to 1000"),
        (b'[[replica]]\nendpoint = "h:1"\ntools = ["a b"]', "tool name"),
        (b'[[replica]]\nendpoint = "h:1"\n' * 2, "replica 2: h:1 stands twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: bytes, reason: str):
    with pytest.raises(InvalidSetting) as caught:
        replicas_in(text)
    assert reason in caught.value.reason
