"""The exporter: its checks against imitations of what they ask, and the process itself as a pod runs it."""

import contextlib
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from components.monitoring import exporter_pod, library
from components.monitoring.jobs import network_checks
from components.monitoring.jobs.exporter import Board, Check, checks_of, run_once
from components.monitoring.jobs.metrics import METRICS, Metric, Reading
from components.monitoring.jobs.registry_checks import Bans, Queue, timestamp
from components.stalwart.jobs.jmap import JmapError
from tests.unit.test_jobs import FakeServer

LOGIN = ("mail-exporter@example.com", "hush")
HOUR = 3600


def values(readings):
    return {(reading.metric.name, *reading.labels): reading.value for reading in readings}


def ago(seconds):
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def served(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class FakeMail(FakeServer):
    """A server with a queue, which says how many messages there are, and refuses every order but that of the next try."""

    def query(self, kind, arguments):
        if kind != "QueuedMessage":
            return super().query(kind, arguments)
        assert arguments["sort"] == [{"property": "due", "isAscending": True}]
        assert arguments["calculateTotal"] is True
        ids = list(self.objects.get(kind, {}))
        return {"ids": ids[: arguments["limit"]], "total": len(ids)}


@pytest.fixture
def mail() -> Iterator[FakeMail]:
    with served(FakeMail()) as server:
        server.logins.add(LOGIN)
        yield server


@pytest.fixture
def environment(mail):
    return {"STALWART_URL": mail.url, "STALWART_USER": LOGIN[0], "STALWART_PASSWORD": LOGIN[1]}


def test_the_queue_is_counted_and_its_age_told(mail, environment):
    mail.add("QueuedMessage", createdAt=ago(2 * HOUR))
    mail.add("QueuedMessage", createdAt=ago(10))
    found = values(Queue(environment).read())
    assert (found["queue_messages",], found["queue_old_messages",]) == (2, 1)
    assert found["queue_oldest_message_timestamp_seconds",] == pytest.approx(time.time() - 2 * HOUR, abs=30)


def test_an_empty_queue_has_no_oldest_message(environment):
    assert values(Queue(environment).read()) == {("queue_messages",): 0, ("queue_old_messages",): 0}


def test_when_a_message_came_is_asked_once(mail, environment):
    queue = Queue(environment)
    first = mail.add("QueuedMessage", createdAt=ago(2 * HOUR))
    assert len(list(queue.read())) == 3
    second = mail.add("QueuedMessage", createdAt=ago(10))
    assert values(queue.read())["queue_messages",] == 2
    assert [arguments["ids"] for method, arguments in mail.calls if method.endswith("/get")] == [[first], [second]]
    del mail.objects["QueuedMessage"][first]
    assert values(queue.read())["queue_old_messages",] == 0


def test_a_queue_above_a_page_is_counted_in_full(mail, environment, monkeypatch):
    monkeypatch.setattr("components.monitoring.jobs.registry_checks.PAGE", 2)
    for _ in range(5):
        mail.add("QueuedMessage", createdAt=ago(5))
    assert values(Queue(environment).read())["queue_messages",] == 5


def test_a_server_that_refuses_is_a_failure_with_its_words(mail, environment):
    with pytest.raises(JmapError, match="401"):
        list(Queue({**environment, "STALWART_PASSWORD": "wrong"}).read())


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("10.1.2.3", False),  # allowed: the server lets it in all the same
        ("10.0.0.0/7", True),  # not all of it is allowed
        ("172.16.0.7", True),  # a node that nobody thought of
        ("100.64.1.1", True),
        ("203.0.113.10", True),
        ("203.0.113.11", False),
        ("fd00::1", False),
        ("fd01::1", True),
        ("2001:db8::1", False),
    ],
)
def test_a_ban_of_an_own_address_stands_out(mail, environment, address, is_own, capsys):
    mail.add("BlockedIp", address=address, expiresAt=None)
    mail.add("BlockedIp", address="198.18.0.1", expiresAt=ago(-HOUR))
    bans = Bans(environment, ["203.0.113.10"], ["10.0.0.0/8", "fd00::/16"])
    assert values(bans.read()) == {("bans",): 2, ("own_bans",): int(is_own)}
    assert (address in capsys.readouterr().out) == is_own
    assert values(bans.read())["own_bans",] == int(is_own)
    assert capsys.readouterr().out == "", "it is said once"


def test_a_ban_that_has_ended_is_none(mail, environment):
    mail.add("BlockedIp", address="10.1.2.3", expiresAt=ago(5))
    assert values(Bans(environment, [], []).read()) == {("bans",): 0, ("own_bans",): 0}


