"""The stand-in of Cloudflare's API: each form it stores, each refusal, and that it counts."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import dns.zone
import pytest

from tests.engine.cloudflare_api import TOKEN, CloudflareApi

ZONE = "a" * 32
RECORDS = f"zones/{ZONE}/dns_records"
SRV = {"priority": 0, "weight": 1, "port": 993, "target": "mx1.example.com."}
TLSA = {"usage": 3, "selector": 1, "matching_type": 1, "certificate": "ab" * 32}
CAA = {"flags": 0, "tag": "issue", "value": "letsencrypt.org; validationmethods=dns-01"}
A = {"type": "A", "name": "www.example.com", "content": "192.0.2.1", "ttl": 3600}
CNAME = {"type": "CNAME", "name": "www.example.com", "content": "mx1.example.com", "ttl": 3600}


@pytest.fixture
def api() -> Iterator[CloudflareApi]:
    with CloudflareApi({ZONE: "example.com", "b" * 32: "example.org"}) as api:
        yield api


def call(api: CloudflareApi, method: str, path: str, body: object = None, authorization: str = f"Bearer {TOKEN}") -> Any:
    """The status, and the envelope or text."""
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{api.url}/{path}", sent, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            status, text = reply.status, reply.read().decode()
            return status, json.loads(text) if reply.headers["Content-Type"] == "application/json" else text
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def created(api: CloudflareApi, **body: Any) -> dict[str, Any]:
    status, reply = call(api, "POST", RECORDS, {"name": "example.com", "ttl": 3600, **body})
    assert (status, reply["success"], reply["errors"]) == (200, True, [])
    return reply["result"]


def refused(api: CloudflareApi, method: str, path: str, body: object = None, **how: str) -> tuple[int, list[int]]:
    """The status, and the codes of the errors and of those behind them."""
    status, reply = call(api, method, path, body, **how)
    assert (reply["success"], reply["result"]) == (False, None)
    return status, [error["code"] for top in reply["errors"] for error in (top, *top.get("error_chain", []))]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("@", "example.com"),
        ("example.com", "example.com"),
        ("www", "www.example.com"),
        ("WWW.example.com.", "www.example.com"),
        ("_25._tcp.mx1", "_25._tcp.mx1.example.com"),
        ("notexample.com", "notexample.com.example.com"),
    ],
)
def test_a_name_becomes_whole(api: CloudflareApi, sent: str, kept: str):
    assert created(api, type="TXT", name=sent, content='"text"')["name"] == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('"v=spf1 -all"', '"v=spf1 -all"'),
        ("v=spf1 -all", "v=spf1 -all"),
        (f'"{"x" * 300}"', f'"{"x" * 255}" "{"x" * 45}"'),
        ("x" * 300, f'"{"x" * 255}" "{"x" * 45}"'),
        (f'"{"x" * 255}" "{"y" * 165}"', f'"{"x" * 255}" "{"y" * 165}"'),
        (f'"{"x" * 254}\\"\\"{"x" * 44}"', f'"{"x" * 254}\\"" "\\"{"x" * 44}"'),
    ],
)
def test_text_is_split_and_never_quoted_for_you(api: CloudflareApi, sent: str, kept: str):
    assert created(api, type="TXT", content=sent)["content"] == kept


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ({"type": "AAAA", "content": "2001:DB8:0:0:0:0:0:10"}, {"content": "2001:db8::10", "proxiable": True}),
        ({"type": "MX", "content": "mx1.example.com.", "priority": 10}, {"content": "mx1.example.com", "priority": 10}),
        ({"type": "MX", "content": ".", "priority": 0}, {"content": ".", "priority": 0}),
        ({"type": "CNAME", "content": "mx1.example.com."}, {"content": "mx1.example.com", "settings": {}}),
        (
            {
                "type": "CNAME",
                "content": "a.example",
                "settings": {"flatten_cname": False, "ipv4_only": False, "ipv6_only": True},
            },
            {"settings": {"ipv6_only": True}},
        ),
        (
            {"type": "SRV", "data": SRV},
            {"content": "1 993 mx1.example.com", "priority": 0, "data": {**SRV, "target": "mx1.example.com"}},
        ),
        (
            {"type": "SRV", "data": {"priority": 0, "weight": 0, "port": 0, "target": "."}},
            {"content": "0 0 .", "data": {"priority": 0, "weight": 0, "port": 0, "target": "."}},
        ),
        (
            {"type": "TLSA", "data": TLSA},
            {"content": f"3 1 1 {'AB' * 32}", "data": {**TLSA, "certificate": "AB" * 32}},
        ),
        (
            {"type": "CAA", "data": CAA},
            {"content": '0 issue "letsencrypt.org; validationmethods=dns-01"', "data": CAA},
        ),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else None,
)
def test_values_take_one_form(api: CloudflareApi, record: dict[str, Any], kept: dict[str, Any]):
    result = created(api, **record)
    assert {key: result[key] for key in kept} == kept


def test_a_record_says_when_it_and_its_comment_changed(api: CloudflareApi):
    plain = created(api, **A)
    assert "data" not in plain
    assert "comment_modified_on" not in plain
    assert plain["created_on"] == plain["modified_on"]
    told = call(api, "PUT", f"{RECORDS}/{plain['id']}", {**A, "comment": "web"})[1]["result"]
    again = call(api, "PUT", f"{RECORDS}/{plain['id']}", {**A, "comment": "web", "ttl": 60})[1]["result"]
    assert told["created_on"] == again["created_on"] == plain["created_on"]
    assert told["comment_modified_on"] == again["comment_modified_on"] == told["modified_on"] < again["modified_on"]


@pytest.mark.parametrize("mx_data", [False, True])
def test_mx_records_have_data_when_asked(mx_data: bool):
    with CloudflareApi({ZONE: "example.com"}, mx_data=mx_data) as api:
        record = created(api, type="MX", content="mx1.example.com", priority=10)
        assert record.get("data") == ({"priority": 10, "target": "mx1.example.com"} if mx_data else None)


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (A, A, 81058),
        (A, {**A, "ttl": 60}, 81057),
        ({"type": "TXT", "name": "@", "content": '"x"'}, {"type": "TXT", "name": "example.com", "content": '"x"'}, 81058),
        (A, CNAME, 81053),
        (CNAME, CNAME, 81053),
        ({**A, "type": "AAAA", "content": "2001:db8::1"}, CNAME, 81053),
        (CNAME, A, 81054),
        (CNAME, {**A, "type": "AAAA", "content": "2001:db8::1"}, 81054),
    ],
)
def test_what_cannot_stand_beside_another_is_refused(api: CloudflareApi, first: object, second: object, code: int):
    assert call(api, "POST", RECORDS, first)[0] == 200
    assert refused(api, "POST", RECORDS, second) == (400, [code])
    assert len(api.records(ZONE)) == 1


def test_several_records_of_a_name_may_differ(api: CloudflareApi):
    for record in ({"content": "mx1.example.com", "priority": 10}, {"content": "mx2.example.com", "priority": 20}):
        created(api, type="MX", **record)
    other = created(api, **A, comment=None)
    changed = {**A, "content": "192.0.2.2"}
    assert call(api, "PUT", f"{RECORDS}/{other['id']}", changed)[0] == 200
    created(api, **A)
    assert refused(api, "PUT", f"{RECORDS}/{other['id']}", A) == (400, [81058])


@pytest.mark.parametrize(
    ("record", "codes"),
    [
        ({"type": "MX", "content": "mx1.example.com"}, [9100]),
        ({"type": "MX", "content": "192.0.2.1", "priority": 10}, [9009]),
        ({"type": "MX", "data": {"content": "mx1.example.com", "priority": 10}}, [9100, 9009]),
        ({"type": "TXT"}, [9100]),
        ({"type": "A", "content": "2001:db8::1"}, [9005]),
        ({"type": "AAAA", "content": "192.0.2.1"}, [9006]),
        ({"type": "SRV", "content": "1 993 mx1.example.com", "priority": 0}, [1004, 9101, 9101, 9101, 9101]),
        ({"type": "SRV", "data": {**SRV, "target": None}}, [1004, 9101]),
        ({"type": "TLSA", "content": "3 1 1 AB"}, [1004, 9101, 9101, 9101, 9101]),
        ({"type": "CAA", "data": {"flags": 0, "tag": "issue"}}, [1004, 9101]),
    ],
)
def test_what_is_no_record_is_refused(api: CloudflareApi, record: dict[str, Any], codes: list[int]):
    assert refused(api, "POST", RECORDS, {"name": "example.com", "ttl": 3600, **record}) == (400, codes)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_record_that_is_gone_is_not_found(api: CloudflareApi, method: str):
    record = created(api, **A)
    assert call(api, "DELETE", f"{RECORDS}/{record['id']}")[1]["result"] == {"id": record["id"]}
    assert refused(api, method, f"{RECORDS}/{record['id']}", A) == (404, [81044])


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [("", (400, [6003, 6111])), ("Bearer short", (400, [6003, 6111])), (f"Bearer {'x' * 40}", (403, [10000]))],
)
def test_another_token_is_refused(api: CloudflareApi, authorization: str, expected: tuple[int, list[int]]):
    assert refused(api, "GET", RECORDS, authorization=authorization) == expected


def test_a_route_that_is_not_there_is_refused(api: CloudflareApi):
    assert refused(api, "POST", "zones/example.com/dns_records", A) == (404, [7003])
    assert refused(api, "GET", f"zones/{ZONE}/settings") == (404, [7003])


def test_zones_are_found_by_name(api: CloudflareApi):
    found = call(api, "GET", "zones?match=all&name=example.org")[1]
    assert [zone["id"] for zone in found["result"]] == ["b" * 32]
    assert found["result_info"]["total_count"] == 1
    assert call(api, "GET", f"zones/{ZONE}")[1]["result"]["name"] == "example.com"
    assert len(call(api, "GET", "zones")[1]["result"]) == 2


def test_records_are_listed_by_page_name_and_type(api: CloudflareApi):
    for host in "abc":
        created(api, type="A", name=host, content="192.0.2.1")
    created(api, type="TXT", name="a", content='"x"')
    page = call(api, "GET", f"{RECORDS}?page=2&per_page=3")[1]
    assert [record["type"] for record in page["result"]] == ["TXT"]
    assert (page["result_info"]["total_count"], page["result_info"]["total_pages"]) == (4, 2)
    named = call(api, "GET", f"{RECORDS}?name=a.example.com&type=A")[1]["result"]
    assert [record["name"] for record in named] == ["a.example.com"]


@pytest.mark.parametrize("published", [False, True])
def test_dnssec_is_pending_until_the_parent_has_the_ds_record(published: bool):
    path = f"zones/{ZONE}/dnssec"
    with CloudflareApi({ZONE: "example.com"}, ds_at_registrar=published) as api:
        assert call(api, "GET", path)[1]["result"] == {"status": "disabled"}
        on = call(api, "PATCH", path, {"status": "active"})[1]["result"]
        assert on["status"] == ("active" if published else "pending")
        assert on["ds"].startswith("example.com. 3600 IN DS 42 13 2 ")
        assert call(api, "GET", path)[1]["result"] == api.dnssec(ZONE) == on
        assert call(api, "DELETE", path)[0] == 200
        assert call(api, "PATCH", path, {"status": "disabled"})[1]["result"] == {"status": "disabled"}


def test_the_export_is_a_zone_that_others_can_read(api: CloudflareApi):
    created(api, type="MX", content="mx1.example.com", priority=10)
    created(api, type="MX", name="parked", content=".", priority=0)
    created(api, type="TXT", content="v=spf1 -all")
    created(api, **{**CNAME, "content": "a.example"})
    created(api, type="SRV", name="_imaps._tcp", data=SRV)
    created(api, type="SRV", name="_imap._tcp", data={"priority": 0, "weight": 0, "port": 0, "target": "."})
    created(api, type="TLSA", name="_25._tcp.mx1", data=TLSA)
    created(api, type="CAA", data=CAA)
    text = call(api, "GET", f"{RECORDS}/export")[1]
    assert text == api.export(ZONE)
    zone = dns.zone.from_text(text, "example.com", relativize=False, check_origin=False)
    assert sum(len(rdataset) for _name, rdataset in zone.iterate_rdatasets()) == 8
    assert zone.get_rdataset("_imap._tcp.example.com.", "SRV")[0].to_text() == "0 0 0 ."


def test_requests_are_kept(api: CloudflareApi):
    record = created(api, **A)
    call(api, "GET", RECORDS)
    call(api, "PUT", f"{RECORDS}/{record['id']}", {**A, "content": "x"})
    assert [(request.method, request.status) for request in api.requests] == [("POST", 200), ("GET", 200), ("PUT", 400)]
    assert [request.method for request in api.writes()] == ["POST", "PUT"]
    assert api.requests[0].body["content"] == "192.0.2.1"
    api.forget_requests()
    assert api.writes() == []
