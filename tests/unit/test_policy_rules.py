"""The policies one by one: what breaks each, and what comes close and does not."""

import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.checks import exact_image
from policy.rules import RULES, UNKNOWN, Resource, check, config_schema

BY_NAME = {rule.name: rule for rule in RULES}
MX1 = "mx1.example.com"
CLUSTER_NETWORK = {"address": "10.0.0.0/8"}
STATE = "kubernetes:core/v1:PersistentVolumeClaim"
SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
SHARED = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def resource(type_: str, inputs: Mapping[str, Any], name: str = "it", protect: bool = False) -> Resource:
    return Resource(type_, name, f"urn:pulumi:test::post::{type_}::{name}", inputs, protect)


def cloudflare(type_: str, name: str, content: Any, **others: Any) -> Resource:
    inputs = {"type": type_, "name": name, "content": content, "zoneId": "z", "proxied": False, **others}
    return resource("cloudflare:index/dnsRecord:DnsRecord", inputs, f"{type_} {name}")


def endpoints(*sets: Mapping[str, Any], **annotations: str) -> Resource:
    inputs = {"kind": "DNSEndpoint", "metadata": {"annotations": annotations}, "spec": {"endpoints": list(sets)}}
    return resource("kubernetes:externaldns.k8s.io/v1alpha1:DNSEndpoint", inputs, "records")


def record_set(type_: str, name: str, *targets: str, **others: Any) -> dict[str, Any]:
    return {"dnsName": name, "recordType": type_, "targets": list(targets), **others}


def kubernetes(kind: str, spec: Any, name: str = "it", namespace: Any = "mail", protect: bool = False, **others: Any) -> Resource:
    metadata = {"name": name, "namespace": namespace, **others.pop("metadata", {})}
    return resource(f"kubernetes:x/v1:{kind}", {"kind": kind, "metadata": metadata, "spec": spec, **others}, name, protect)


def plan(*operations: Mapping[str, Any], namespace: Any = "mail", data: Any = None) -> Resource:
    text = "".join(json.dumps(operation) + "\n" for operation in operations)
    inputs = {"kind": "ConfigMap", "metadata": {"namespace": namespace}, "data": data or {"plan.ndjson": text}}
    return resource("kubernetes:core/v1:ConfigMap", inputs, "plan")


def allowed(*networks: str, namespace: Any = "mail", operation: str = "reconcile") -> Resource:
    value = {f"ip{number}": {"address": network} for number, network in enumerate(networks)}
    return plan({"@type": operation, "object": "AllowedIp", "value": value}, namespace=namespace)


def relaying(otherwise: Any, *rules: tuple[str, str]) -> Resource:
    match = {str(number): {"if": condition, "then": result} for number, (condition, result) in enumerate(rules)}
    value = {"allowRelaying": {"match": match, "else": otherwise}}
    return plan({"@type": "update", "object": "MtaStageRcpt", "value": value})


def pod(kind: str = "Deployment", labels: Mapping[str, str] | None = None, **container: Any) -> Resource:
    spec = {"containers": [{"name": "server", "securityContext": SAFE, **container}], "securityContext": SHARED}
    template = {"metadata": {"labels": labels or {"app": "mail"}}, "spec": spec}
    return kubernetes(kind, {"jobTemplate": {"spec": {"template": template}}} if kind == "CronJob" else {"template": template})


def server(**others: Any) -> Resource:
    ports = [{"name": "smtp", "containerPort": 25}, {"name": "http", "containerPort": 8080}]
    return pod("StatefulSet", ports=ports, **others)


def web(**others: Any) -> Resource:
    return pod(labels={"app": "web"}, ports=[{"name": "http", "containerPort": 8080}], **others)


def service(*ports: Mapping[str, Any], type_: Any = "LoadBalancer", app: str = "mail", **others: Any) -> Resource:
    return kubernetes("Service", {"type": type_, "selector": {"app": app}, "ports": list(ports)}, **others)


def image(name: Any) -> Resource:
    return pod(image=name)


def variable(name: str, value: Any) -> Resource:
    return pod(env=[{"name": name, "value": value}])


