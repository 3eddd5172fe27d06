"""The client of the Kubernetes API, against a small API server, and waiting."""

import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from components.backup.jobs import cluster
from components.backup.jobs.cluster import (
    BACKUPS,
    CONFIG_MAPS,
    RESTORES,
    SECRETS,
    Cluster,
    ClusterError,
    Kind,
    Unreachable,
    WaitedTooLong,
    await_,
    own_cluster,
)

from .fake_cluster import ApiServer, Clock, FakeCluster, serving


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "mail", "labels": labels or {}}, "data": data}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(cluster, "time", clock)
    return clock


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    with serving(ApiServer(FakeCluster(), tmp_path)) as server:
        yield server


@pytest.fixture
def pod(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    """This process as if it were a pod of the cluster."""
    monkeypatch.setattr(cluster, "ACCOUNT", api.folder)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(api.server_port))
    return api


@pytest.fixture
def client(pod: ApiServer) -> Cluster:
    return own_cluster()


def test_an_object_is_made_found_changed_and_deleted(client: Cluster) -> None:
    assert client.get(CONFIG_MAPS, "mail", "one") is None
    client.create(CONFIG_MAPS, "mail", config_map("one", kept="a", changed="b", gone="c"))
    client.patch(CONFIG_MAPS, "mail", "one", {"data": {"changed": "B", "gone": None, "new": "d"}})
    found = client.get(CONFIG_MAPS, "mail", "one")
    assert found is not None
    assert found["data"] == {"kept": "a", "changed": "B", "new": "d"}
    client.delete(CONFIG_MAPS, "mail", "one")
    while client.get(CONFIG_MAPS, "mail", "one"):
        pass
    client.delete(CONFIG_MAPS, "mail", "one")


def test_what_is_there_stays_as_it_is(client: Cluster) -> None:
    client.create(CONFIG_MAPS, "mail", config_map("one", of="the first"))
    client.create(CONFIG_MAPS, "mail", config_map("one", of="the second"))
    found = client.get(CONFIG_MAPS, "mail", "one")
    assert found is not None
    assert found["data"] == {"of": "the first"}


def test_a_list_is_of_one_namespace_and_of_the_labels(client: Cluster, api: ApiServer) -> None:
    for name, labels in (("a", {"app": "mail", "tier": "x/y"}), ("b", {"app": "mail"}), ("c", {})):
        client.create(CONFIG_MAPS, "mail", config_map(name, labels))
    api.fake.add(CONFIG_MAPS, "other", "d")

    def names(labels: dict[str, str] | None = None) -> list[str]:
        return [found["metadata"]["name"] for found in client.list(CONFIG_MAPS, "mail", labels)]

    assert names() == ["a", "b", "c"]
    assert names({"app": "mail"}) == ["a", "b"]
    assert names({"app": "mail", "tier": "x/y"}) == ["a"]
    assert client.list(CONFIG_MAPS, "empty") == []


def test_the_paths_are_those_of_the_api(client: Cluster, api: ApiServer) -> None:
    for kind, namespace, name in (
        (SECRETS, "mail", "a"),
        (RESTORES, "velero", "r"),
        (Kind("apis/networking.k8s.io/v1", "networkpolicies"), "mail", "wall"),
        (Kind("api/v1", "namespaces"), "", "mail"),
        (CONFIG_MAPS, "mail", "a b?"),
    ):
        client.get(kind, namespace, name)
    assert [path for _, path, _, _ in api.requests] == [
        "/api/v1/namespaces/mail/secrets/a",
        "/apis/velero.io/v1/namespaces/velero/restores/r",
        "/apis/networking.k8s.io/v1/namespaces/mail/networkpolicies/wall",
        "/api/v1/namespaces/mail",
        "/api/v1/namespaces/mail/configmaps/a%20b%3F",
    ]


def test_only_a_patch_says_that_it_is_a_merge(client: Cluster, api: ApiServer) -> None:
    client.create(CONFIG_MAPS, "mail", config_map("one"))
    client.patch(CONFIG_MAPS, "mail", "one", {"data": {"a": "b"}})
    client.get(CONFIG_MAPS, "mail", "one")
    types = [(verb, headers["Content-Type"], headers["Accept"]) for verb, _, headers, _ in api.requests]
    json = "application/json"
    assert types == [("POST", json, json), ("PATCH", "application/merge-patch+json", json), ("GET", json, json)]


def test_the_token_is_read_anew_for_every_request(client: Cluster, api: ApiServer) -> None:
    client.list(CONFIG_MAPS, "mail")
    api.token = "token-2"
    api.write_token()
    client.list(CONFIG_MAPS, "mail")
    assert [headers["Authorization"] for _, _, headers, _ in api.requests] == ["Bearer token-1", "Bearer token-2"]


def test_what_is_not_there_cannot_be_patched_and_a_kind_that_is_not_there_cannot_be_listed(
    client: Cluster, api: ApiServer
) -> None:
    with pytest.raises(ClusterError, match='configmaps "one" not found'):
        client.patch(CONFIG_MAPS, "mail", "one", {})
    api.failures = [(404, "404 page not found\n")]
    with pytest.raises(ClusterError, match=r"^GET /apis/velero.io/v1/namespaces/velero/backups: HTTP 404: 404 page not found$"):
        client.list(BACKUPS, "velero")


