"""Time and memory of the record sets of many domains, from checked arguments to zone files, in pure Python.

Each figure is a process of its own, and the median of several; linear growth shows as a steady number of records a second.
"""

import argparse
import json
import statistics
import sys
import time
from resource import RUSAGE_SELF, getrusage

from components.dns.arguments import resolve
from components.dns.published import published
from components.dns.publishers import zone_file
from components.dns.records.exchange import Exchange
from components.mail_domain import MailDomainArgs

from .bench import KIB_PER_MIB, RUNS, in_a_process

DOMAINS = (100, 1_000, 10_000)
KEY = "v=DKIM1; k=rsa; h=sha256; p=" + "A" * 392
HOST, ADDRESS = "mx1.d0.example", "203.0.113.10"


def main() -> int:
    """Run the measurements, or (with `--domains`, in a process of its own) what is measured."""
    parser = argparse.ArgumentParser(prog="python -m offline.bench_records", description=__doc__)
    parser.add_argument("--domains", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.domains is not None:
        print(json.dumps(_measured(options.domains)))
        return 0
    print("| domains | records | wall (s) | records a second | memory (MiB) |\n|---:|---:|---:|---:|---:|")
    for domains in DOMAINS:
        runs = [in_a_process("offline.bench_records", domains) for _ in range(RUNS)]
        wall, memory, records = (statistics.median(run[name] for run in runs) for name in ("wall", "memory", "records"))
        print(f"| {domains} | {records:.0f} | {wall:.2f} | {records / wall:.0f} | {memory / KIB_PER_MIB:.0f} |", flush=True)
    return 0


def _measured(domains: int) -> dict[str, float]:
    names = [MailDomainArgs(name=f"d{number}.example") for number in range(domains)]
    start = time.perf_counter()
    dns = resolve({"hostname": HOST, "addresses": [ADDRESS], "domains": names, "mta_sts": {}})
    exchange = Exchange(hostname=HOST, priority=10, target=HOST, addresses=(ADDRESS,))
    keys = {selector.record_name(domain.name): KEY for domain in dns.mail_domains for selector in domain.selectors}
    found = published(dns, exchange, keys)
    for zone, records in found.by_zone.items():
        zone_file.render(zone, records, (), dns.ttl_seconds)
    wall = time.perf_counter() - start
    count = sum(len(records) for records in found.by_zone.values())
    return {"wall": wall, "memory": getrusage(RUSAGE_SELF).ru_maxrss, "records": count}


if __name__ == "__main__":
    sys.exit(main())
