"""Whose mail a backup takes: asked of the expressions in its plan, by a small model of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import checks
from components.stalwart.jobs.recipients import Domain, keys_of_list

from .plans import keys_in, objects, plan_of, session, singleton
from .servers import BACKUP, FULL_BACKUP, PRIMARY, SYNCED_BACKUP, server

local_part = st.from_regex(r"[a-z][a-z0-9._-]{0,8}[a-z0-9]", fullmatch=True)
name = st.builds("{}.example".format, st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True))


def _accepts(plan, rcpt, recipients=(), **variables):
    return session(plan, recipients, rcpt=rcpt, **variables).decide(singleton(plan, "MtaStageRcpt")["allowRelaying"])


def _script(plan, rcpt, recipients=()):
    return session(plan, recipients, rcpt=rcpt).decide(singleton(plan, "MtaStageRcpt")["script"])


@st.composite
def relays(draw):
    """Domains with their aliases and flags, listed recipients, and some address of anybody's."""
    names = draw(st.lists(name, min_size=2, max_size=6, unique=True))
    aliases = draw(st.integers(0, len(names) - 1))
    domains = [
        {"name": found, "aliases": [], "sub_addressing": draw(st.booleans()), "catch_all": draw(st.booleans())}
        for found in names[aliases:]
    ]
    for alias in names[:aliases]:
        draw(st.sampled_from(domains))["aliases"].append(alias)
    locals_ = draw(st.lists(local_part, min_size=1, max_size=5, unique=True))
    listed = draw(st.lists(st.tuples(st.sampled_from(locals_), st.sampled_from(domains)), max_size=6))
    anybody = (
        draw(st.one_of(st.sampled_from(locals_), local_part)),
        draw(st.sampled_from(["", "+tag", "+a+b"])),
        draw(st.one_of(st.sampled_from(names), name)),
    )
    return domains, listed, anybody


@given(relays())
def test_every_recipient_is_taken_and_no_other(relay):
    domains, listed, (local, tag, domain_name) = relay
    plan = plan_of({**BACKUP, "domains": [{k: v for k, v in d.items() if k != "catch_all"} for d in domains]}, **_SYNC)
    keys = keys_of_list(
        [Domain((d["name"], *d["aliases"]), d["sub_addressing"], d["catch_all"]) for d in domains],
        [f"{local}@{d['name']}" for local, d in listed],
    )
    home = next((d for d in domains if domain_name in (d["name"], *d["aliases"])), None)
    known = home is not None and (
        home["catch_all"] or (any(found == local and d is home for found, d in listed) and (not tag or home["sub_addressing"]))
    )
    assert bool(_accepts(plan, f"{local}{tag}@{domain_name}", keys)) is known
    for found, d in listed:
        for alias in (d["name"], *d["aliases"]):
            assert _accepts(plan, f"{found}@{alias}", keys)


@given(relays())
def test_without_keys_nobody_is_taken(relay):
    domains, _listed, (local, tag, domain_name) = relay
    plan = plan_of({**BACKUP, "domains": [{k: v for k, v in d.items() if k != "catch_all"} for d in domains]}, **_SYNC)
    assert not _accepts(plan, f"{local}{tag}@{domain_name}", set())
    for d in domains:
        assert not _accepts(plan, f"{local}@{d['name']}", {"known"})


@given(relays())
def test_a_backup_for_any_recipient_takes_its_domains_and_nothing_else(relay):
    domains, _listed, (local, tag, domain_name) = relay
    plan = plan_of({**BACKUP, "domains": [{k: v for k, v in d.items() if k != "catch_all"} for d in domains]})
    relayed = {found for d in domains for found in (d["name"], *d["aliases"])}
    assert bool(_accepts(plan, f"{local}{tag}@{domain_name}")) is (domain_name in relayed)
    assert not _accepts(plan, f"{local}{tag}@{domain_name}", local_port=8080)
    assert keys_in(plan, "relay-domains") == relayed


_SYNC = {key: SYNCED_BACKUP[key] for key in ("recipients", "recipient_reader")}


def test_a_primary_relays_for_those_who_signed_in_and_for_nobody_else():
    plan = plan_of(PRIMARY)
    assert not _accepts(plan, "x@foreign.example")
    assert not _accepts(plan, "x@foreign.example", remote_ip="198.51.100.20")
    assert _accepts(plan, "x@foreign.example", authenticated_as="alice@example.com")


def test_the_backup_holds_no_key_and_no_account_of_the_primary():
    plan = plan_of(FULL_BACKUP)
    assert [value["name"] for value in objects(plan, "Domain")] == ["mx2.example.com"]
    assert not objects(plan, "DkimSignature")
    assert not objects(plan, "Account")


def test_with_unknown_recipients_no_bounce_is_sent():
    plan = plan_of(BACKUP)
    assert _script(plan, "anybody@example.com") == "silent"
    (script,) = objects(plan, "SieveSystemScript")
    assert 'set "envelope.notify" "NEVER";' in script["contents"]


@pytest.mark.parametrize("args", [FULL_BACKUP, SYNCED_BACKUP], ids=["list", "primary"])
def test_until_the_recipients_are_known_mail_is_put_off_and_not_refused(args):
    plan = plan_of(args)
    assert _script(plan, "alice@example.com") == "unknown"
    assert _script(plan, "alice@example.com", {"known"}) is False
    assert _script(plan, "x@foreign.example") is False
    (script,) = objects(plan, "SieveSystemScript")
    assert 'reject "451 ' in script["contents"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recipients": {"source": "list", "addresses": ["bob@elsewhere.example"]}}, "bob@elsewhere.example is in none"),
        ({"recipients": {"source": "list"}}, "nobody's mail"),
        ({"recipients": {"addresses": ["alice@example.com"]}}, "not used"),
        ({"recipients": {"source": "primary"}}, "recipient_reader"),
        ({"hostname": "mx1.example.com"}, "is this server itself"),
        ({"accounts": [{"address": "a@example.com"}]}, "has no mailboxes"),
        ({"tls": {"acme": {"contact": "a@example.com"}}}, "port 25 only"),
    ],
)
def test_a_backup_that_could_not_work_is_refused(changes, reason):
    with pytest.raises(checks.ArgumentsError, match=reason):
        server(BACKUP, **changes)
