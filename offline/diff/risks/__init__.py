"""What is risky about a change: each judge looks at two builds and says what it fears, in plain words, and what to do."""

from collections.abc import Callable, Iterator

from ..model import Risk
from ..reading import Build
from .alerts import alert_risks
from .backups import backup_risks
from .mail_dns import dns_risks
from .network import network_risks
from .pods import pod_risks
from .policies import policy_risks
from .ports import port_risks
from .providers import provider_risks
from .publishing import publishing_risks
from .resources import gone_risks, resource_risks
from .server import server_risks
from .violations import violation_risks

JUDGES: tuple[Callable[[Build, Build], Iterator[Risk]], ...] = (
    resource_risks,
    server_risks,
    provider_risks,
    dns_risks,
    publishing_risks,
    policy_risks,
    backup_risks,
    network_risks,
    port_risks,
    pod_risks,
    alert_risks,
    violation_risks,
)


def find(old: Build, new: Build) -> list[Risk]:
    """The risks of going from one build to the other, dangers first. A stack that is new risks nothing.

    Args:
        old: what is deployed, or about to be.
        new: what would be.
    """
    found = dict.fromkeys(gone_risks(old, new))
    # What a stack has deployed stays when its file goes.
    found |= dict.fromkeys(risk for judge in JUDGES for risk in judge(old, {**old, **new}))
    return sorted(found, key=lambda risk: risk.level != "danger")
