"""What a primary reports to others, and where it takes their reports. A backup reports nothing: it speaks for no domain."""

from ..arguments import Role, Server
from ..operations import Plan, Update
from ..options.policies import Frequency
from ..registry.encoding import always
from ..registry.mta import (
    DkimReportSettings,
    DmarcReportSettings,
    ReportSettings,
    SpfReportSettings,
    TlsReportSettings,
)

ONE_A_DAY = "[1, 1d]"


def report_operations(server: Server) -> Plan:
    """How often each kind of report goes out."""
    is_primary = server.role == Role.PRIMARY
    failures = always(ONE_A_DAY if is_primary and server.reports.failures else "false")
    tls = server.reports.tls if is_primary else Frequency.DISABLE
    dmarc = server.reports.dmarc if is_primary else Frequency.DISABLE
    # Reports about our own domains come to the addresses that DNS names.
    asked = {domain.dmarc.report_address for domain in server.mail_domains} | {
        domain.tls_report_address for domain in server.mail_domains
    }
    here = {name for domain in server.mail_domains for name in domain.names}
    own = frozenset(address for address in asked if address and address.rpartition("@")[2] in here)
    return (
        Update(TlsReportSettings(send_frequency=always(tls))),
        Update(DmarcReportSettings(aggregate_send_frequency=always(dmarc), failure_send_frequency=failures)),
        Update(SpfReportSettings(send_frequency=failures)),
        Update(DkimReportSettings(send_frequency=failures)),
        Update(
            ReportSettings(inbound_report_addresses=own | frozenset(server.reports.addresses), inbound_report_forwarding=True)
        ),
    )