def test_times_of_jmap_are_in_utc():
    assert timestamp("1970-01-02T00:00:00Z") == 86_400


LISTED, CLEAN, REFUSED, AWAY = ("127.0.0.2",), (), ("127.255.255.254",), None
WORKS = {"2.0.0.127": LISTED, "1.0.0.127": CLEAN}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({**WORKS, "10.113.0.203": LISTED}, {"answers": 1, "listed": 1}),
        ({**WORKS, "10.113.0.203": CLEAN}, {"answers": 1, "listed": 0}),
        ({**WORKS, "10.113.0.203": AWAY}, {"answers": 1}),
        ({**WORKS, "10.113.0.203": REFUSED}, {"answers": 1}),
        ({**WORKS, "10.113.0.203": ("192.0.2.1",)}, {"answers": 1}),  # a parked domain's web server
        ({"2.0.0.127": REFUSED, "1.0.0.127": REFUSED, "10.113.0.203": REFUSED}, {"answers": 0}),
        ({"2.0.0.127": CLEAN, "1.0.0.127": CLEAN, "10.113.0.203": CLEAN}, {"answers": 0}),
        ({"2.0.0.127": AWAY, "1.0.0.127": AWAY, "10.113.0.203": AWAY}, {"answers": 0}),
        ({"2.0.0.127": LISTED, "1.0.0.127": LISTED, "10.113.0.203": LISTED}, {"answers": 0}),  # it lists the whole world
    ],
    ids=["listed", "clean", "away", "refused", "no list", "refuses", "dead", "no answer", "lists all"],
)
def test_a_blocklist_has_three_answers(answers, expected):
    found = values(
        network_checks.blocklists(["zen.example"], ["203.0.113.10"], lambda name: answers[name.removesuffix(".zen.example")])
    )
    keys = {"answers": ("blocklist_answers", "zen.example"), "listed": ("blocklist_listed", "zen.example", "203.0.113.10")}
    assert found == {keys[name]: value for name, value in expected.items()}


def test_an_ipv6_address_is_asked_for_by_its_nibbles():
    asked = []

    def ask(name):
        asked.append(name)
        return LISTED if name.startswith("2.0.0.127") else CLEAN

    list(network_checks.blocklists(["zen.example"], ["2001:db8::1"], ask))
    assert asked[-1] == "1." + "0." * 23 + "8.b.d.0.1.0.0.2.zen.example"


@pytest.mark.parametrize(
    ("errno", "expected"), [(socket.EAI_NONAME, ()), (socket.EAI_NODATA, ()), (socket.EAI_AGAIN, None), (socket.EAI_FAIL, None)]
)
def test_no_such_name_is_an_answer_and_no_answer_is_none(monkeypatch, errno, expected):
    def fail(*_):
        raise socket.gaierror(errno, "told")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert network_checks.resolve("x.example") == expected


