"""The evaluator of network policies, by the words of https://kubernetes.io/docs/concepts/services-networking/network-policies."""

from dataclasses import replace
from typing import Any

import pytest

from tests.contract.network_policies import Cluster, End, Outside, Pod, selects

YES, NO = True, False
MAIL_TEAM = {"namespaceSelector": {"matchLabels": {"team": "mail"}}}
APP_A = {"podSelector": {"matchLabels": {"app": "a"}}}
HERE, THERE, OUTSIDE = Pod("here", {"app": "a"}), Pod("there", {"app": "b"}), Outside("192.0.2.1")


def _policy(**spec) -> Cluster:
    policy = {"metadata": {"namespace": "here"}, "spec": {"podSelector": {}, **spec}}
    return Cluster([policy], {"there": {"team": "mail"}})


def _let_in(cluster: Cluster, source: End, target: Pod = HERE, port: int = 80, protocol: str = "TCP") -> bool:
    return cluster.allows(source, target, port, protocol, blocks_match_pods=False)


def _from(*peers: dict[str, Any]) -> Cluster:
    return _policy(policyTypes=["Ingress"], ingress=[{"from": list(peers)}])


def _ports(*ports: dict[str, Any]) -> Cluster:
    return _policy(policyTypes=["Ingress"], ingress=[{"ports": list(ports)}])


def test_a_pod_without_a_policy_may_do_all():
    assert _let_in(Cluster([]), OUTSIDE)
    assert _let_in(_policy(policyTypes=["Ingress"]), OUTSIDE, target=THERE)  # of another namespace
    assert _let_in(_policy(policyTypes=["Ingress"], podSelector={"matchLabels": {"app": "other"}}), OUTSIDE)


def test_a_policy_without_a_rule_refuses_all_in_its_directions_only():
    for types, comes_in, goes_out in ((["Ingress"], NO, YES), (["Egress"], YES, NO), (["Ingress", "Egress"], NO, NO)):
        cluster = _policy(policyTypes=types)
        assert _let_in(cluster, THERE) == comes_in
        assert _let_in(cluster, HERE, target=THERE) == goes_out


def test_directions_that_are_not_given_are_those_of_the_rules_and_always_ingress():
    assert not _let_in(_policy(), THERE)
    assert _let_in(_policy(), HERE, target=THERE)
    assert not _let_in(_policy(egress=[{"to": [{"podSelector": {}}]}]), HERE, target=THERE)


def test_an_empty_rule_and_empty_peers_allow_all():
    for rule in ({}, {"from": []}, {"ports": []}):
        cluster = _policy(policyTypes=["Ingress"], ingress=[rule])
        assert _let_in(cluster, OUTSIDE)
        assert _let_in(cluster, THERE, port=1, protocol="UDP")


def test_policies_add_up():
    tight, loose = _policy(policyTypes=["Ingress"]), _ports({"port": 80})
    assert _let_in(Cluster([*tight.policies, *loose.policies]), OUTSIDE)


def test_both_ends_must_agree():
    refused = _policy(policyTypes=["Egress"], egress=[{"ports": [{"port": 443}]}])
    assert not _let_in(refused, HERE, target=THERE)
    assert _let_in(refused, HERE, target=THERE, port=443)
    there = {"metadata": {"namespace": "there"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
    assert not _let_in(Cluster([*refused.policies, there]), HERE, target=THERE, port=443)


@pytest.mark.parametrize(
    ("peers", "here", "there", "outside"),
    [
        ([{"podSelector": {}}], YES, NO, NO),
        ([{"namespaceSelector": {}}], YES, YES, NO),
        ([MAIL_TEAM], NO, YES, NO),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "there"}}}], NO, YES, NO),
        # One entry with both: the pods among the namespaces. Two entries: either.
        ([{"namespaceSelector": {"matchLabels": {"team": "mail"}}, "podSelector": {"matchLabels": {"app": "a"}}}], NO, NO, NO),
        (
            [{"namespaceSelector": {"matchLabels": {"team": "mail"}}}, {"podSelector": {"matchLabels": {"app": "a"}}}],
            YES,
            YES,
            NO,
        ),
        ([{"ipBlock": {"cidr": "192.0.2.0/24"}}], NO, NO, YES),
        ([{"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.0/30"]}}], NO, NO, NO),
        ([{"ipBlock": {"cidr": "::/0"}}], NO, NO, NO),
    ],
)
def test_peers(peers, here, there, outside):
    assert [_let_in(_from(*peers), source) for source in (HERE, THERE, OUTSIDE)] == [here, there, outside]


def test_a_block_matches_a_pod_only_under_the_reading_that_says_so():
    cluster = _from({"ipBlock": {"cidr": "10.0.0.0/8"}})
    assert [cluster.allows(THERE, HERE, 80, blocks_match_pods=reading) for reading in (True, False)] == [YES, NO]


@pytest.mark.parametrize(
    ("port", "asked", "expected"),
    [
        ({"port": 80}, (80, "TCP"), YES),
        ({"port": 80}, (80, "UDP"), NO),
        ({"port": 80}, (81, "TCP"), NO),
        ({"port": 80, "protocol": "UDP"}, (80, "UDP"), YES),
        ({"protocol": "UDP"}, (53, "UDP"), YES),
        ({"protocol": "UDP"}, (53, "TCP"), NO),
        ({"port": 80, "endPort": 90}, (90, "TCP"), YES),
        ({"port": 80, "endPort": 90}, (91, "TCP"), NO),
        ({"port": "web"}, (8000, "TCP"), YES),
        ({"port": "web"}, (80, "TCP"), NO),
        ({"port": "web", "protocol": "UDP"}, (8000, "UDP"), NO),
    ],
)
def test_ports(port, asked, expected):
    assert _let_in(_ports(port), OUTSIDE, replace(HERE, ports={("web", "TCP"): 8000}), *asked) == expected


def test_a_named_port_of_what_is_no_pod_matches_nothing():
    assert not _let_in(_policy(policyTypes=["Egress"], egress=[{"ports": [{"port": "web"}]}]), HERE, target=OUTSIDE)


@pytest.mark.parametrize(
    ("operator", "values", "with_it", "without_it"),
    [("In", ["a", "b"], YES, NO), ("NotIn", ["a", "b"], NO, YES), ("Exists", [], YES, NO), ("DoesNotExist", [], NO, YES)],
)
def test_expressions(operator, values, with_it, without_it):
    selector = {"matchExpressions": [{"key": "app", "operator": operator, "values": values}]}
    assert (selects(selector, {"app": "a"}), selects(selector, {})) == (with_it, without_it)


def test_a_selector_wants_all_that_it_names():
    selector = {"matchLabels": {"x": "1"}, "matchExpressions": [{"key": "y", "operator": "Exists"}]}
    assert [selects(selector, labels) for labels in ({"x": "1"}, {"y": "2"}, {"x": "1", "y": "2"})] == [NO, NO, YES]