@pytest.mark.parametrize("status", [400, 401, 403, 405, 415, 422])
def test_a_refusal_has_the_servers_words_and_is_not_waited_for(
    client: Cluster, api: ApiServer, clock: Clock, status: int
) -> None:
    api.failures = [(status, '{"kind": "Status", "message": "secrets is forbidden: no"}')]
    with pytest.raises(ClusterError, match=f"^GET /.*/secrets/a: HTTP {status}: secrets is forbidden: no$") as caught:
        await_("a secret", lambda: client.get(SECRETS, "mail", "a"), 60)
    assert not isinstance(caught.value, Unreachable)
    assert len(api.requests) == 1
    assert clock.now == 0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_the_server_is_waited_for(
    client: Cluster, api: ApiServer, clock: Clock, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    api.fake.add(SECRETS, "mail", "a")
    api.failures = [(status, '{"message": "etcdserver: leader changed"}')] * 2 + [(status, "<html>\nbad   gateway</html>")]
    found = await_("a secret", lambda: client.get(SECRETS, "mail", "a"), 60, 5)
    assert found["metadata"]["name"] == "a"
    assert clock.now == 15
    where = f"waiting for a secret: GET /api/v1/namespaces/mail/secrets/a: HTTP {status}"
    # The same state is said once.
    assert capsys.readouterr().out.splitlines() == [f"{where}: etcdserver: leader changed", f"{where}: <html> bad gateway</html>"]


def test_a_server_that_has_too_much_to_do_is_waited_for(client: Cluster, api: ApiServer, clock: Clock) -> None:
    api.fake.add(SECRETS, "mail", "a")
    api.failures = [(429, '{"message": "too many requests, please try again later"}')]
    assert await_("a secret", lambda: client.get(SECRETS, "mail", "a"), 60)


def test_a_refused_connection_is_waited_for_and_then_said(
    client: Cluster, api: ApiServer, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    with pytest.raises(
        WaitedTooLong, match=r"^a secret did not come in 60 seconds; the last: waiting for a secret: GET .*refused"
    ):
        await_("a secret", lambda: own_cluster().get(SECRETS, "mail", "a"), 60, 5)
    assert clock.now == 65
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_an_answer_that_is_cut_off_is_a_fault_of_the_server(client: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(_: http.client.HTTPResponse) -> bytes:
        raise http.client.IncompleteRead(b"{")

    monkeypatch.setattr(http.client.HTTPResponse, "read", cut)
    with pytest.raises(Unreachable, match="IncompleteRead"):
        client.get(SECRETS, "mail", "a")


def test_a_server_with_another_authority_gets_no_token(api: ApiServer) -> None:
    context = ssl.create_default_context()
    trustme.CA().configure_trust(context)
    stranger = Cluster(f"127.0.0.1:{api.server_port}", context, lambda: api.token)
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.get(SECRETS, "mail", "a")
    assert not api.requests


@pytest.mark.parametrize("failure", [(401, '{"message": "Unauthorized"}'), (500, "oops"), (200, "no JSON")])
def test_the_token_is_in_no_error_and_in_no_log(
    client: Cluster, api: ApiServer, clock: Clock, capsys: pytest.CaptureFixture[str], failure: tuple[int, str]
) -> None:
    api.failures = [failure] * 20
    with pytest.raises((ClusterError, WaitedTooLong)) as caught:
        await_("it", lambda: client.patch(SECRETS, "mail", "a", {"stringData": {"password": "s3cret"}}), 10, 5)
    output = "".join(capsys.readouterr())
    assert api.token not in str(caught.value) + output
    assert "s3cret" not in str(caught.value) + output


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("10.96.0.1", "443", ("10.96.0.1", 443)),
        ("fd00:10:96::1", "6443", ("fd00:10:96::1", 6443)),
        ("10.96.0.1", None, ("10.96.0.1", 443)),
        ("fd00:10:96::1", None, ("fd00:10:96::1", 443)),
    ],
)
def test_the_host_may_be_an_ipv6_address(
    pod: ApiServer, monkeypatch: pytest.MonkeyPatch, host: str, port: str | None, expected: tuple[str, int]
) -> None:
    asked: list[tuple[str, int | None]] = []

    def connect(connection: http.client.HTTPSConnection) -> None:
        asked.append((connection.host, connection.port))
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(http.client.HTTPSConnection, "connect", connect)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    if port:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    else:
        monkeypatch.delenv("KUBERNETES_SERVICE_PORT")
    with pytest.raises(Unreachable, match="refused"):
        own_cluster().list(SECRETS, "mail")
    assert asked == [expected]


@pytest.mark.parametrize("missing", ["KUBERNETES_SERVICE_HOST", "token"])
def test_outside_of_a_pod_there_is_no_cluster(pod: ApiServer, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    if missing == "token":
        (pod.folder / "token").unlink()
    else:
        monkeypatch.delenv(missing)
    with pytest.raises(ClusterError, match="runs in a pod with a service account; here is none"):
        own_cluster()


def test_what_is_there_at_once_is_not_waited_for(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert await_("nothing", lambda: 0, 10) == 0  # only None is nothing
    assert clock.now == 0
    assert capsys.readouterr().out == ""


def test_waiting_looks_again_after_every_pause_and_ends(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    looks: list[float] = []
    with pytest.raises(WaitedTooLong, match=r"^rain did not come in 20 seconds; the last: waiting for rain$"):
        await_("rain", lambda: looks.append(clock.now), 20, 4)
    assert looks == [0, 4, 8, 12, 16, 20, 24]
    assert capsys.readouterr().out == "waiting for rain\n"


def test_waiting_has_a_pause_of_its_own(clock: Clock) -> None:
    answers = iter([None, None, "sun"])
    assert await_("sun", lambda: next(answers), 20) == "sun"
    assert clock.now == 2 * cluster.POLL_S > 0


def test_what_looking_raises_is_not_swallowed(clock: Clock) -> None:
    def look() -> None:
        raise ValueError("a fault in here")

    with pytest.raises(ValueError, match="a fault in here"):
        await_("it", look, 20)
    assert clock.now == 0