SMTP = {"name": "smtp", "port": 25, "targetPort": "smtp"}
HTTP = {"name": "http", "port": 80, "targetPort": "http"}
INTERNAL = service({"name": "management", "port": 8080, "targetPort": "http"}, type_="ClusterIP", name="internal")
PROXY = "external-dns.alpha.kubernetes.io/cloudflare-proxied"
HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"
FENCED = [{"name": "STALWART_RECOVERY_MODE", "value": "1"}]
FENCED_POD = {"containers": [{"name": "server", "env": FENCED}]}


def ingress(port: Mapping[str, Any], name: str = "internal") -> Resource:
    backend = {"service": {"name": name, "port": port}}
    return kubernetes("Ingress", {"rules": [{"http": {"paths": [{"backend": backend}]}}]}, name="way")


def route(kind: str, **backend: Any) -> Resource:
    return kubernetes(kind, {"rules": [{"backendRefs": [backend]}]}, name="way")


def key(name: str, protect: bool = False) -> Resource:
    return resource("tls:index/privateKey:PrivateKey", {"algorithm": "RSA"}, name, protect)


def signs(selector: str) -> Resource:
    domain = {"@type": "upsert", "object": "Domain", "value": {"d0": {"name": "example.com"}}}
    value = {"k": {"domainId": "#d0", "selector": selector}}
    return plan(domain, {"@type": "reconcile", "object": "DkimSignature", "value": value})


def volumes(**others: Any) -> Resource:
    return kubernetes("StatefulSet", {"volumeClaimTemplates": [{}]}, **others)


def zone(*lines: str) -> Resource:
    return resource(
        "stalwart-mail:index:MailDns", {"zone_files": {"example.com": "\n".join(["$TTL 60", *lines, "; a note"])}}, "dns"
    )


WILDCARD = cloudflare("A", "*.example.com", "203.0.113.10", proxied=True)
MX = cloudflare("MX", "example.com", f"{MX1}.", priority=10)
MX_SET = record_set("MX", "example.com", f"10 {MX1}")
PROXIED = [{"name": PROXY, "value": "true"}]
REPOSITORY = {"name": "velero-repo-credentials", "namespace": "velero"}
DIGEST = "0" * 64
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END PRIVATE KEY-----"

