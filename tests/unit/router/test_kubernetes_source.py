"""EndpointSlices are listed, watched, and listed again when the server forgot."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from kubernetes_asyncio.client import Configuration

from mcpmesh.config import InvalidSetting, StaticReplica
from mcpmesh.errors import InvalidCall
from mcpmesh.model.kubernetes_service import KubernetesService
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router.endpoint_slices import found_in, port_of
from mcpmesh.router.kubernetes_source import KubernetesSource
from mcpmesh.router.replica_source import Found
from tests.eventually import eventually
from tests.unit.router.kubernetes_server import Cluster, api_server, endpoint, endpoint_slice
from tests.unit.router.serving import Told, running

DATA = Path(__file__).parent / "data"

QUICK = Backoff(first=0.01, longest=0.05)
OCR = KubernetesService("ocr", "tools")
NAME = StaticReplica("kubernetes:///ocr.tools:grpc")


@asynccontextmanager
async def following(cluster: Cluster) -> AsyncIterator[Told]:
    configuration = Configuration(host=cluster.url)
    source = KubernetesSource(NAME, Random(1), configuration=configuration, backoff=QUICK)
    told = Told()
    async with running(source.run(told)):
        await eventually(lambda: bool(cluster.watches))
        yield told


async def test_slices_are_listed_in_pages_then_watched_from_there():
    async with api_server() as cluster:
        for number in range(5):
            await cluster.put(
                endpoint_slice(f"s{number}", endpoint(f"p{number}", f"10.0.0.{number}"))
            )
        async with following(cluster) as told:
            assert len(told.endpoints) == 5
            assert [each.get("continue") for each in cluster.lists] == [None, "2", "4"]
            assert cluster.watches[0]["resourceVersion"] == str(cluster.version)
            await cluster.put(endpoint_slice("s0", endpoint("p0", "10.0.0.9")))
            await eventually(lambda: "10.0.0.9:50051" in told.endpoints)
            await cluster.delete("s1")
            await eventually(lambda: len(told.endpoints) == 4)
            assert len(cluster.lists) == 3


async def test_a_watch_that_breaks_goes_on_where_it_was():
    async with api_server() as cluster:
        await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.1")))
        async with following(cluster) as told:
            await cluster.bookmark()
            await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.2")))
            await eventually(lambda: told.endpoints == ["10.0.0.2:50051"])
            version = cluster.version
            cluster.disconnect()
            await eventually(lambda: len(cluster.watches) == 2)
            assert cluster.watches[1]["resourceVersion"] == str(version)
            await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.3")))
            await eventually(lambda: told.endpoints == ["10.0.0.3:50051"])
            assert len(cluster.lists) == 1


async def test_a_bookmark_moves_the_place_to_go_on_from():
    async with api_server() as cluster:
        await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.1")))
        source = KubernetesSource(
            NAME, Random(1), configuration=Configuration(host=cluster.url), backoff=QUICK
        )
        async with running(source.run(Told())):
            await eventually(lambda: bool(cluster.watches))
            await cluster.bookmark()
            version = cluster.version
            await eventually(lambda: repr(source).endswith(f"at {version}>"))
            # What is before the bookmark may be forgotten now.
            cluster.forgotten = version
            cluster.disconnect()
            await eventually(lambda: len(cluster.watches) == 2)
        assert cluster.watches[1]["resourceVersion"] == str(version)
        assert len(cluster.lists) == 1


@pytest.mark.parametrize("how", ["event", "status"])
async def test_history_that_is_gone_has_all_listed_anew(how: str):
    async with api_server() as cluster:
        await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.1")))
        await cluster.put(endpoint_slice("t", endpoint("q", "10.0.0.7")))
        async with following(cluster) as told:
            # Nobody is told of this deletion: only a list shows it.
            del cluster.slices["t"]
            cluster.version += 10
            if how == "status":
                cluster.forgotten = cluster.version
                cluster.disconnect()
            else:
                await cluster.fail(410, "Expired")
            await eventually(lambda: told.endpoints == ["10.0.0.1:50051"])
            assert len(cluster.lists) == 2


async def test_what_is_known_holds_while_the_api_server_fails(caplog: pytest.LogCaptureFixture):
    async with api_server() as cluster:
        await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.1")))
        async with following(cluster) as told:
            cluster.status = 503
            cluster.disconnect()
            await eventually(lambda: "503 no luck today; what it had stays" in caplog.text)
            tried = len(cluster.tokens)
            await eventually(lambda: len(cluster.tokens) > tried + 3)
            assert caplog.text.count("cannot follow") == 1
            assert told.endpoints == ["10.0.0.1:50051"]
            cluster.status = 200
            await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.2")))
            await eventually(lambda: told.endpoints == ["10.0.0.2:50051"])


async def test_tools_are_those_of_the_services_annotation():
    async with api_server() as cluster:
        cluster.annotations["mcpmesh/tools"] = "ocr, translate"
        await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.1")))
        async with following(cluster) as told:
            assert told.found[0].tools == ("ocr", "translate")
            cluster.annotations["mcpmesh/tools"] = "ocr"
            cluster.disconnect()
            await eventually(lambda: told.found[0].tools == ("ocr",))


async def test_a_service_that_may_not_be_read_has_no_annotation():
    async with api_server() as cluster:
        cluster.service_status = 403
        await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.1")))
        async with following(cluster) as told:
            assert told.found[0].is_asked


async def test_a_slice_larger_than_the_librarys_buffer_is_read():
    many = [endpoint(f"p{n}", f"10.{n >> 8}.{n & 255}.1") for n in range(1000)]
    async with api_server() as cluster, following(cluster) as told:
        for name in ("a", "b", "c"):
            await cluster.put(endpoint_slice(name, *many, *many, *many, *many))
        await eventually(lambda: len(told.found) == 1000)


async def test_the_cluster_of_the_kubeconfig_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with api_server() as cluster:
        await cluster.put(endpoint_slice("s", endpoint("p", "10.0.0.1")))
        config = tmp_path / "config"
        config.write_text(
            f"""
apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: here, user: me}}}}]
clusters: [{{name: here, cluster: {{server: "{cluster.url}"}}}}]
users: [{{name: me, user: {{token: letmein}}}}]
"""
        )
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        monkeypatch.setattr(
            "kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(config)
        )
        told = Told()
        async with running(KubernetesSource(NAME, Random(1), backoff=QUICK).run(told)):
            await eventually(lambda: told.endpoints == ["10.0.0.1:50051"])
        assert set(cluster.tokens) == {"Bearer letmein"}


async def test_no_cluster_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(
        "kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none")
    )
    async with running(KubernetesSource(NAME, Random(1), backoff=QUICK).run(Told())):
        await eventually(lambda: "neither in a cluster" in caplog.text)


def seen(*slices: Any, name: StaticReplica = NAME) -> list[Found]:
    return found_in(slices, name, KubernetesService.parse(name.endpoint))


def test_a_replica_has_the_pods_name_zone_and_the_services_certificate():
    (found,) = seen(endpoint_slice("s", endpoint("ocr-7d-x2", "10.0.0.1", zone="eu-1b")))
    replica = found.replica
    assert (replica.id, replica.endpoint) == ("tools-ocr-7d-x2-50051", "10.0.0.1:50051")
    assert replica.labels == {"zone": "eu-1b"}
    assert replica.server_name == "ocr.tools.svc"
    assert not found.draining


def test_a_slice_is_read_as_kubernetes_own_code_writes_it():
    # Every field is set in it; only values that must be of a kind are put in.
    written = json.loads((DATA / "endpoint_slice.json").read_text(encoding="utf-8"))
    assert written["apiVersion"] == endpoint_slice("s")["apiVersion"]
    assert written["kind"] == endpoint_slice("s")["kind"]
    written["addressType"] = "IPv4"
    (one,) = written["endpoints"]
    one["addresses"] = ["10.0.0.1"]
    one["targetRef"] |= {"kind": "Pod", "name": "ocr-7d-x2"}
    (port,) = written["ports"]
    port |= {"name": "grpc", "protocol": "TCP"}
    (found,) = seen(written)
    assert found.draining
    assert (found.replica.id, found.replica.endpoint) == ("tools-ocr-7d-x2-3", "10.0.0.1:3")
    # That of the hint, which is for somebody else than the zone it stands in.
    assert found.replica.labels == {"zone": "nameValue"}
    # What our stand-in for an API server writes has no names that Kubernetes has not.
    ours = endpoint_slice("s", endpoint("pod", "10.0.0.2"))
    assert ours.keys() <= written.keys()
    assert ours["endpoints"][0].keys() <= one.keys()
    assert ours["endpoints"][0]["conditions"].keys() <= one["conditions"].keys()
    assert ours["endpoints"][0]["targetRef"].keys() <= one["targetRef"].keys()
    assert ours["ports"][0].keys() <= port.keys()
    assert ours["metadata"].keys() <= written["metadata"].keys()


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, False),
        ({"ready": None, "serving": None, "terminating": None}, False),
        ({"ready": False, "serving": True, "terminating": True}, True),
        ({"ready": False, "serving": False, "terminating": True}, None),
        ({"ready": False, "serving": False, "terminating": False}, None),
        ({"ready": False, "serving": None, "terminating": None}, None),
        # publishNotReadyAddresses: ready for ever, also while it ends.
        ({"ready": True, "serving": True, "terminating": True}, True),
    ],
)
def test_conditions_say_who_serves_and_who_drains(
    conditions: dict[str, bool | None], expected: bool | None
):
    found = seen(endpoint_slice("s", endpoint("p", "10.0.0.1", **conditions)))
    assert [each.draining for each in found] == ([] if expected is None else [expected])


def test_a_pod_of_two_families_or_slices_is_one_replica():
    ends = {"ready": False, "terminating": True}
    found = seen(
        endpoint_slice("six", endpoint("p", "fd00::1"), kind="IPv6"),
        endpoint_slice("old", endpoint("p", "10.0.0.1", **ends)),
        endpoint_slice("four", endpoint("p", "10.0.0.1")),
    )
    assert [(each.replica.endpoint, each.draining) for each in found] == [("10.0.0.1:50051", False)]


def test_hints_say_whose_zone_a_replica_is_for():
    one = endpoint("p", "10.0.0.1", zone="a")
    one["hints"] = {"forZones": [{"name": "b"}]}
    two = endpoint("q", "10.0.0.2", zone="a")
    two["hints"] = {"forZones": [{"name": "b"}, {"name": "a"}]}
    found = seen(endpoint_slice("s", one, two))
    assert [each.replica.labels["zone"] for each in found] == ["b", "a"]


@pytest.mark.parametrize(
    ("wanted", "ports", "expected"),
    [
        ("", [("grpc", 1), ("http", 2)], 1),
        ("", [("", 7)], 7),
        ("http", [("grpc", 1), ("http", 2)], 2),
        ("2", [("grpc", 1), ("http", 2)], 2),
        ("50051", [], 50051),
        ("", [("a", 1), ("b", 2)], "write kubernetes:///ocr.tools:PORT"),
        ("x", [("a", 1)], "no port x; it has a"),
        ("", [], "ports .none."),
    ],
)
def test_the_port_is_found(wanted: str, ports: list[tuple[str, int]], expected: int | str):
    given = [{"name": name, "port": port, "protocol": "TCP"} for name, port in ports]
    given.append({"name": "dns", "port": 53, "protocol": "UDP"})
    service = KubernetesService("ocr", "tools", wanted)
    if isinstance(expected, int):
        assert port_of(given, service) == expected
    else:
        with pytest.raises(InvalidCall, match=expected):
            port_of(given, service)


@pytest.mark.parametrize(
    "text",
    ["kubernetes:ocr.tools", "kubernetes:///ocr", "kubernetes:///ocr.tools:", "kubernetes:///a.b.c",
     "kubernetes:///Ocr.tools", "kubernetes:///ocr.tools:a_b"],
)  # fmt: skip
def test_names_that_cannot_be_are_refused(text: str):
    with pytest.raises(InvalidSetting, match=r"SERVICE\.NAMESPACE") as refused:
        StaticReplica(text)
    # What was written, and nothing added to it.
    assert text.rstrip(":") in refused.value.reason.replace("'", "")
    assert "ocr.:" not in refused.value.reason
