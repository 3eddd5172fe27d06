"""Platforms to draw: as short as they get, and with the longest names that there may be."""

from dataclasses import replace

from offline.backups import Place
from offline.page.facts import Bucket, Host, Platform, Region

HOT = Bucket(Place("example-mail-hot/primary", "eu-west-1"), ("every 6 h, kept 30 days",))
ARCHIVE = Bucket(
    Place("example-mail-archive/primary", "eu-central-1"), ("every 6 h, kept 30 days", "every 7 days, kept 400 days")
)
SEEN = Bucket(ARCHIVE.place, ())
OWN = Bucket(Place("example-mail-backup/backup", "eu-central-1"), ("paused, kept 30 days",), is_paused=True)
LONG_NAME = "mail-exchange-one.department-of-long-names.an-organization-with-a-name.example.com"
LONG_ADDRESSES = ("203.0.113.10", "2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa")
LONG_PORTS = (25, 80, 110, 143, 443, 465, 587, 993, 995, 2525, 4190, 8443, 10025)


def host(hostname: str = "mx1.example.com", address: str = "203.0.113.10", ports=(25, 443, 465, 587, 993, 4190)) -> Host:
    return Host(hostname, (address,), ports, namespace="mail", fenced=False, store=("a volume of 20Gi",))


PRIMARY = Region(
    stack="primary",
    name="eu-west-1",
    is_primary=True,
    priority=10,
    host=host(),
    peer="mx2.example.com",
    stand_in=None,
    domains=1,
    recipients="",
    smarthosts=(),
    buckets=(HOT, ARCHIVE),
    drill="when `make drill` is typed",
)
BACKUP = replace(
    PRIMARY,
    stack="backup",
    name="eu-central-1",
    is_primary=False,
    priority=20,
    host=host("mx2.example.com", "198.51.100.20", (25,)),
    peer="mx1.example.com",
    recipients="read from the primary every 5 min",
    buckets=(SEEN, OWN),
)
STAND_IN = replace(host(address="198.51.100.21"), namespace="mail-2")

USUAL = Platform(PRIMARY, BACKUP)
ALONE = Platform(replace(PRIMARY, peer="", buckets=()), None)
ACTIVE = Platform(PRIMARY, replace(BACKUP, stand_in=STAND_IN))
CHECKING = Platform(PRIMARY, replace(BACKUP, stand_in=replace(STAND_IN, fenced=True)))
_LONG_HOST = replace(
    host(LONG_NAME),
    addresses=LONG_ADDRESSES,
    ports=LONG_PORTS,
    namespace="n" * 63,
    store=("PostgreSQL at database.with-a-long-name.stores.svc.cluster.local", "bodies in " + "b" * 63),
)
_LONG_BUCKETS = tuple(
    Bucket(Place(f"example-organization-mail-archive-{number}/a/folder/of/some/depth", "northamerica-northeast1"), ARCHIVE.copies)
    for number in range(4)
)
LONG = Platform(
    replace(PRIMARY, name="northamerica-northeast1-montreal", stack="s" * 40, host=_LONG_HOST, buckets=_LONG_BUCKETS),
    replace(
        BACKUP,
        name="northamerica-northeast2-toronto",
        host=replace(_LONG_HOST, hostname=LONG_NAME.replace("one", "two")),
        stand_in=_LONG_HOST,
        buckets=(*(replace(bucket, copies=()) for bucket in _LONG_BUCKETS), OWN),
    ),
)
ALL = {"usual": USUAL, "alone": ALONE, "active": ACTIVE, "checking": CHECKING, "long": LONG}