BREAKS: dict[str, list[list[Resource]]] = {
    "mx-not-proxied": [
        [MX, cloudflare("A", MX1, "203.0.113.10", proxied=True)],
        [MX, cloudflare("AAAA", "MX1.example.com.", UNKNOWN, proxied=True)],
        [MX, cloudflare("A", "mx1", "203.0.113.10", proxied=True)],
        [cloudflare("MX", "example.com", "elsewhere.example", proxied=True)],
        [resource("cloudflare:index/record:Record", {"type": "MX", "name": "a.b", "value": "c.d", "proxied": True})],
        [endpoints(MX_SET, record_set("A", MX1, "203.0.113.10", providerSpecific=PROXIED))],
        [
            endpoints(
                MX_SET, record_set("A", MX1, "203.0.113.10", providerSpecific=[{"name": "cloudflare/proxied", "value": "true"}])
            )
        ],
        [endpoints(MX_SET, record_set("A", MX1, "203.0.113.10"), **{PROXY: "true"})],
        [MX, service(HTTP, type_="ClusterIP", metadata={"annotations": {HOSTNAME: f"a.example, {MX1}", PROXY: "true"}})],
        [service(SMTP, metadata={"annotations": {PROXY: "true"}}), allowed("10.0.0.0/8")],
        [MX, WILDCARD],
        [MX, cloudflare("CNAME", "*", "host.example.net", proxied=True)],
        [MX, WILDCARD, cloudflare("A", "www.example.com", "203.0.113.10"), cloudflare("A", "mx1", "203.0.113.10", zoneId="y")],
        [cloudflare("MX", "example.com", "mx.eu.example.com"), WILDCARD],
        [
            cloudflare("MX", "example.com", "mx.eu.example.com"),
            cloudflare("A", "*.eu.example.com", UNKNOWN, proxied=True),
            WILDCARD,
        ],
        [endpoints(MX_SET, record_set("A", "*.example.com", "203.0.113.10", providerSpecific=PROXIED))],
        [endpoints(MX_SET, {**record_set("A", MX1, providerSpecific=PROXIED), "targets": UNKNOWN})],
    ],
    "mx-names-a-host": [
        [cloudflare("MX", "example.com", "203.0.113.10")],
        [zone(f"example.com. 60 IN MX 10 {MX1}.", f"{MX1}. 60 IN CNAME host.example.net.")],
        [endpoints(record_set("MX", "example.com", "10 2001:db8::1"))],
        [MX, cloudflare("CNAME", MX1, "host.example.net")],
        [endpoints(MX_SET, record_set("CNAME", MX1, "host.example.net"))],
    ],
    "spf-not-open": [
        [cloudflare("TXT", "example.com", '"v=spf1 +all"')],
        [cloudflare("TXT", "example.com", "v=spf1 mx ALL")],
        [endpoints(record_set("TXT", "example.com", "v=spf1 ip4:0.0.0.0/0 -all"))],
        [cloudflare("TXT", "example.com", '"v=spf1 mx " "+ip6:::/0 ~all"')],
    ],
    "dmarc-not-weaker": [
        [cloudflare("TXT", "_dmarc.example.com", '"v=DMARC1; p=none"')],
        [zone('_dmarc.example.com. 60 IN TXT "v=DMARC1; " "p=none"')],
        [cloudflare("TXT", "_dmarc", "v=DMARC1;p=NONE")],
        [cloudflare("TXT", "_dmarc.example.com", "v=DMARC1; p=reject; sp=none")],
        [cloudflare("TXT", "_dmarc.example.com", "v=DMARC1; p=reject; np=none")],
        [cloudflare("TXT", "_dmarc.example.com", "v=DMARC1; rua=mailto:a@example.com")],
        [cloudflare("TXT", "_dmarc.example.com", "v=DMARC1; p=rejcet")],
        [cloudflare("TXT", "_dmarc.example.com", "v=DMARC1; p=reject; t=y")],
        [endpoints(record_set("TXT", "_dmarc.example.com", "v=DMARC1; p=reject; pct=10"))],
    ],
    "port-25-has-allow-list": [
        [service(SMTP)],
        [service(SMTP, type_="NodePort")],
        [service({"port": 2525, "targetPort": 25})],
        [service({"port": 2525, "targetPort": "smtp"}), server()],
        [service({"port": 25}), allowed("10.0.0.0/8", namespace="elsewhere")],
        [service(SMTP), plan({"@type": "update", "object": "Security", "value": {}})],
        [service(SMTP), allowed("198.51.100.20", "203.0.113.0/24")],
        [service(SMTP), allowed("10.1.2.3")],
        [service(SMTP), allowed("10.0.0.0/8", operation="destroy")],
        [pod(ports=[{"containerPort": 25, "hostPort": 25}])],
        [pod("DaemonSet", ports=[{"containerPort": 2525, "hostPort": 25}])],
        [kubernetes("Pod", {"hostNetwork": True, "containers": [{"ports": [{"containerPort": 25}]}]})],
        [kubernetes("Service", {"externalIPs": ["203.0.113.10"], "ports": [SMTP]})],
        [route("TCPRoute", name="mail", port=25)],
        [server(), service(SMTP), plan(data={"notes.txt": "AllowedIp 10.0.0.0/8"})],
        [service(SMTP), plan(data={"ca.crt": UNKNOWN})],
        [service(SMTP), allowed("192.0.2.0/24"), plan(data={"ca.crt": UNKNOWN, "page.html": "hello"})],
        [service(SMTP), plan(data={"plan.ndjson": UNKNOWN}, namespace="elsewhere")],
        [service(SMTP), plan(data=UNKNOWN, namespace="elsewhere")],
    ],
    "management-not-public": [
        [service({"port": 8080}), allowed("10.0.0.0/8")],
        [service(HTTP), server()],
        [service({"port": 80, "targetPort": 8080}, type_="NodePort")],
        [pod(ports=[{"containerPort": 25}, {"containerPort": 8080, "hostPort": 8080}])],
        [ingress({"number": 8080}), INTERNAL, server()],
        [ingress({"name": "management"}), INTERNAL, server()],
        [ingress({"number": 8080}, name="of-a-chart")],
        [route("HTTPRoute", name="internal", port=8080), INTERNAL, server()],
    ],
    "relay-not-open": [
        [relaying("true")],
        [relaying(True)],
        [relaying("false", ("local_port == 25", "true"))],
        [relaying("false", ("is_local_domain(sender_domain)", "true"))],
        [relaying("!is_empty(authenticated_as)", ("helo_domain == 'mx2.example.com'", "true"))],
        [relaying("is_tls")],
    ],
    "image-not-floating": [
        *([image(name)] for name in ("stalwart", "r.example:5000/stalwart", "s/stalwart:latest", "s/stalwart:edge")),
        *([image(name)] for name in ("s/x:nightly-1.2.3", "s/x:latest-20260101", "s/x:1.2.3-dev", "postgres:18.4-SNAPSHOT")),
        *([image(name)] for name in ("s/stalwart:v0.16", "python:3", "python:3-slim", "nginx:1.27-alpine3.20", "debian:trixie")),
        [pod("CronJob", image="a/b:latest")],
        [kubernetes("Rollout", {"template": {"spec": {"containers": [], "initContainers": [{"image": "a/b"}]}}})],
        [kubernetes("Cluster", {"imageName": "ghcr.io/cloudnative-pg/postgresql:18"})],
    ],
    "secret-not-in-plain": [
        [variable("ADMIN_PASSWORD", "hunter2")],
        [variable("clientSecret", "hunter2")],
        [variable("AWS_SECRET_ACCESS_KEY", "hunter2")],
        [variable("STORE", "postgres://stalwart:hunter2@db:5432/stalwart")],
        [kubernetes("ConfigMap", None, data={"key.pem": f"{PEM} hunter2"})],
    ],
    "backup-outside": [
        [kubernetes("BackupStorageLocation", {"config": {"s3Url": "http://minio.velero.svc:9000"}})],
        [kubernetes("BackupStorageLocation", {"config": {"s3Url": "https://minio.velero.svc.cluster.local"}})],
        [kubernetes("BackupStorageLocation", {"config": {"s3Url": "http://minio:9000"}})],
        [kubernetes("ObjectStore", {"configuration": {"endpointURL": "http://minio.backup.svc"}})],
        [kubernetes("Cluster", {"backup": {"barmanObjectStore": {"endpointURL": "http://minio:9000"}}})],
    ],
    "pods-restricted": [
        [pod(securityContext={**SAFE, "allowPrivilegeEscalation": True})],
        [pod(securityContext={})],
        [pod(securityContext={**SAFE, "capabilities": {"drop": ["NET_RAW"]}})],
        [pod(securityContext={**SAFE, "runAsNonRoot": False})],
        [kubernetes("Pod", {"containers": [{"securityContext": {**SAFE, "runAsNonRoot": True}}]})],
        [kubernetes("Pod", {"containers": [], "initContainers": [{}]})],
    ],
    "state-protected": [
        [kubernetes("PersistentVolumeClaim", {})],
        [volumes()],
        [resource("kubernetes:postgresql.cnpg.io/v1:Cluster", {"kind": "Cluster", "metadata": {"namespace": "mail"}})],
        [resource("aws:s3/bucket:Bucket", {})],
        [key("dkim-s1._domainkey.example.com")],
        [key("dkim-s1._domainkey.example.com"), signs("s1")],
        [key("authority"), signs("s1")],
        [kubernetes("Secret", None, metadata=REPOSITORY)],
        [kubernetes("Namespace", None, name="mail"), volumes(protect=True)],
        [volumes(), server(env=[{"name": "A", "value": "b"}])],
        [key("dkim-s1._domainkey.example.com"), plan(data={"ca.crt": UNKNOWN})],
        [volumes(), kubernetes("Pod", FENCED_POD, name="fenced", namespace=UNKNOWN)],
        [volumes(namespace=UNKNOWN), kubernetes("Pod", FENCED_POD, name="fenced")],
        [volumes(namespace=UNKNOWN), kubernetes("Pod", FENCED_POD, name="fenced", namespace=UNKNOWN)],
    ],
}

