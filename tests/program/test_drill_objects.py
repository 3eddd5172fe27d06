"""The objects of a drill: a wall around its namespace, a CronJob that waits to be started, and what serves its result."""

from tests.conftest import changed, named, only, recorded
from tests.program.stacks import settings_of


def _watched(**drill):
    backup = {**settings_of("backup")["mail:backup"], "alerts": True, "drill": drill}
    return changed("backup", backup=backup)


def test_nothing_gets_out_of_the_scratch_namespace_and_only_the_drill_gets_in():
    wall = named(recorded("backup"), "drill-wall").inputs
    assert wall["metadata"]["namespace"] == "mail-drill"
    assert wall["spec"]["podSelector"] == {}
    assert set(wall["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    assert "egress" not in wall["spec"]
    (rule,) = wall["spec"]["ingress"]
    (source,) = rule["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "velero"}
    assert source["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "drill"
    assert [port["port"] for port in rule["ports"]] == [8080]


def test_a_drill_runs_by_itself_only_when_that_is_set():
    assert named(recorded("backup"), "drill-job").inputs["spec"]["suspend"] is True
    spec = named(_watched(cron="23 4 2 * *"), "drill-job").inputs["spec"]
    assert (spec["suspend"], spec["schedule"], spec["concurrencyPolicy"]) == (False, "23 4 2 * *", "Forbid")
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_its_result_is_served_for_as_long_as_prometheus_may_ask():
    recording = _watched()
    pod = named(recording, "drill-metrics").inputs["spec"]["template"]
    assert pod["spec"]["restartPolicy"] == "Always"
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert [v["configMap"]["optional"] for v in pod["spec"]["volumes"] if v["name"] == "result"] == [True]
    monitor = only(recording, "kubernetes:monitoring.coreos.com/v1:PodMonitor").inputs["spec"]
    assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert [port["name"] for port in pod["spec"]["containers"][0]["ports"]] == [monitor["podMetricsEndpoints"][0]["port"]]
    assert not recorded("backup").of_type("kubernetes:monitoring.coreos.com/v1:PodMonitor")
