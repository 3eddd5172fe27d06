"""Each risk: a change that must be called out, and a change close to it that must not."""

from dataclasses import replace
from functools import cache

import pytest

from offline.diff.comparison import compare
from offline.diff.risks import find
from tests.conftest import changed
from tests.unit.builds import (
    BACKUP,
    PRIMARY,
    all_of,
    built,
    dns,
    full,
    given,
    option,
    output,
    planned,
    renamed,
    shipped,
    stack_with,
    the,
    without,
)

CLAIM = (PRIMARY, "PersistentVolumeClaim", "stalwart-data")
SERVER = (PRIMARY, "StatefulSet", "stalwart-server")
SERVICE = (PRIMARY, "Service", "stalwart-mail")
INTERNAL = (PRIMARY, "Service", "stalwart-internal")
POLICY = (PRIMARY, "NetworkPolicy", "stalwart-server-policy")
DATABASE = (PRIMARY, "Cluster", "stalwart-database")
HOT = (PRIMARY, "Schedule", "backup-schedule-mail-primary-hot")
PLACE = (PRIMARY, "BackupStorageLocation", "backup-location-mail-primary-hot")
BASES = (PRIMARY, "ScheduledBackup", "stalwart-database-backups")
STORE = (PRIMARY, "ObjectStore", "stalwart-database-archive")
KEY = "s1-rsa._domainkey.example.com"
CONTAINER = "spec.template.spec.containers.0"
MX1, MX2 = "10 mx1.example.com.", "20 mx2.example.com."
DMARC = "v=DMARC1; p=quarantine; sp=quarantine; np=reject"
STATE = f"deployed|dkim|{KEY}|state"
KEY_OF_ED25519 = "s1-ed25519._domainkey.example.com"
PROVIDER = (PRIMARY, "kubernetes", "kubernetes")
SECRET = (PRIMARY, "Secret", "stalwart-credentials")
NEW_PORT = "warning port-opened port 2525 is open"
NO_PORT = "danger port-25-closed no public Service or port of its node has port 25"
WORLD = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]
SCRAPERS = {"namespaceSelector": {"matchLabels": {"stalwart-mail/scrape": "true"}}}


def network(address):
    return planned(PRIMARY, "AllowedIp", lambda value: value.update(new={"address": address, "reason": "x"}))


def proxies(*networks):
    return planned(PRIMARY, "SystemSettings", lambda value: value.update(proxyTrustedNetworks=dict.fromkeys(networks, True)))


def relays(*rules, otherwise="false", stack=BACKUP):
    match = {str(number): {"if": condition, "then": "true"} for number, condition in enumerate(rules)}
    return planned(stack, "MtaStageRcpt", lambda value: value.update(allowRelaying={"match": match, "else": otherwise}))


def ingress(*rules):
    return given(*POLICY, "spec.ingress", list(rules))


def egress(rule):
    return given(*POLICY, "spec.egress.2", rule)


def port(number, protocol="TCP"):
    return {"port": number, "protocol": protocol}


def group(*alerts):
    rules = [{"alert": name, "expr": "up == 0", "labels": {"severity": "critical"}} for name in alerts]
    return given(PRIMARY, "PrometheusRule", "backup-alerts", "spec.groups", [{"name": "all", "rules": rules}])


def pods(*components):
    return {"podSelector": {"matchExpressions": [{"key": "component", "operator": "In", "values": [*components]}]}}


@cache
def published():
    """A primary that Cloudflare publishes the records of."""
    domains = [{"name": "example.com", "zoneId": "a", "dnssec": True}, {"name": "example.org", "zoneId": "b", "parked": True}]
    return built({PRIMARY: changed("primary", dns={"provider": "cloudflare", "apiToken": {"secure": "t"}}, domains=domains)})


def exchange_published():
    """A backup whose exchange Cloudflare publishes too."""
    mx = the(published(), PRIMARY, "DnsRecord", "dns-mx-example.com")
    other = replace(mx, urn=f"{mx.urn}-2", inputs={**mx.inputs, "content": "mx2.example.com", "priority": 20})
    return replace(shipped()[BACKUP], resources={**shipped()[BACKUP].resources, other.urn: other})


@cache
def in_cluster():
    """A primary that external-dns publishes the records of."""
    return built({PRIMARY: changed("primary", dns={"provider": "external-dns"})})


MAIL_PORTS = {"ports": [port(number) for number in (25, 465, 587, 993, 4190, 443)]}
MANAGEMENT = {"ports": [port(8080)]}