HOLDS: dict[str, list[list[Resource]]] = {
    "mx-not-proxied": [
        [MX, cloudflare("A", MX1, "203.0.113.10"), cloudflare("A", "www.example.com", "203.0.113.11", proxied=True)],
        [MX, cloudflare("A", "mx1", "203.0.113.10", proxied=True, zoneId="another")],
        [MX, cloudflare("A", MX1, "203.0.113.10", proxied=UNKNOWN)],
        [cloudflare("MX", "example.com", UNKNOWN), cloudflare("A", UNKNOWN, UNKNOWN, proxied=True)],
        [endpoints(MX_SET, record_set("A", MX1, "203.0.113.10", providerSpecific=[{"name": PROXY, "value": "false"}]))],
        [MX, cloudflare("TXT", MX1, "v=spf1 -all", proxied=True)],
        [MX, WILDCARD, cloudflare("A", MX1, "203.0.113.10")],
        [MX, WILDCARD, cloudflare("A", "mx1", "203.0.113.10")],
        [MX, WILDCARD, cloudflare("TLSA", f"_25._tcp.{MX1}", "3 1 1 00")],
        [cloudflare("MX", "example.com", "mx.eu.example.com"), WILDCARD, cloudflare("TXT", "eu.example.com", "a note")],
        [MX, WILDCARD, endpoints({**record_set("A", MX1), "targets": UNKNOWN})],
        [MX, cloudflare("A", "*.example.com", "203.0.113.10")],
        [cloudflare("MX", "example.com", "mx.example.net"), WILDCARD, cloudflare("A", "*", "203.0.113.10", proxied=True)],
        [cloudflare("MX", "example.com", "mx.notexample.com"), WILDCARD],
        [resource("cloudflare:index/dnsRecord:DnsRecord", UNKNOWN)],  # type: ignore[list-item]
    ],
    "mx-names-a-host": [
        [MX, cloudflare("CNAME", "www.example.com", MX1), cloudflare("A", MX1, "203.0.113.10")],
        [cloudflare("MX", "example.com", ".")],
        [zone("example.com. 60 IN MX 0 .", f"example.net. 60 IN MX 10 {MX1}.", f"{MX1}. 60 IN A 203.0.113.10")],
        [cloudflare("MX", "example.com", UNKNOWN)],
        [cloudflare("A", "example.com", "203.0.113.10")],
    ],
    "spf-not-open": [
        [cloudflare("TXT", "example.com", '"v=spf1 mx ip4:203.0.113.0/24 ~all"')],
        [cloudflare("TXT", "example.com", "v=spf1 include:all.example.net -all")],
        [cloudflare("TXT", "example.com", "v=spf1 ?all")],
        [cloudflare("TXT", "example.com", "all welcome +all")],
        [cloudflare("TXT", "example.com", UNKNOWN)],
    ],
    "dmarc-not-weaker": [
        [cloudflare("TXT", "_dmarc.example.com", '"v=DMARC1; p=quarantine; sp=reject; np=reject; pct=100; t=n"')],
        [cloudflare("TXT", "_dmarc.example.com", UNKNOWN)],
        [cloudflare("TXT", "example.com._report._dmarc.example.net", "v=DMARC1")],
        [cloudflare("TXT", "_dmarc.example.com", "a note")],
        [cloudflare("CNAME", "_dmarc.example.com", "dmarc.example.net")],
    ],
    "port-25-has-allow-list": [
        [service(SMTP), server(), allowed("10.0.0.0/8")],
        [service(SMTP), server(), allowed("fd00::/8", operation="upsert")],
        [service(SMTP, type_="ClusterIP"), server()],
        [service(SMTP, type_=UNKNOWN)],
        [service({"port": 587}), server()],
        [service(SMTP), plan(data=UNKNOWN)],
        [service(SMTP), plan(data={"plan.ndjson": UNKNOWN})],
        [service(SMTP, namespace=UNKNOWN), allowed("10.0.0.0/8")],
        [service(SMTP), allowed("10.0.0.0/8", namespace=UNKNOWN)],
        [service(SMTP), server(env=FENCED)],
    ],
    "management-not-public": [
        [INTERNAL, server()],
        [service({"port": 443, "targetPort": "https"}), server()],
        [service(HTTP, app="web"), web()],
        [ingress({"number": 80}, name="web"), service(HTTP, type_="ClusterIP", app="web", name="web"), web(), server()],
        [service({"port": 80, "targetPort": UNKNOWN}), server()],
        [route("HTTPRoute", name="internal", port=443), INTERNAL, server()],
    ],
    "relay-not-open": [
        [relaying("!is_empty(authenticated_as)")],
        [relaying("false", ("local_port == 25 && key_exists('relay-domains', rcpt_domain)", "true"))],
        [relaying("false", ("is_ip_in_cidr(remote_ip, '10.0.0.0/8')", "true"), ("local_port == 25", "false"))],
        [relaying("false")],
        [relaying(None)],
        [plan({"@type": "update", "object": "MtaStageAuth", "value": {"allowRelaying": {"else": "true"}}})],
        [plan(data={"plan.ndjson": "not JSON"})],
        [plan(data={"plan.ndjson": UNKNOWN})],
    ],
    "image-not-floating": [
        *([image(name)] for name in ("s/stalwart:v0.16.27", "python:3.13.9-slim-trixie", "r.example:5000/a:1.2.3", UNKNOWN)),
        *(
            [image(name)]
            for name in (f"a@sha256:{'0' * 64}", f"a:latest@sha256:{'0' * 64}", "a/b:sha-0a1b2c3", "debian:12-20250101")
        ),
        [image("minio/minio:RELEASE.2025-01-02T03-04-05Z")],
        [kubernetes("Cluster", {"imageName": "ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie"})],
        [resource("docker:index/image:Image", {"spec": {"containers": [{"image": "a:latest"}]}})],
    ],
    "secret-not-in-plain": [
        [variable("STALWART_RECOVERY_ADMIN", "admin:$(ADMIN_PASSWORD)")],
        [variable("PASSWORDS_FOLDER", "/passwords")],
        [variable("ADMIN_PASSWORD", "/run/secrets/admin")],
        [variable("ADMIN_PASSWORD", "$(OTHER)")],
        [variable("ADMIN_PASSWORD", UNKNOWN)],
        [variable("URL", "http://stalwart-internal:8080")],
        [variable("URL", "postgres://stalwart:$(PASSWORD)@db:5432")],
        [kubernetes("ConfigMap", None, data={"job.py": 'MARK = "-----BEGIN PRIVATE KEY-----"'})],
        [kubernetes("Secret", None, stringData={"key.pem": PEM})],
    ],
    "backup-outside": [
        [kubernetes("BackupStorageLocation", {"config": {"region": "eu-central-1"}})],
        [kubernetes("BackupStorageLocation", {"config": {"s3Url": "https://s3.example.net:9000"}})],
        [kubernetes("BackupStorageLocation", {"config": {"s3Url": "https://192.168.7.1"}})],
        [kubernetes("BackupStorageLocation", {"config": {"s3Url": "https://[fd00::1]:9000"}})],
        [kubernetes("BackupStorageLocation", {"config": {"s3Url": UNKNOWN}})],
    ],
    "pods-restricted": [
        [server()],
        [pod(securityContext=UNKNOWN)],
        [kubernetes("Pod", {"containers": [{"securityContext": {**SAFE, **SHARED}}]})],
    ],
    "state-protected": [
        [kubernetes("PersistentVolumeClaim", {}, protect=True), kubernetes("Namespace", None, name="mail", protect=True)],
        [kubernetes("StatefulSet", {"serviceName": "it"})],
        [kubernetes("Namespace", None, name="elsewhere"), volumes(protect=True)],
        [key("dkim-s2._domainkey.example.com"), key("dkim-s1._domainkey.example.com", protect=True), signs("s1")],
        [key("dkim-s2._domainkey.example.com"), plan(data=UNKNOWN)],
        [kubernetes("Secret", None, name="anything")],
        [volumes(), kubernetes("Namespace", None, name="mail"), server(env=FENCED)],
        [resource("kubernetes:cluster.x-k8s.io/v1beta1:Cluster", {"kind": "Cluster"})],
    ],
}