class SmtpServer:
    """Says what it is told to, line by line, and speaks TLS after STARTTLS."""

    def __init__(self, greeting=b"220 mx ESMTP\r\n", ehlo=b"250-mx\r\n250 STARTTLS\r\n", context=None, times=1):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.said, self.asked_for, self.greeting, self.ehlo = [], [], greeting, ehlo
        self.context, self.times = context, times
        if context:
            context.sni_callback = lambda _socket, name, _context: self.asked_for.append(name)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        with self.listener:
            for _ in range(self.times):
                self.answer()

    def answer(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as lines, contextlib.suppress(ssl.SSLError):
            connection.sendall(self.greeting)
            for line in lines:
                self.said.append(line.decode().split()[0].upper())
                if self.said[-1] == "STARTTLS" and self.context:
                    connection.sendall(b"220 go ahead\r\n")
                    with self.context.wrap_socket(connection, server_side=True):
                        return
                connection.sendall(self.ehlo if self.said[-1] in ("EHLO", "HELO") else b"221 bye\r\n")


def test_the_peer_is_greeted_and_sent_nothing():
    server = SmtpServer()
    assert values(network_checks.peer("127.0.0.1", "mx1.example.com", server.port)) == {("peer_reachable", "127.0.0.1"): 1}
    server.thread.join()
    assert server.said == ["EHLO", "QUIT"]


@pytest.mark.parametrize(
    ("greeting", "ehlo"), [(b"554 no\r\n", b""), (b"220 mx\r\n", b"502 no\r\n")], ids=["no greeting", "no EHLO"]
)
def test_a_peer_that_refuses_is_not_reachable(greeting, ehlo, capsys):
    server = SmtpServer(greeting, ehlo)
    assert list(values(network_checks.peer("127.0.0.1", "mx1.example.com", server.port)).values()) == [0]
    server.thread.join()
    assert "127.0.0.1 port" in capsys.readouterr().out


def test_a_peer_that_is_away_is_not_reachable(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert list(values(network_checks.peer("127.0.0.1", "mx1.example.com", port)).values()) == [0]
    assert "refused" in capsys.readouterr().out


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.mark.parametrize("days", [-2, 40, 365 * 40], ids=["over", "soon", "after 2049, written in another form"])
def test_the_end_of_a_certificate_is_read_also_when_it_is_over(authority, days):
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    issued = authority.issue_cert("mx1.example.com", not_before=end - timedelta(days=30), not_after=end)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    server = SmtpServer(context=context)
    found = values(network_checks.certificate("127.0.0.1", "mx1.example.com", port=server.port))
    server.thread.join()
    assert found == {("certificate_not_after_timestamp_seconds",): end.timestamp()}
    assert server.asked_for == ["mx1.example.com"]
    parsed = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    assert parsed.not_valid_after_utc == end


@pytest.mark.parametrize(
    ("name", "is_known", "is_trusted"),
    [("mx1.example.com", True, 1), ("mx1.example.com", False, 0), ("localhost", True, 0)],
    ids=["right", "of an authority that nobody knows", "of another name"],
)
def test_a_certificate_that_clients_refuse_is_told(authority, tmp_path, monkeypatch, capsys, name, is_known, is_trusted):
    known = authority if is_known else trustme.CA()
    known.cert_pem.write_to_path(str(tmp_path / "authorities.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    server = SmtpServer(context=context, times=2)
    found = values(network_checks.certificate("127.0.0.1", "mx1.example.com", is_public=True, port=server.port))
    server.thread.join()
    assert found["certificate_trusted",] == is_trusted
    assert ("certificate: " in capsys.readouterr().out) == (not is_trusted)


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x82\x01", b"no certificate at all"])
def test_what_is_no_certificate_is_said_to_be_none(data):
    with pytest.raises(ValueError, match="no certificate"):
        network_checks.certificate_end(data)


def test_a_server_without_starttls_is_a_failure():
    server = SmtpServer(ehlo=b"250 mx\r\n")
    with pytest.raises(smtplib.SMTPResponseException):
        list(network_checks.certificate("127.0.0.1", "mx1.example.com", port=server.port))
    server.thread.join()


def test_a_check_that_fails_takes_back_what_it_told_before_and_nothing_else(capsys):
    metric, board, healthy = METRICS[0], Board([]), [True]

    def read():
        yield Reading(metric, 7)
        if not healthy[0]:
            raise RuntimeError("away")

    registry = CollectorRegistry()
    registry.register(board)
    other = Check("other", 1, lambda: [Reading(METRICS[1], 3)])
    assert run_once(Check("queue", 1, read), board)
    assert run_once(other, board)
    assert f"{metric.full_name} 7.0" in generate_latest(registry).decode()
    healthy[0] = False
    assert not run_once(Check("queue", 1, read), board)
    text = generate_latest(registry).decode()
    assert metric.full_name not in text
    assert f"{METRICS[1].full_name} 3.0" in text
    assert 'stalwart_mail_exporter_check_success{check="queue"} 0.0' in text
    assert 'stalwart_mail_exporter_check_success{check="other"} 1.0' in text
    assert "queue: away" in capsys.readouterr().err


EVERYTHING = {
    **{"HOST": "mx1.example.com", "SERVER": "127.0.0.1", "ALLOWED": '["10.0.0.0/8"]', "ADDRESSES": '["203.0.113.10"]'},
    **{"BLOCKLISTS": '["zen.example"]', "PEER": "mx2.example.com", "STALWART_PASSWORD": "hush"},
}


@pytest.mark.parametrize(
    ("left_out", "names"),
    [
        ({}, ["certificate", "queue", "bans", "blocklists", "peer"]),
        ({"STALWART_PASSWORD": ""}, ["certificate", "blocklists", "peer"]),
        ({"ADDRESSES": "[]"}, ["certificate", "queue", "bans", "peer"]),
        ({"BLOCKLISTS": "[]", "PEER": ""}, ["certificate", "queue", "bans"]),
    ],
)
def test_what_is_not_wanted_is_not_looked_at(left_out, names):
    assert [check.name for check in checks_of({**EVERYTHING, **left_out})] == names


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric: Metric):
    assert metric.full_name.startswith("stalwart_mail_")
    assert not metric.full_name.endswith(("_total", "_count", "_sum", "_bucket")), "it is a gauge"
    if "timestamp" in metric.name or "duration" in metric.name:
        assert metric.name.endswith("_seconds")
    assert metric.help.endswith(".")


def test_a_check_that_never_ended_is_told_by_when_the_exporter_began():
    registry, start = CollectorRegistry(), time.time()
    check = Check("queue", 30, list)
    board = Board([check])
    registry.register(board)

    def told():
        return {s.name: s.value for found in registry.collect() for s in found.samples if s.labels == {"check": "queue"}}

    first = told()
    assert first.keys() == {f"stalwart_mail_exporter_check_{name}_seconds" for name in ("timestamp", "interval")}
    assert first["stalwart_mail_exporter_check_interval_seconds"] == 30
    assert start <= first["stalwart_mail_exporter_check_timestamp_seconds"] <= time.time()
    assert run_once(check, board)
    assert told()["stalwart_mail_exporter_check_timestamp_seconds"] >= first["stalwart_mail_exporter_check_timestamp_seconds"]
    assert told()["stalwart_mail_exporter_check_interval_seconds"] == 30


def test_the_library_is_in_order_with_its_licence_and_what_nobody_imports_is_left_out():
    files = library.files()
    assert list(files) == sorted(files)
    assert {"LICENSE", "NOTICE", "__init__.py", "openmetrics/exposition.py"} <= files.keys()
    assert not [name for name in files if "parser" in name or "django" in name or name.endswith(".pyc")]
    assert exporter_pod.libraries().keys() == {name.replace("/", ".") for name in files}


@pytest.fixture
def pod_folder(tmp_path: Path) -> Path:
    """What a pod mounts, as it is mounted."""
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    for name, text in exporter_pod.programs().items():
        (jobs / name).write_text(text)
    for name, text in library.files().items():
        path = tmp_path / library.PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def _start(folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    # Without what is installed here: only the standard library, and what is mounted.
    command = [sys.executable, "-S", "-m", "jobs.exporter"]
    given = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"], **environment}
    return subprocess.Popen(command, cwd="/", env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_program_serves_its_metrics_on_a_plain_python_and_ends_when_told(pod_folder, mail, environment):
    mail.add("QueuedMessage", createdAt=ago(2 * HOUR))
    mail.add("BlockedIp", address="172.16.0.7", expiresAt=None)
    # Nothing listens for mail there: that is a failed check, and holds nothing up.
    given = {**environment, "HOST": "mx1.example.com", "SERVER": "127.0.0.1", "ALLOWED": '["10.0.0.0/8"]'}
    program = _start(pod_folder, {**given, "ADDRESSES": "[]", "BLOCKLISTS": "[]", "PORT": "0"})
    try:
        assert program.stdout
        told = ""
        while not told.startswith("exporter: port"):
            told = program.stdout.readline()
        port = told.split()[2].rstrip(",")
        deadline = time.monotonic() + 20
        wanted = {"certificate", "queue", "bans"}
        families = {}
        while time.monotonic() < deadline:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                families = {found.name: found for found in text_string_to_metric_families(answer.read().decode())}
            success = families.get("stalwart_mail_exporter_check_success")
            if success and {sample.labels["check"] for sample in success.samples} == wanted:
                break
            time.sleep(0.05)
        done = {s.labels["check"]: s.value for s in families["stalwart_mail_exporter_check_success"].samples}
        assert done == {"certificate": 0, "queue": 1, "bans": 1}
        assert families["stalwart_mail_queue_messages"].samples[0].value == 1
        assert families["stalwart_mail_own_bans"].samples[0].value == 1
        assert families.keys() <= {metric.full_name for metric in METRICS}
        program.send_signal(signal.SIGTERM)
        _, errors = program.communicate(timeout=10)
        assert program.returncode == 0, errors
        assert "certificate: " in errors
        assert LOGIN[1] not in errors
    finally:
        program.kill()
        program.communicate()


def test_a_wrong_environment_ends_it_with_one_line(pod_folder):
    program = _start(pod_folder, {"HOST": "mx1.example.com"})
    _, errors = program.communicate(timeout=20)
    assert program.returncode == 1
    assert errors == "exporter: KeyError: 'ADDRESSES'\n"