# By what happens: which build, the change, and what is called out as level, rule and a word of it. Nothing else may be.
RISKY = {
    "protected claim removed": (shipped, without(*CLAIM), "danger protected-removed PersistentVolumeClaim stalwart-data"),
    "protected claim renamed": (shipped, renamed(*CLAIM, "volume", alias=False), "danger protected-removed stalwart-data"),
    "protected namespace replaced": (
        shipped,
        given(PRIMARY, "Namespace", "stalwart-namespace", "metadata.name", "post"),
        "danger protected-replaced metadata.name",
    ),
    "DKIM key replaced": (
        shipped,
        given(PRIMARY, "PrivateKey", f"dkim-{KEY}", "rsaBits", 4096),
        "danger protected-replaced rsaBits",
    ),
    "storage class changed": (
        shipped,
        given(*CLAIM, "spec.storageClassName", "fast"),
        "danger protected-replaced spec.storageClassName",
    ),
    "protection dropped": (shipped, option(*CLAIM, protect=False), "danger protection-dropped protected from deletion"),
    "no longer kept": (shipped, option(*CLAIM, retain_on_delete=False), "danger protection-dropped kept when it is removed"),
    "claim shrunk": (
        shipped,
        given(*CLAIM, "spec.resources.requests.storage", "20000Mi"),
        "danger volume-shrunk from 20Gi to 20000Mi",
    ),
    "database shrunk": (full, given(*DATABASE, "spec.storage.size", "40Gi"), "danger volume-shrunk from 50Gi to 40Gi"),
    "log of the database shrunk": (full, given(*DATABASE, "spec.walStorage.size", "1Gi"), "danger volume-shrunk spec.walStorage"),
    "class of the database": (
        full,
        given(*DATABASE, "spec.storage.storageClass", "fast"),
        "warning database-storage-class from the class of the cluster to fast",
    ),
    "server's selector": (
        shipped,
        given(*SERVER, "spec.selector.matchLabels", {"app.kubernetes.io/name": "stalwart"}),
        "warning stateful-replaced spec.selector",
    ),
    "unprotected claim replaced": (
        lambda: option(*CLAIM, protect=False)(shipped()),
        given(*CLAIM, "spec.accessModes", ["ReadWriteMany"]),
        "danger stateful-replaced spec.accessModes",
    ),
    "stack gone": (shipped, lambda build: {PRIMARY: build[PRIMARY]}, "danger stack-gone backup"),
    "exchange removed": (shipped, dns(PRIMARY, "example.com", "MX", MX1, None), "danger mx-removed mx1.example.com (prefer"),
    "both exchanges removed": (
        shipped,
        all_of(dns(PRIMARY, "example.com", "MX", MX1, None), dns(BACKUP, "example.com", "MX", MX2, None)),
        "danger mx-removed no mail reaches the domain; danger mx-removed no mail reaches the domain",
    ),
    "preference turned around": (
        shipped,
        dns(PRIMARY, "example.com", "MX", MX1, "30 mx1.example.com."),
        "danger mx-order mx1.example.com (now 30) is tried after mx2.example.com (now 20)",
    ),
    "preference the same": (
        shipped,
        dns(BACKUP, "example.com", "MX", MX2, "10 mx2.example.com."),
        "danger mx-order mx1.example.com (now 10) is tried along with mx2.example.com (now 10)",
    ),
    "active key dropped": (
        shipped,
        all_of(dns(PRIMARY, KEY, "TXT", "v=DKIM1", None), output(PRIMARY, f"deployed|dkim|{KEY}", None)),
        f"danger dkim-dropped {KEY}",
    ),
    "active key revoked": (shipped, dns(PRIMARY, KEY, "TXT", "v=DKIM1", "v=DKIM1; p="), f"danger dkim-dropped {KEY}"),
    "key of others dropped": (
        lambda: dns(PRIMARY, "x._domainkey.example.com", "TXT", None, "v=DKIM1; p=AAAA")(shipped()),
        dns(PRIMARY, "x._domainkey.example.com", "TXT", "v=DKIM1", None),
        "warning dkim-dropped may sign mail elsewhere",
    ),
    "another key under the same name": (
        shipped,
        output(PRIMARY, f"deployed|dkim|{KEY}|key", "rsa given 0123456789abcdef"),
        "danger dkim-replaced rsa made here -> rsa given 0123456789abcdef",
    ),
    "no key signs": (
        shipped,
        all_of(output(PRIMARY, STATE, "retiring"), output(PRIMARY, STATE.replace("s1-rsa", "s1-ed25519"), "retiring")),
        "danger dkim-unsigned domain example.com",
    ),
    "pins removed": (full, dns(PRIMARY, "_25._tcp.mx1.example.com", "TLSA", "3 1 1", None), "warning tlsa-removed mx1"),
    "pins replaced": (
        full,
        dns(PRIMARY, "_25._tcp.mx1.example.com", "TLSA", "3 1 1", f"3 1 1 {'cd' * 32}"),
        "danger tlsa-replaced mx1",
    ),
    "DMARC weakened": (
        shipped,
        dns(PRIMARY, "_dmarc.example.com", "TXT", DMARC, "v=DMARC1; p=none; sp=quarantine; np=reject"),
        "danger dmarc-weakened for the domain is weakened from quarantine to none",
    ),
    "DMARC weakened below": (
        shipped,
        dns(PRIMARY, "_dmarc.example.org", "TXT", "v=DMARC1", "v=DMARC1; p=reject; sp=none; np=reject"),
        "warning dmarc-weakened for subdomains",
    ),
    "DMARC for what is not there": (
        shipped,
        dns(PRIMARY, "_dmarc.example.com", "TXT", DMARC, "v=DMARC1; p=quarantine"),
        "warning dmarc-weakened names that do not exist",
    ),
    "DMARC for some mail": (
        shipped,
        dns(PRIMARY, "_dmarc.example.com", "TXT", DMARC, f"{DMARC}; pct=50"),
        "warning dmarc-weakened 50 % of mail instead of 100 %",
    ),
    "DMARC removed": (shipped, dns(PRIMARY, "_dmarc.example.com", "TXT", DMARC, None), "danger dmarc-removed example.com"),
    "SPF removed": (shipped, dns(PRIMARY, "example.com", "TXT", "v=spf1", None), "danger spf-removed SPF of example.com"),
    "SPF open": (shipped, dns(PRIMARY, "example.com", "TXT", "v=spf1", "v=spf1 mx +all"), "danger spf-weakened +all instead"),
    "SPF bare all": (shipped, dns(PRIMARY, "example.com", "TXT", "v=spf1", "v=spf1 all"), "danger spf-weakened +all"),
    "SPF neutral": (shipped, dns(PRIMARY, "example.com", "TXT", "v=spf1", "v=spf1 mx"), "warning spf-weakened ?all instead"),
    "SPF for a large network": (
        shipped,
        dns(PRIMARY, "example.com", "TXT", "v=spf1", "v=spf1 mx ip4:203.0.0.0/8 ~all"),
        "warning spf-weakened 203.0.0.0/8",
    ),
    "MTA-STS no longer enforced": (
        full,
        output(PRIMARY, "mtaSts|mode", "testing"),
        "danger mta-sts-weakened from enforce to testing",
    ),
    "MTA-STS off": (
        full,
        all_of(output(PRIMARY, "mtaSts", None), dns(PRIMARY, "_mta-sts.example.com", "TXT", "v=STSv1", None)),
        "danger mta-sts-weakened from enforce to none",
    ),
    "MTA-STS remembered for less": (full, output(PRIMARY, "mtaSts|maxAgeSeconds", 86400), "warning mta-sts-weakened 1 days"),
    "MTA-STS of a domain": (
        full,
        dns(PRIMARY, "_mta-sts.example.com", "TXT", "v=STSv1", None),
        "danger mta-sts-removed MTA-STS of example.com",
    ),
    "domain removed": (
        lambda: planned(PRIMARY, "Domain", lambda value: value.update(d9={"name": "example.net", "aliases": {}}))(shipped()),
        lambda _build: shipped(),
        "danger domain-removed example.net",
    ),
    "alias of a domain removed": (
        lambda: planned(PRIMARY, "Domain", lambda value: value["d0"].update(aliases={"example.net": True}))(shipped()),
        lambda _build: shipped(),
        "danger domain-removed example.net",
    ),
    "hostname changed": (
        shipped,
        output(PRIMARY, "hostname", "mail.example.com"),
        "danger hostname-changed from mx1.example.com to mail.example.com",
    ),
    "address changed": (
        shipped,
        output(PRIMARY, "addresses", ["203.0.113.99"]),
        "warning address-changed to 203.0.113.99: PTR records",
    ),
    "another line": (shipped, output(PRIMARY, "deployed|serverLine", "0.17"), "danger server-line from the line 0.16 to 0.17"),
    "open relay": (shipped, relays("true"), "warning relaying decides in another way"),
    "open relay otherwise": (shipped, relays(otherwise="true", stack=PRIMARY), "warning relaying decides in another way"),
    "other relaying": (
        shipped,
        relays("local_port == 25 && key_exists('relay-domains', rcpt_domain)"),
        "warning relaying decides in another way",
    ),
    "unknown addresses passed on": (
        shipped,
        planned(PRIMARY, "Domain", lambda value: value["d0"].update(allowRelaying=True)),
        "warning relaying example.com",
    ),
    "network never banned": (shipped, network("198.18.0.0/15"), "warning trust-widened 198.18.0.0/15"),
    "everybody never banned": (shipped, network("0.0.0.0/0"), "danger trust-widened 0.0.0.0/0"),
    "proxy trusted": (shipped, proxies("203.0.113.7/32"), "warning trust-widened 203.0.113.7/32"),
    "every proxy trusted": (shipped, proxies("::/0"), "danger trust-widened ::/0"),
    "network may be banned": (
        shipped,
        planned(
            PRIMARY, "AllowedIp", lambda value: value.pop("ip1") and value.update(ip0={**value["ip0"], "address": "10.0.0.0/9"})
        ),
        "danger trust-narrowed no longer hold 10.0.0.0/8, 172.16.0.0/12",
    ),
    "load balancer may be banned": (
        lambda: planned(PRIMARY, "AllowedIp", lambda value: value.update(new={**value["ip0"], "address": "198.51.100.7"}))(
            shipped()
        ),
        lambda _build: shipped(),
        "danger trust-narrowed no longer hold 198.51.100.7/32",
    ),
    "another region": (
        shipped,
        given(*PROVIDER, "clusterIdentifier", "eu-north-1"),
        "danger everything-replaced by eu-north-1 instead of eu-west-1",
    ),
    "another region and cluster": (
        shipped,
        all_of(given(*PROVIDER, "clusterIdentifier", "eu-north-1"), given(*PROVIDER, "context", "north")),
        "danger everything-replaced eu-north-1",
    ),
    "another cluster": (
        lambda: given(*PROVIDER, "context", "mail-1")(shipped()),
        given(*PROVIDER, "context", "mail-2"),
        "danger another-cluster another context (mail-1 -> mail-2)",
    ),
    "another kubeconfig": (shipped, given(*PROVIDER, "kubeconfig", "hush"), "danger another-cluster another kubeconfig: in"),
    "records given up": (
        published,
        without(PRIMARY, "DnsRecord", "dns-spf-example.com"),
        "danger records-unpublished zone example.com 1 record is deleted at the provider that the world asks (TXT)",
    ),
    "records of one publisher in another zone": (
        published,
        given(PRIMARY, "DnsRecord", "dns-mx-example.com", "zoneId", "other"),
        "danger records-unpublished zone example.com 1 record is deleted at the provider that the world asks (MX)",
    ),
    "record sets given up": (
        in_cluster,
        without(PRIMARY, "DNSEndpoint", "dns-example.com-when-ready"),
        "danger records-unpublished zone example.com 2 records are deleted at the provider that the world asks (MX, TXT)",
    ),
    "record set given up": (
        in_cluster,
        given(
            PRIMARY,
            "DNSEndpoint",
            "dns-example.com-when-ready",
            "spec.endpoints.1",
            {"dnsName": "a", "recordType": "A", "targets": []},
        ),
        "danger records-unpublished zone example.com 1 record is deleted at the provider that the world asks (TXT)",
    ),
    "exchange given up beside another one": (
        lambda: {**published(), BACKUP: exchange_published()},
        without(PRIMARY, "DnsRecord", "dns-mx-example.com"),
        "danger records-unpublished zone example.com 1 record is deleted at the provider that the world asks (MX)",
    ),
    "zone signed elsewhere": (
        published,
        without(PRIMARY, "ZoneDnssec", "dns-dnssec-example.com"),
        "danger signing-stops DNSSEC of example.com moves away",
    ),
    "zone not signed": (
        lambda: option(PRIMARY, "ZoneDnssec", "dns-dnssec-example.com", retain_on_delete=False)(published()),
        all_of(without(PRIMARY, "ZoneDnssec", "dns-dnssec-example.com"), output(PRIMARY, "signedZones", [])),
        "danger signing-stops DNSSEC of example.com is no longer signed",
    ),
    "server without pods": (shipped, given(*SERVER, "spec.replicas", 0), "danger port-25-closed takes mail: it has no pods"),
    "server without port 25": (shipped, given(*SERVICE, "spec.ports.0.port", 2525), f"{NEW_PORT}; {NO_PORT}"),
    "server in the cluster only": (shipped, given(*SERVICE, "spec.type", "ClusterIP"), NO_PORT),
    "server without its Service": (shipped, without(*SERVICE), NO_PORT),
    "server fenced": (
        shipped,
        ingress({**MANAGEMENT, "from": [SCRAPERS]}),
        "danger port-25-closed lets 25/TCP in from everywhere",
    ),
    "server closed in every way": (
        shipped,
        all_of(given(*SERVER, "spec.replicas", 0), without(*SERVICE), ingress()),
        "danger port-25-closed it has no pods",
    ),
    "server removed": (shipped, without(*SERVER), "danger port-25-closed it is removed"),
    "volumes no longer in backups": (
        shipped,
        given(*HOT, "spec.template.snapshotVolumes", False),
        "danger backups-narrowed no longer hold volumes",
    ),
    "data of volumes no longer in backups": (
        shipped,
        given(*HOT, "spec.template.snapshotMoveData", None),
        "danger backups-narrowed the data of volumes",
    ),
    "namespace no longer in backups": (
        lambda: given(*HOT, "spec.template.includedNamespaces", ["mail", "accounts"])(shipped()),
        given(*HOT, "spec.template.includedNamespaces", ["mail"]),
        "danger backups-narrowed namespaces accounts",
    ),
    "all namespaces but one no longer in backups": (
        lambda: given(*HOT, "spec.template.includedNamespaces", ["*"])(shipped()),
        given(*HOT, "spec.template.includedNamespaces", ["mail"]),
        "danger backups-narrowed namespaces others",
    ),
    "resources no longer in backups": (
        shipped,
        given(*HOT, "spec.template.excludedResources", ["secrets"]),
        "danger backups-narrowed resources secrets",
    ),
    "DMARC tested": (
        shipped,
        dns(PRIMARY, "_dmarc.example.com", "TXT", DMARC, f"{DMARC}; t=y"),
        "warning dmarc-weakened only tested (t=y)",
    ),
    "more pods let in": (
        lambda: ingress(MAIL_PORTS, {**MANAGEMENT, "from": [pods("plan")]})(shipped()),
        ingress(MAIL_PORTS, {**MANAGEMENT, "from": [pods("plan", "exporter", "drill")]}),
        "warning port-opened from pods component=drill and pods component=exporter",
    ),
    "alerts removed at once": (
        lambda: group("A", "B", "C")(full()),
        without(PRIMARY, "PrometheusRule", "backup-alerts"),
        "warning alert-removed is removed with 3 alerts: nobody is told any more of A, B, C",
    ),
    "claim for a secret": (
        lambda: given(*PROVIDER, "enableSecretMutable", None)(option(*SECRET, protect=True)(shipped())),
        given(*SECRET, "data", {"password": "b3RoZXI="}),
        "danger protected-replaced for data",
    ),
    "schedule removed": (shipped, without(*HOT), "danger schedule-removed Schedule mail-primary-hot"),
    "schedule paused": (shipped, given(*HOT, "spec.paused", True), "danger schedule-paused is paused"),
    "kept shorter": (shipped, given(*HOT, "spec.template.ttl", "24h0m0s"), "warning kept-shorter 24h0m0s instead of 720h0m0s"),
    "made less often": (shipped, given(*HOT, "spec.schedule", "17 3 * * *"), "warning backups-rarer 1 day"),
    "made elsewhere": (
        shipped,
        given(*HOT, "spec.template.storageLocation", "mail-primary-archive"),
        "warning schedule-moved mail-primary-archive instead of mail-primary-hot",
    ),
    "location removed": (shipped, without(*PLACE), "danger location-removed BackupStorageLocation mail-primary-hot"),
    "bucket changed": (
        shipped,
        given(*PLACE, "spec.objectStorage.bucket", "other"),
        "danger location-changed bucket example-mail-hot -> other",
    ),
    "folder changed": (shipped, given(*PLACE, "spec.objectStorage.prefix", "a"), "danger location-changed prefix primary -> a"),
    "database backed up no more": (full, without(*BASES), "danger schedule-removed ScheduledBackup stalwart-database"),
    "database backed up less often": (full, given(*BASES, "spec.schedule", "0 0 2 * * 0"), "warning backups-rarer 7 days"),
    "database kept shorter": (full, given(*STORE, "spec.retentionPolicy", "3w"), "warning kept-shorter for 3w instead of 30d"),
    "database's archive elsewhere": (
        full,
        given(*STORE, "spec.configuration.destinationPath", "s3://other"),
        "danger location-changed s3://other",
    ),
    "console public": (shipped, given(*INTERNAL, "spec.type", "LoadBalancer"), "danger port-opened port 8080"),
    "port public": (
        shipped,
        given(*SERVICE, "spec.ports.6", {"name": "imap", "port": 143, "protocol": "TCP"}),
        "warning port-opened port 143",
    ),
    "port let in": (
        shipped,
        ingress({"ports": [*MAIL_PORTS["ports"], port(143)]}, {**MANAGEMENT, "from": [SCRAPERS]}),
        "warning port-opened 143/TCP is opened from everywhere",
    ),
    "console let in": (shipped, ingress(MAIL_PORTS, MANAGEMENT), "danger port-opened 8080/TCP is opened from everywhere"),
    "all let in": (shipped, ingress(MAIL_PORTS, {}), "danger port-opened every port is opened from everywhere"),
    "pods let in": (
        shipped,
        ingress(MAIL_PORTS, {**MANAGEMENT, "from": [SCRAPERS, {"podSelector": {"matchLabels": {"app": "x"}}}]}),
        "warning port-opened 8080/TCP is opened from pods app=x",
    ),
    "network let in": (
        shipped,
        ingress(MAIL_PORTS, {**MANAGEMENT, "from": [SCRAPERS, {"ipBlock": {"cidr": "10.0.0.0/8"}}]}),
        "warning port-opened 10.0.0.0/8",
    ),
    "way out to the world": (
        shipped,
        egress({"ports": [port(22)], "to": WORLD}),
        "warning egress-opened 22/TCP is opened to everywhere",
    ),
    "every way out": (shipped, egress({}), "danger egress-opened every port is opened to everywhere"),
    "egress no longer ruled": (shipped, given(*POLICY, "spec.policyTypes", ["Ingress"]), "danger egress-opened every port"),
    "ports public": (
        lambda: given(*SERVICE, "spec.type", "ClusterIP")(shipped()),
        given(*SERVICE, "spec.type", "LoadBalancer"),
        "warning port-opened ports 25, 443, 465, 587, 993, 4190 are open to the Internet",
    ),
    "policy removed": (shipped, without(*POLICY), "danger policy-removed NetworkPolicy stalwart-server-policy"),
    "port of the node": (
        shipped,
        given(*SERVER, f"{CONTAINER}.ports.0.hostPort", 25),
        "warning port-opened port 25 is open at every node's own address",
    ),
    "namespace less secure": (
        shipped,
        given(
            PRIMARY,
            "Namespace",
            "stalwart-namespace",
            "metadata|labels|pod-security.kubernetes.io/enforce",
            "baseline",
        ),
        "warning pod-security baseline instead of restricted",
    ),
    "namespace not secure": (
        shipped,
        given(PRIMARY, "Namespace", "stalwart-namespace", "metadata|labels|pod-security.kubernetes.io/enforce", None),
        "danger pod-security privileged instead of restricted",
    ),
    "pod as root": (
        shipped,
        given(*SERVER, "spec.template.spec.securityContext.runAsNonRoot", False),
        "warning pod-security await-plan may run as root; warning pod-security stalwart may run as root",
    ),
    "pod privileged": (
        shipped,
        given(*SERVER, f"{CONTAINER}.securityContext.privileged", True),
        "danger pod-security stalwart is privileged",
    ),
    "capability": (
        shipped,
        given(*SERVER, f"{CONTAINER}.securityContext.capabilities.add", ["NET_BIND_SERVICE", "NET_ADMIN"]),
        "warning pod-security NET_ADMIN",
    ),
    "job may write": (
        shipped,
        given(
            PRIMARY,
            "CronJob",
            "stalwart-reload-tls",
            "spec.jobTemplate.spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem",
            False,
        ),
        "warning pod-security may write to its own files",
    ),
    "alert removed": (lambda: group("A", "B")(full()), group("B"), "warning alert-removed alert A"),
}