def broken(resources: list[Resource], config: Mapping[str, Any] | None = None) -> set[str]:
    return {violation.rule for violation in check(resources, config or {})}


def cases(table: Mapping[str, list[list[Resource]]]) -> Any:
    found = [(name, resources) for name, each in table.items() for resources in each]
    return pytest.mark.parametrize(("name", "resources"), found)


def test_every_rule_has_both_kinds_of_cases():
    assert BREAKS.keys() == HOLDS.keys() == BY_NAME.keys()


@cases(BREAKS)
def test_it_is_broken(name: str, resources: list[Resource]):
    found = [violation for violation in check(resources, {}) if violation.rule == name]
    assert found
    for violation in found:
        assert violation.level == BY_NAME[name].level
        assert violation.resource in {resource.name for resource in resources}
        assert violation.urn.endswith(f"::{violation.resource}")
        assert "hunter2" not in violation.message
        assert "UNKNOWN" not in violation.message


@cases(HOLDS)
def test_it_holds(name: str, resources: list[Resource]):
    assert name not in broken(resources)


@cases(BREAKS)
def test_a_rule_of_single_resources_is_asked_for_each_alone(name: str, resources: list[Resource]):
    rule = BY_NAME[name]
    if not rule.of_stack:
        alone = [message for one in resources for _found, message in rule.judge([one], {})]
        assert alone == [message for _found, message in rule.judge(resources, {})]


