"""A plan in words."""

from components.stalwart.plan_job import plan_text
from offline.told import told

from .servers import FULL_BACKUP, FULL_PRIMARY, server


def _said(args):
    return {(row.object, row.label): row.settings for row in told(plan_text(server(args)))}


def test_durations_and_sizes_are_as_people_say_them():
    said = _said(FULL_PRIMARY)
    assert "authBanPeriod 2 h" in said["Security", ""]
    assert "maxAge 30 d" in said["MtaSts", ""]
    assert "size 2 GiB" in said["MtaQueueQuota", "Recipient domain quota"]
    assert "rate 600 in 1 min" in said["MtaOutboundThrottle", "Recipient domain throttle"]
    assert "retry Custom 2 min, 5 min, 10 min, 15 min" in _said(FULL_BACKUP)["MtaDeliverySchedule", "backupmx"]


def test_rules_are_sentences_and_secrets_are_names():
    said = _said(FULL_PRIMARY)
    assert "enableSpamFilter is_empty(authenticated_as)" in said["MtaStageData", ""]
    assert "route 'local' if is_local_domain(rcpt_domain), else 'partner' if" in said["MtaOutboundStrategy", ""]
    assert "authSecret $SMARTHOST_SES_PASSWORD" in said["MtaRoute", "ses"]
    assert "privateKey /etc/stalwart-mail/tls/0/tls.key" in said["Certificate", ""]


def test_every_object_has_a_row_and_an_empty_type_says_so():
    rows = told(plan_text(server(FULL_PRIMARY)))
    assert len([row for row in rows if row.object == "NetworkListener"]) == 10
    assert _said({**FULL_PRIMARY, "telemetry": {}})["WebHook", ""] == "none"
    assert "Action" not in {row.object for row in rows}