# What is next to it and risks nothing.
HARMLESS = {
    "claim renamed with an alias": (shipped, renamed(*CLAIM, "volume", alias=True)),
    "unprotected object removed": (shipped, without(PRIMARY, "PodDisruptionBudget", "stalwart-budget")),
    "plan under another name": (shipped, given(PRIMARY, "ConfigMap", "stalwart-plan", "metadata.name", "stalwart-plan-0")),
    "protection added": (lambda: option(*CLAIM, protect=False)(shipped()), option(*CLAIM, protect=True)),
    "claim grown": (shipped, given(*CLAIM, "spec.resources.requests.storage", "0.5Ti")),
    "claim labelled": (shipped, given(*CLAIM, "metadata|labels|team", "mail")),
    "database grown": (full, given(*DATABASE, "spec.storage.size", "51Gi")),
    "server's replicas": (full, given(*SERVER, "spec.replicas", 3)),
    "stack new": (lambda: {PRIMARY: shipped()[PRIMARY]}, lambda _build: shipped()),
    "exchange added": (shipped, dns(BACKUP, "example.com", "MX", None, "30 mx3.example.com.")),
    "exchange published by the other stack": (
        shipped,
        all_of(dns(BACKUP, "example.com", "MX", MX2, None), dns(PRIMARY, "example.com", "MX", None, MX2)),
    ),
    "parked domain that gets mail": (shipped, dns(PRIMARY, "example.org", "MX", "0 .", MX1)),
    "preference in the same order": (shipped, dns(PRIMARY, "example.com", "MX", MX1, "5 mx1.example.com.")),
    "retired key dropped": (
        lambda: output(PRIMARY, STATE, "retiring")(shipped()),
        all_of(dns(PRIMARY, KEY, "TXT", "v=DKIM1", None), output(PRIMARY, f"deployed|dkim|{KEY}", None)),
    ),
    "next key": (
        shipped,
        all_of(
            dns(PRIMARY, "s2-rsa._domainkey.example.com", "TXT", None, "v=DKIM1; p=AAAA"),
            output(PRIMARY, "deployed|dkim|s2-rsa._domainkey.example.com", {"state": "pending", "key": "rsa made here"}),
        ),
    ),
    "one of two keys retiring": (shipped, output(PRIMARY, STATE, "retiring")),
    "wildcard of a parked domain": (shipped, dns(PRIMARY, "*._domainkey.example.org", "TXT", "v=DKIM1", None)),
    "pin added": (full, dns(PRIMARY, "_25._tcp.mx1.example.com", "TLSA", None, f"3 1 1 {'cd' * 32}")),
    "DMARC stricter": (shipped, dns(PRIMARY, "_dmarc.example.com", "TXT", DMARC, "v=DMARC1; p=reject; np=reject")),
    "DMARC in another order": (shipped, dns(PRIMARY, "_dmarc.example.com", "TXT", DMARC, "v=DMARC1;np=reject;p=quarantine")),
    "consent to reports removed": (shipped, dns(PRIMARY, "example.org._report._dmarc.example.com", "TXT", "v=DMARC1", None)),
    "SPF stricter": (shipped, dns(PRIMARY, "example.com", "TXT", "v=spf1", "v=spf1 mx ip4:203.0.113.0/24 -all")),
    "SPF with a modifier": (shipped, dns(PRIMARY, "example.com", "TXT", "v=spf1", "v=spf1 mx ~all exp=e.example.com")),
    "MTA-STS enforced": (shipped, output(PRIMARY, "mtaSts|mode", "enforce")),
    "MTA-STS with another id": (full, dns(PRIMARY, "_mta-sts.example.com", "TXT", "v=STSv1", "v=STSv1; id=1")),
    "MTA-STS remembered for longer": (full, output(PRIMARY, "mtaSts|maxAgeSeconds", 31536000)),
    "domain added": (shipped, planned(PRIMARY, "Domain", lambda value: value.update(d9={"name": "example.net", "aliases": {}}))),
    "address added": (shipped, output(PRIMARY, "addresses", ["192.0.2.1", "203.0.113.10", "2001:db8::9"])),
    "fenced": (shipped, output(PRIMARY, "addresses", [])),
    "same line": (shipped, given(*SERVER, f"{CONTAINER}.image", "stalwartlabs/stalwart:v0.16.28")),
    "smaller network trusted": (shipped, network("10.1.0.0/16")),
    "host trusted": (shipped, network("198.51.100.99")),
    "kept longer": (shipped, given(*HOT, "spec.template.ttl", "2400h0m0s")),
    "kept as long in other words": (shipped, given(*HOT, "spec.template.ttl", "720h")),
    "made more often": (shipped, given(*HOT, "spec.schedule", "17 */3 * * *")),
    "made at another hour": (shipped, given(*HOT, "spec.schedule", "37 */6 * * *")),
    "asked for more often": (shipped, given(*PLACE, "spec.backupSyncPeriod", "2m")),
    "database kept longer": (full, given(*STORE, "spec.retentionPolicy", "5w")),
    "ways out ruled": (lambda: given(*POLICY, "spec.policyTypes", ["Ingress"])(shipped()), lambda _build: shipped()),
    "new policy that rules what comes in": (
        lambda: all_of(without(*POLICY), given(*SERVER, "spec.replicas", 0))(shipped()),
        all_of(
            lambda _build: given(*SERVER, "spec.replicas", 0)(shipped()),
            given(*POLICY, "spec.policyTypes", ["Ingress"]),
            ingress(),
        ),
    ),
    "port closed": (shipped, ingress({"ports": [port(25)]}, {**MANAGEMENT, "from": [SCRAPERS]})),
    "port of the cluster": (shipped, given(*INTERNAL, "spec.ports.1", {"name": "x", "port": 143, "protocol": "TCP"})),
    "port let in twice": (
        shipped,
        ingress(MAIL_PORTS, *({"ports": [port(number)], "from": [SCRAPERS]} for number in (25, 8080))),
    ),
    "named way out": (shipped, egress({"ports": [port(5432)], "to": [{"podSelector": {"matchLabels": {"app": "x"}}}]})),
    "names asked for": (shipped, egress({"ports": [port(53, "UDP"), port(53)]})),
    "policy removed with its pods": (
        shipped,
        all_of(
            without(BACKUP, "NetworkPolicy", "stalwart-recipients-policy"),
            without(BACKUP, "CronJob", "stalwart-recipients"),
        ),
    ),
    "namespace warns of less": (
        shipped,
        given(PRIMARY, "Namespace", "stalwart-namespace", "metadata|labels|pod-security.kubernetes.io/warn", None),
    ),
    "container with its own user": (shipped, given(*SERVER, f"{CONTAINER}.securityContext.runAsNonRoot", True)),
    "networks trusted in two halves": (
        shipped,
        planned(
            PRIMARY,
            "AllowedIp",
            lambda value: value.update(
                ip0={**value["ip0"], "address": "10.0.0.0/9"}, half={**value["ip0"], "address": "10.128.0.0/9"}
            ),
        ),
    ),
    "other exchange at another address": (
        shipped,
        planned(PRIMARY, "AllowedIp", lambda value: value["ip4"].update(address="198.51.100.21")),
    ),
    "provider with another timeout": (shipped, given(*PROVIDER, "suppressHelmHookWarnings", "true")),
    "records kept at the provider they leave": (
        lambda: option(PRIMARY, "DnsRecord", "dns-spf-example.com", retain_on_delete=True)(published()),
        without(PRIMARY, "DnsRecord", "dns-spf-example.com"),
    ),
    "records of another publisher": (
        published,
        all_of(
            without(PRIMARY, "ZoneDnssec", "dns-dnssec-example.com"),
            output(PRIMARY, "signedZones", []),
            lambda build: stack_with(
                build,
                PRIMARY,
                resources={urn: found for urn, found in build[PRIMARY].resources.items() if found.kind != "DnsRecord"}
                | {found.urn: found for found in in_cluster()[PRIMARY].of_kind("DNSEndpoint")}
                | {
                    found.urn: found
                    for found in build[PRIMARY].of_kind("DnsRecord")
                    if found.inputs["name"].endswith("example.org")
                },
            ),
        ),
    ),
    "record that is not wanted any more": (
        published,
        all_of(
            without(PRIMARY, "DnsRecord", "dns-srv-_jmap._tcp.example.com"),
            dns(PRIMARY, "_jmap._tcp.example.com", "SRV", "0", None),
        ),
    ),
    "zone that stays signed": (
        published,
        all_of(without(PRIMARY, "ZoneDnssec", "dns-dnssec-example.com"), output(PRIMARY, "signedZones", [])),
    ),
    "fewer ports of the Service": (shipped, given(*SERVICE, "spec.ports", [{"name": "smtp", "port": 25}])),
    "fenced server without pods": (
        lambda: ingress({**MANAGEMENT, "from": [SCRAPERS]})(shipped()),
        given(*SERVER, "spec.replicas", 0),
    ),
    "volumes copied instead of snapshots": (
        shipped,
        all_of(
            given(*HOT, "spec.template.snapshotVolumes", False),
            given(*HOT, "spec.template.snapshotMoveData", False),
            given(*HOT, "spec.template.defaultVolumesToFsBackup", True),
        ),
    ),
    "every namespace in backups": (shipped, given(*HOT, "spec.template.includedNamespaces", None)),
    "fewer left out of backups": (
        lambda: given(*HOT, "spec.template.excludedResources", ["secrets", "events"])(shipped()),
        given(*HOT, "spec.template.excludedResources", ["events"]),
    ),
    "DMARC no longer tested": (
        lambda: dns(PRIMARY, "_dmarc.example.com", "TXT", DMARC, f"{DMARC}; t=y")(shipped()),
        dns(PRIMARY, "_dmarc.example.com", "TXT", DMARC, f"{DMARC}; t=n"),
    ),
    "fewer pods let in": (
        lambda: ingress(MAIL_PORTS, {**MANAGEMENT, "from": [pods("plan", "follow-up", "exporter")]})(shipped()),
        ingress(MAIL_PORTS, {**MANAGEMENT, "from": [{"podSelector": {"matchLabels": {"component": "plan"}}}, pods("follow-up")]}),
    ),
    "alerts in another object": (
        full,
        renamed(PRIMARY, "PrometheusRule", "backup-alerts", "other-alerts", alias=False),
    ),
    "another password": (
        lambda: option(*SECRET, protect=True)(shipped()),
        given(*SECRET, "data", {"password": "b3RoZXI="}),
    ),
    "alert with another threshold": (lambda: group("A", "B")(full()), group("B", "A", "C")),
}


@pytest.mark.parametrize(("base", "change", "expected"), RISKY.values(), ids=RISKY)
def test_a_risk_is_called_out_and_nothing_else(base, change, expected):
    old = base()
    found = find(old, change(old))
    wanted = expected.split("; ")
    assert len(found) == len(wanted), found
    for risk, words in zip(sorted(found, key=str), sorted(wanted), strict=True):
        level, rule, said = words.split(" ", 2)
        assert (risk.level, risk.rule) == (level, rule)
        assert said in f"{risk.subject} {risk.message}"
        assert risk.advice
        assert risk.stack in old


@pytest.mark.parametrize(("base", "change"), HARMLESS.values(), ids=HARMLESS)
def test_what_is_next_to_it_is_no_risk(base, change):
    old = base()
    new = change(old)
    assert find(old, new) == []
    assert old != new
    assert compare(old, new).risks == ()


def test_dangers_come_first():
    old = shipped()
    levels = [risk.level for risk in find(old, all_of(given(*SERVICE, "spec.ports.6", {"port": 143}), without(*CLAIM))(old))]
    assert levels == ["danger", "warning"]