@cases(HOLDS)
def test_a_value_that_is_not_known_yet_breaks_nothing(name: str, resources: list[Resource]):
    for number, found in enumerate(resources):
        if "STALWART_RECOVERY_MODE" not in str(resources):  # what is fenced must be known to be
            for inputs in _with_one_unknown(found.inputs):
                changed = Resource(found.type, found.name, found.urn, inputs, found.protect)
                assert not list(BY_NAME[name].judge([*resources[:number], changed, *resources[number + 1 :]], {}))


def _with_one_unknown(value: Any) -> Iterator[Any]:
    yield UNKNOWN
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        for inner in _with_one_unknown(value[key]):
            copy = value.copy()
            copy[key] = inner
            yield copy


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text(max_size=8) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
INPUTS = [found.inputs for table in (BREAKS, HOLDS) for each in table.values() for one in each for found in one]
TYPES = sorted({found.type for table in (BREAKS, HOLDS) for each in table.values() for one in each for found in one})


@given(st.sampled_from(TYPES), st.sampled_from(INPUTS), st.data())
def test_no_input_makes_a_rule_fail(type_: str, inputs: Any, data: st.DataObject):
    replaced = _with_one(inputs, data.draw(PLAIN), data.draw)
    check([resource(type_, replaced), server(), INTERNAL, MX], {})


