"""Reads plans as the server does, for the tests that ask what is in them."""

import json

from components.stalwart.operations import to_ndjson
from components.stalwart.plans.dialect import server_plan

from .expressions import Model
from .servers import server


def plan_of(args, **changes):
    """The operations of a server's plan."""
    return [json.loads(line) for line in to_ndjson(server_plan(server(args, **changes))).splitlines()]


def objects(plan, name):
    """The objects of a type that the plan creates or updates, in order."""
    return [value for op in plan if op["object"] == name and op["@type"] != "destroy" for value in op["value"].values()]


def accounts(plan):
    """The accounts as the plan leaves them: those it is told twice, by their last word."""
    last = [op for op in plan if op["object"] == "Account"][-1]
    return list(last["value"].values())


def singleton(plan, name):
    """The fields of a singleton."""
    (op,) = [op for op in plan if op["object"] == name]
    assert op["@type"] == "update"
    return op["value"]


def keys_in(plan, namespace):
    """The lookup keys of a namespace."""
    return {value["key"] for value in objects(plan, "MemoryLookupKey") if value["namespace"] == namespace}


def session(plan, recipients=(), **variables):
    """A session at the server of this plan, for asking its expressions."""
    rcpt = variables.get("rcpt", "alice@example.com")
    known = {
        "rcpt": rcpt,
        "rcpt_domain": rcpt.rpartition("@")[2],
        "local_port": 25,
        "authenticated_as": "",
        "remote_ip": "192.0.2.50",
        "source": "inbound",
        "retry_num": 0,
        "last_error": "",
        **variables,
    }
    domains = {name for domain in objects(plan, "Domain") for name in (domain["name"], *domain["aliases"])}
    keys = {"relay-domains": keys_in(plan, "relay-domains"), "relay-rcpts": set(recipients)}
    return Model(known, keys, domains)