def _with_one(value: Any, other: Any, draw: Any) -> Any:
    """A value in which something, at any depth, is another."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys or draw(st.integers(0, 3)) == 0:
        return other
    key = draw(st.sampled_from(keys))
    copy = value.copy()
    copy[key] = _with_one(value[key], other, draw)
    return copy


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_dmarc_is_measured_against_what_is_configured(policy: int, minimum: int, of_domain: int):
    names = ["none", "quarantine", "reject"]
    config: dict[str, Any] = {"minimum": names[minimum]} if minimum < len(names) else {}
    if of_domain < len(names):
        config["domains"] = {"example.com": names[of_domain]}
    value = f"v=DMARC1; p={names[policy]}" if policy < len(names) else "v=DMARC1"
    wanted = of_domain if of_domain < len(names) else minimum if minimum < len(names) else names.index("quarantine")
    is_weaker = (policy if policy < len(names) else 0) < wanted
    found = broken([cloudflare("TXT", "_dmarc.example.com", value)], {"dmarc-not-weaker": config})
    assert found == ({"dmarc-not-weaker"} if is_weaker else set())


def test_what_is_published_is_not_told_twice():
    published = cloudflare("TXT", "_dmarc.example.com", "v=DMARC1; p=none")
    file = zone('_dmarc.example.com. 60 IN TXT "v=DMARC1; p=none"', 'example.com. 60 IN TXT "v=spf1 +all"')
    found = [(violation.rule, violation.resource) for violation in check([file, published], {})]
    assert found == [("spf-not-open", "dns"), ("dmarc-not-weaker", published.name)]


def test_the_allow_list_must_cover_what_is_configured():
    door = [server(), service(SMTP), allowed("10.0.0.0/9", "10.128.0.0/9", "fd00::/8")]

    def missing(*networks: str) -> list[str]:
        config = {"port-25-has-allow-list": {"networks": list(networks)}}
        return [violation.message for violation in check(door, config) if violation.rule == "port-25-has-allow-list"]

    assert missing("10.0.0.0/8", "fd12::/16") == []
    (message,) = missing("10.42.0.0/16", "192.0.2.0/24", "172.16.0.0/12")
    assert "192.0.2.0/24, 172.16.0.0/12" in message
    assert "10.42" not in message


def test_the_management_port_can_be_another():
    door = [service({"port": 9000}), server()]
    assert "management-not-public" not in broken(door)
    assert "management-not-public" in broken(door, {"management-not-public": {"port": 9000}})


def test_images_of_two_numbers_can_be_named():
    assert broken([image("example/nightly:24.11")]) == {"image-not-floating"}
    assert broken([image("example/nightly:24.11")], {"image-not-floating": {"twoNumbers": ["nightly"]}}) == set()


@pytest.mark.parametrize(
    ("tag", "is_exact"),
    [
        *((tag, True) for tag in ("v0.16.27", "1.2.3", "v0.16.3-alpine", "3.13.9-slim-trixie", "1.2.3-rc.1", "2.0.0-devel")),
        *((tag, False) for tag in ("nightly-1.2.3", "latest-20260101", "main", "1.2.3-nightly", "v0.16.27-edge", "1.2.3.dev4")),
        *((tag, False) for tag in ("v0.16", "3", "3-slim", "trixie")),
    ],
)
def test_a_version_is_exact_for_the_policy_and_for_the_settings(tag: str, is_exact: bool):
    name = f"registry.example/a/b:{tag}"
    assert broken([image(name)]) == (set() if is_exact else {"image-not-floating"})
    with nullcontext() if is_exact else pytest.raises(ValueError, match="floating"):
        assert exact_image(name) == name


def test_levels_and_exceptions_are_configured():
    claims = [kubernetes("PersistentVolumeClaim", {}, name=name) for name in ("data", "scratch-1", "scratch-2")]

    def found(config: Mapping[str, Any]) -> list[tuple[str, str]]:
        return [(violation.level, violation.resource) for violation in check(claims, config)]

    assert found({}) == [("mandatory", "data"), ("mandatory", "scratch-1"), ("mandatory", "scratch-2")]
    assert found({"state-protected": {"exceptions": ["scratch-*"]}}) == [("mandatory", "data")]
    assert found({"all": "advisory", "state-protected": {"exceptions": ["scratch-*"]}}) == [("advisory", "data")]
    assert found({"all": "advisory", "state-protected": "mandatory"})[0] == ("mandatory", "data")
    assert found({"state-protected": {"enforcementLevel": "disabled"}}) == []
    assert found({"all": "disabled"}) == []


def test_mandatory_violations_come_first():
    levels = [violation.level for violation in check([pod(securityContext={}), volumes()], {})]
    assert levels == ["mandatory", "advisory"]


@pytest.mark.parametrize(
    "config",
    [
        {"spf-not-opn": "advisory"},
        {"spf-not-open": "remediate"},
        {"spf-not-open": {"minimum": "none"}},
        {"dmarc-not-weaker": {"minimum": "strict"}},
        {"dmarc-not-weaker": {"domains": {"example.com": "strict"}}},
        {"state-protected": {"exceptions": "data"}},
        [],
    ],
)
def test_a_configuration_with_a_mistake_does_not_fit(config: Any):
    assert not jsonschema.Draft202012Validator(config_schema()).is_valid(config)


def test_the_schema_of_the_configuration_takes_what_the_rules_do():
    jsonschema.Draft202012Validator.check_schema(config_schema())
    config = {rule.name: {name: schema["default"] for name, schema in rule.settings.items()} for rule in RULES}
    jsonschema.Draft202012Validator(config_schema()).validate({**config, "all": "advisory"})


def test_rules_say_what_they_are():
    assert len(BY_NAME) == len(RULES)
    for rule in RULES:
        assert rule.description.endswith(".")
        assert rule.why.endswith((".", ")."))
