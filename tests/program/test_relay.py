"""The communication suite: everything that it would create, offline, and what its parts say to each other."""

import base64
import json
import re
import runpy
from collections.abc import Callable
from functools import cache
from typing import Any

import jinja2
import pulumi
import pytest
import yaml

from offline.examples import RELAY, installed
from offline.program import record, stack_config
from offline.recorder import Recording, Secret, has_secret, reveal, walk
from offline.world import OfflineWorld, secret_text
from tests.conftest import named
from tests.contract import judges
from tests.contract.network_policies import Outside, Pod, cluster_of, pods_of
from tests.program.invariants import INVARIANTS

SECRETS = {
    "issuer": {"url": "https://id.example.com/realms/example", "matrixClientSecret": {"secure": "client-s3cret"}},
    "notifications": {"appPassword": {"secure": "app_s3cret"}},
}
LARGE = {
    **SECRETS,
    "livekit": {"hostname": "rtc.example.com", "replicas": 2, "redis": "valkey.stores.svc:6380"},
    "matrix": {"hostname": "matrix.example.com", "federation": True},
}


def config(**changes: Any) -> dict[str, Any]:
    return {**stack_config("production", RELAY), **{f"relay:{key}": value for key, value in changes.items()}}


def suite(preview: bool = False, **changes: Any) -> Recording:
    return _suite(json.dumps(changes), preview)


@cache
def _suite(changes: str, preview: bool) -> Recording:
    installed()
    main = str(RELAY / "__main__.py")
    given = config(**json.loads(changes))
    return record("production", given, OfflineWorld(), preview, lambda: runpy.run_path(main, run_name="__main__") and None)


@pytest.fixture(params=[False, True], ids=["known", "unknown"])
def large(request: pytest.FixtureRequest) -> Recording:
    return suite(request.param, **LARGE)


def data_of(recording: Recording, name: str) -> dict[str, str]:
    found = named(recording, name).inputs["data"]
    assert isinstance(found, Secret)
    return {key: base64.b64decode(value).decode() for key, value in reveal(found).items()}


def homeserver(recording: Recording) -> dict[str, Any]:
    return yaml.safe_load(named(recording, "matrix-config").inputs["data"]["homeserver.yaml"])


def media_server(recording: Recording) -> dict[str, Any]:
    return yaml.safe_load(named(recording, "livekit-config").inputs["data"]["config.yaml"])


@pytest.mark.parametrize("holds", INVARIANTS, ids=lambda rule: rule.__name__)
def test_what_holds_for_every_program_holds(holds: Callable[[Recording], None], large: Recording):
    holds(large)


def test_the_suite_is_its_components_in_one_cluster(large: Recording):
    components = {resource.name for resource in large.resources.values() if not resource.custom}
    assert components == {"dkim", "mail", "dns", "stunner", "livekit", "matrix"}
    (provider,) = large.of_type("pulumi:providers:kubernetes")
    for resource in large.resources.values():
        if resource.type.startswith("kubernetes:"):
            assert resource.provider.startswith(provider.urn), resource.urn


def test_what_cannot_be_made_again_is_protected_and_kept(large: Recording):
    kept = {r.name for r in large.resources.values() if r.protect and r.retain_on_delete}
    assert {
        *("mail-namespace", "mail-data", "matrix-namespace", "matrix-media", "matrix-cluster-synapse-database"),
        *("matrix-signing-key", "matrix-synapse-keys"),
    } <= kept
    stateful = [*large.of_type("kubernetes:core/v1:PersistentVolumeClaim"), *large.of_type("tls:index/privateKey:PrivateKey")]
    assert {resource.name for resource in stateful} <= kept
    assert not {name for name in kept if name.startswith(("livekit", "stunner"))}


def test_no_secret_is_in_the_outputs_or_in_plain_text(large: Recording):
    assert not has_secret(dict(large.outputs))
    for resource in large.resources.values():
        if resource.type != "kubernetes:core/v1:Secret":
            assert not re.search("s3cret|stand-in-secret", json.dumps(reveal(dict(resource.inputs)))), resource.urn


def test_the_readme_sets_what_there_is_to_set():
    named = re.findall(r"pulumi config set --secret --path ([\w.]+) ", (RELAY / "README.md").read_text())
    schema = yaml.safe_load((RELAY / "blueprint.yaml").read_text())["spec"]["configSchema"]
    assert len(named) >= 2
    for path in named:
        section, _, key = path.partition(".")
        (reference,) = [str(value) for value in walk(schema["properties"][section]) if str(value).startswith("#/$defs/")]
        assert key in schema["$defs"][reference.removeprefix("#/$defs/")]["properties"], path


def test_a_first_preview_shows_every_resource():
    assert suite(preview=True, **LARGE).resources.keys() == suite(**LARGE).resources.keys()


def test_a_second_run_registers_the_same():
    first = {urn: resource.inputs for urn, resource in suite().resources.items()}
    _suite.cache_clear()
    assert {urn: resource.inputs for urn, resource in suite().resources.items()} == first


def test_kubernetes_takes_every_object():
    assert judges.check_manifests(suite()) >= 30
    assert judges.check_manifests(suite(**LARGE)) >= 30


def test_every_pod_passes_the_restricted_level():
    recording = suite(**LARGE)
    namespaces = [found.inputs["metadata"]["labels"] for found in recording.of_type("kubernetes:core/v1:Namespace")]
    assert [labels["pod-security.kubernetes.io/enforce"] for labels in namespaces] == ["restricted"] * 4
    (dataplane,) = recording.of_type("kubernetes:stunner.l7mp.io/v1:Dataplane")
    shape = dataplane.inputs["spec"]
    pods = [found.inputs["spec"]["template"]["spec"] for found in recording.of_type("kubernetes:apps/v1:Deployment")]
    # The operator copies the parts of this one.
    pods.append(
        {
            "securityContext": shape["securityContext"],
            "containers": [shape | {"securityContext": shape["containerSecurityContext"]}],
        }
    )
    assert len(pods) == 4
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert container["resources"]["limits"]["memory"]


def test_chat_sends_through_the_mail_servers_submission_endpoint():
    recording = suite(**SECRETS)
    assert recording.outputs["relayEndpoint"] == "stalwart.mail.svc:587"
    sender = yaml.safe_load(data_of(recording, "matrix-synapse-clients")["email.yaml"])["email"]
    assert (sender["smtp_host"], sender["smtp_port"]) == ("stalwart.mail.svc", 587)
    assert sender["tlsname"] == "mx1.example.com"
    assert sender["require_transport_security"]
    assert (sender["smtp_user"], sender["smtp_pass"]) == ("chat@example.com", "app_s3cret")
    (container,) = named(recording, "matrix-server").inputs["spec"]["template"]["spec"]["containers"]
    assert container["args"][-1] == "--config-path=/etc/synapse-secrets/email.yaml"
    assert '"name":"chat"' in "".join(named(recording, "mail-plan").inputs["data"].values()).replace(" ", "")


def test_another_mail_server_is_another_endpoint():
    mail = {"hostname": "post.example.com", "namespace": "post", "tls": {"issuer": "letsencrypt"}}
    recording = suite(**SECRETS | {"notifications": {**SECRETS["notifications"], "localPart": "news"}, "mail": mail})
    sender = yaml.safe_load(data_of(recording, "matrix-synapse-clients")["email.yaml"])["email"]
    assert (sender["smtp_host"], sender["tlsname"]) == ("stalwart.post.svc", "post.example.com")
    assert (sender["smtp_user"], sender["notif_from"]) == ("news@example.com", "%(app)s <news@example.com>")
    cluster, pods = cluster_of(recording), pods_of(recording)
    assert cluster.allows(pods["matrix-server"], pods["mail-server"], 587, blocks_match_pods=False)


def test_a_pod_is_replaced_once_what_it_reads_has_changed():
    def changes(recording: Recording, name: str) -> dict[str, str]:
        return named(recording, name).inputs["spec"]["template"]["metadata"]["annotations"]

    before, after = suite(**SECRETS), suite(**LARGE)
    for name in ("matrix-server", "livekit-server"):
        assert changes(before, name)["communication/config"] != changes(after, name)["communication/config"]
    assert changes(before, "matrix-server").keys() == {
        f"communication/{n}" for n in ("config", "synapse-keys", "synapse-clients")
    }
    assert all(changes(before, "matrix-server").values())


def test_without_an_app_password_no_mail_is_sent_and_it_says_what_to_do():
    recording = suite()
    assert not [resource for resource in recording.resources.values() if resource.name == "matrix-synapse-clients"]
    (container,) = named(recording, "matrix-server").inputs["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--config-path=/etc/synapse/homeserver.yaml"]
    assert "pulumi config set --secret --path notifications.appPassword" in recording.outputs["notifications"]
    assert suite(**SECRETS).outputs["notifications"] == "sent as chat@example.com"


def test_mail_and_chat_have_one_issuer():
    url = "https://login.example.net/realms/all"
    recording = suite(issuer={"url": url, "mailAudience": "stalwart", "matrixClientId": "chat"})
    (provider,) = homeserver(recording)["oidc_providers"]
    assert (provider["issuer"], provider["client_id"]) == (url, "chat")
    assert (provider["client_auth_method"], provider["pkce_method"]) == ("none", "always")
    told = "".join(named(recording, "mail-follow-up-files").inputs["data"].values())
    assert f'"issuerUrl":"{url}"' in told
    assert '"claimUsername":"email"' in told
    assert '"requireAudience":"stalwart"' in told


def test_a_client_secret_is_read_from_a_file():
    recording = suite(**SECRETS)
    (provider,) = homeserver(recording)["oidc_providers"]
    assert provider["client_secret_path"] == "/etc/synapse-secrets/client-secret"
    assert provider["client_auth_method"] == "client_secret_basic"
    assert data_of(recording, "matrix-synapse-clients")["client-secret"] == "client-s3cret"


@pytest.mark.parametrize(
    ("claims", "localpart"),
    [
        ({"email": "alice@example.com", "email_verified": True}, "alice"),
        ({"email": "Alice@EXAMPLE.com", "email_verified": True}, "Alice"),  # which Synapse puts into lower case
        ({"email": "alice@example.net", "email_verified": True}, ""),
        ({"email": "alice@EXAMPLE.NET", "email_verified": True}, ""),
        ({"email": "a@b@example.com", "email_verified": True}, ""),
        ({"email": "alice@example.com.evil.example", "email_verified": True}, ""),
        ({"email": "alice@evil.example@example.com", "email_verified": True}, ""),
        ({"email": "alice@sub.example.com", "email_verified": True}, ""),
        ({"email": "alice@notexample.com", "email_verified": True}, ""),
        ({"email": "alice@example.com ", "email_verified": True}, ""),
        ({"email": "alice", "email_verified": True}, ""),
        ({"email": "@example.com", "email_verified": True}, ""),
        ({"email": None, "email_verified": True}, ""),
        ({"email_verified": True}, ""),
        ({"email": "alice@example.com", "email_verified": False}, ""),
        ({"email": "alice@example.com", "email_verified": "false"}, ""),
        ({"email": "alice@example.com", "email_verified": None}, ""),
        ({"email": "alice@example.com"}, ""),
    ],
)
def test_only_who_has_an_address_of_the_domain_has_its_name_in_chat(claims: dict[str, Any], localpart: str):
    (provider,) = homeserver(suite())["oidc_providers"]
    # As Synapse does it (handlers/oidc.py); whom it finds no name for is not registered (handlers/sso.py).
    templates = jinja2.Environment(finalize=lambda found: "" if found is None else found)
    template = provider["user_mapping_provider"]["config"]["localpart_template"]
    assert templates.from_string(template).render(user=claims).strip() == localpart


def test_the_homeserver_signs_with_a_key_as_it_reads_it():
    keys = data_of(suite(), "matrix-synapse-keys")
    algorithm, version, seed = keys["signing.key"].split()
    assert (algorithm, version) == ("ed25519", "a_1")
    assert len(base64.b64decode(seed + "=")) == 32
    assert "=" not in seed
    paths = {homeserver(suite())[key] for key in ("signing_key_path", "macaroon_secret_key_path", "form_secret_path")}
    assert {path.rpartition("/")[2] for path in paths} == keys.keys()


def test_a_homeserver_is_alone_unless_it_is_to_federate():
    alone, open_ = homeserver(suite()), homeserver(suite(**LARGE))
    assert alone["federation_domain_whitelist"] == []
    assert alone["trusted_key_servers"] == []
    # The calls' service asks it who a user is.
    assert alone["listeners"][0]["resources"] == [{"names": ["client", "openid"]}]
    assert "federation_domain_whitelist" not in open_
    assert open_["listeners"][0]["resources"] == [{"names": ["client", "federation"]}]


def test_clients_find_the_homeserver_and_calls():
    recording = suite()
    found = homeserver(recording)
    transport = {"type": "livekit", "livekit_service_url": recording.outputs["callsUrl"]}
    assert found["extra_well_known_client_content"]["org.matrix.msc4143.rtc_foci"] == [transport]
    assert found["matrix_rtc"]["transports"] == [transport]
    routes = {
        (host, match["path"]["value"]): rule["backendRefs"][0]["name"]
        for route in recording.of_type("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute")
        for host in route.inputs["spec"]["hostnames"]
        for rule in route.inputs["spec"]["rules"]
        for match in rule["matches"]
    }
    assert routes == {
        ("matrix.example.com", "/_matrix"): "synapse-server",
        ("matrix.example.com", "/_synapse/client"): "synapse-server",
        ("example.com", "/.well-known/matrix"): "synapse-server",
        ("example.com", "/_matrix/federation"): "synapse-server",
        ("example.com", "/_matrix/key"): "synapse-server",
        ("rtc.example.com", "/livekit/jwt"): "livekit-tokens",
        ("rtc.example.com", "/livekit/sfu"): "livekit-server",
    }
    services = {found.inputs["metadata"]["name"] for found in recording.of_type("kubernetes:core/v1:Service")}
    assert set(routes.values()) <= services


def test_media_comes_through_the_turn_gateway():
    recording = suite(stunner={"address": "198.51.100.7"})
    rtc = media_server(recording)["rtc"]
    (turn,) = rtc["turn_servers"]
    assert (turn["host"], turn["port"], turn["protocol"]) == ("198.51.100.7", 3478, "udp")
    assert rtc["stun_servers"] == ["198.51.100.7:3478"]
    assert recording.outputs["turn"] == "turn:198.51.100.7:3478?transport=udp"
    gateway = named(recording, "stunner-gateway-turn").inputs
    assert gateway["spec"]["addresses"] == [{"type": "IPAddress", "value": "198.51.100.7"}]
    (listener,) = gateway["spec"]["listeners"]
    assert listener["port"] == turn["port"]
    route = named(recording, "livekit-udproute-livekit").inputs["spec"]
    assert route["parentRefs"] == [{"name": "turn", "namespace": "stunner"}]
    (backend,) = route["rules"][0]["backendRefs"]
    assert (backend["name"], backend["port"]) == ("livekit-server", rtc["udp_port"])
    # Both halves make credentials of the same secret.
    shared = secret_text("stunner-secret")
    assert data_of(recording, "stunner-turn-auth") == {"type": "ephemeral", "secret": shared}
    assert data_of(recording, "livekit-livekit-keys")["turn-secret"] == shared


def test_an_ipv6_address_is_in_brackets():
    (turn,) = media_server(suite(stunner={"address": "2001:db8::40"}))["rtc"]["turn_servers"]
    assert turn["host"] == "[2001:db8::40]"


def test_the_media_server_trusts_the_tokens_that_the_other_pod_makes():
    recording = suite(**LARGE)
    assert yaml.safe_load(data_of(recording, "livekit-livekit-keys")["keys.yaml"]) == {"matrix": secret_text("livekit-key")}
    (container,) = named(recording, "livekit-tokens").inputs["spec"]["template"]["spec"]["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    assert environment["LIVEKIT_KEY_FILE"] == media_server(recording)["key_file"]
    assert environment["LIVEKIT_URL"] == "wss://rtc.example.com/livekit/sfu"
    assert environment["LIVEKIT_FULL_ACCESS_HOMESERVERS"] == "example.com"
    assert not media_server(recording)["room"]["auto_create"]
    assert media_server(recording)["redis"] == {"address": "valkey.stores.svc:6380"}
    assert named(recording, "livekit-server").inputs["spec"]["replicas"] == 2


def test_only_what_has_a_volume_to_itself_goes_before_its_successor_comes():
    deployments = {found.name: found.inputs["spec"] for found in suite().of_type("kubernetes:apps/v1:Deployment")}
    strategies = {name: spec["strategy"]["type"] for name, spec in deployments.items()}
    assert strategies == {"matrix-server": "Recreate", "livekit-server": "RollingUpdate", "livekit-tokens": "RollingUpdate"}
    for name, spec in deployments.items():
        pod = spec["template"]["spec"]
        claims = [volume for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
        assert bool(claims) is (strategies[name] == "Recreate")
        # Two of them are on one node for a while.
        assert not [port for container in pod["containers"] for port in container["ports"] if "hostPort" in port]
        # The next pod waits for this long, and Pulumi for the next pod: ten minutes.
        assert pod.get("terminationGracePeriodSeconds", 30) <= 300


def test_calls_are_waited_for_where_newcomers_still_find_them():
    (alone, found) = (named(each, "livekit-server").inputs["spec"]["template"]["spec"] for each in (suite(), suite(**LARGE)))
    assert alone["terminationGracePeriodSeconds"] == 60
    assert found["terminationGracePeriodSeconds"] == 5 * 3600


PROXY, TURN = (
    Pod("gateways", {"app": "envoy"}),
    Pod("stunner", {"app": "stunner", "stunner.l7mp.io/related-gateway-name": "turn"}),
)
OTHERS = {
    "the Internet": Outside("198.18.7.7"),
    "the gateway": PROXY,
    "turn": TURN,
    "the operator": Pod("stunner-system", {"app": "stunner"}),
    "an app": Pod("apps", {"app": "shop"}),
    "a neighbour of LiveKit": Pod("livekit", {"app": "debug"}),
    "DNS": Pod("kube-system", {"k8s-app": "kube-dns"}),
    "the database": Pod("matrix", {"cnpg.io/cluster": "synapse-database"}),
    "a copy of it": Pod("matrix", {"cnpg.io/cluster": "synapse-database", "cnpg.io/jobRole": "join"}),
    "its operator": Pod("cnpg-system", {"app.kubernetes.io/name": "cloudnative-pg"}),
    "another operator": Pod("cnpg-system", {"app": "debug"}),
    "somebody's operator": Pod("apps", {"app.kubernetes.io/name": "cloudnative-pg"}),
    "a neighbour of Synapse": Pod("matrix", {"app": "debug"}),
    "the cluster's API": Outside("198.18.0.1"),
    "valkey": Pod("stores", {"app": "valkey"}),
}


@pytest.mark.parametrize(
    ("source", "target", "ports", "allowed"),
    [
        ("the gateway", "matrix-server", "8008", True),
        ("matrix-server", "the database", "5432", True),
        ("its operator", "the database", "5432 8000", True),
        ("a copy of it", "the database", "5432 8000", True),
        ("the database", "a copy of it", "5432 8000", True),
        ("the database", "the cluster's API", "443 6443", True),
        ("the database", "DNS", "53 53/UDP", True),
        ("matrix-server", "mail-server", "587", True),
        ("matrix-server", "the Internet", "443", True),
        ("matrix-server", "DNS", "53 53/UDP", True),
        ("the gateway", "livekit-server", "7880", True),
        ("the gateway", "livekit-tokens", "8080", True),
        ("livekit-tokens", "the Internet", "443", True),
        ("livekit-tokens", "the gateway", "443 8443", True),
        ("livekit-server", "valkey", "6380", True),
        ("the Internet", "turn", "3478/UDP", True),
        ("turn", "livekit-server", "7882/UDP", True),
        ("livekit-server", "turn", "40123/UDP", True),
        ("turn", "the operator", "13478", True),
        ("the Internet", "mail-server", "25 587", True),
        # and nothing else
        ("the Internet", "matrix-server", "8008", False),
        ("the Internet", "livekit-server", "7880 7882/UDP", False),
        ("the Internet", "livekit-tokens", "8080", False),
        ("the Internet", "turn", "3478 8086 40123/UDP", False),
        ("an app", "matrix-server", "8008", False),
        ("an app", "the database", "5432 8000 9187", False),
        ("a neighbour of Synapse", "the database", "5432 8000", False),
        ("another operator", "the database", "5432 8000", False),
        ("somebody's operator", "the database", "5432 8000", False),
        ("mail-server", "the database", "5432 8000", False),
        ("matrix-server", "the database", "8000 9187", False),
        ("the Internet", "the database", "5432 8000", False),
        ("an app", "livekit-server", "7880 7882/UDP", False),
        ("livekit-tokens", "livekit-server", "7880", False),
        ("the gateway", "livekit-server", "7882/UDP", False),
        ("matrix-server", "mail-server", "25 8080 143 993", False),
        ("matrix-server", "livekit-server", "7880", False),
        ("matrix-server", "an app", "80 5432 587", False),
        ("livekit-server", "the Internet", "443 3478/UDP", False),
        ("livekit-server", "mail-server", "587 8080", False),
        ("turn", "matrix-server", "8008 7882/UDP", False),
        ("turn", "livekit-server", "7880 7881/UDP", False),
        ("turn", "the Internet", "443 7882/UDP", False),
        ("turn", "a neighbour of LiveKit", "7881/UDP 7880", False),
        ("turn", "an app", "7882/UDP", False),
        ("a neighbour of LiveKit", "turn", "13478 8086", False),
    ],
)
@pytest.mark.parametrize("blocks_match_pods", [False, True])
def test_who_may_talk_to_whom(source: str, target: str, ports: str, allowed: bool, blocks_match_pods: bool):
    recording = suite(**LARGE)
    cluster, ends = cluster_of(recording), {**OTHERS, **pods_of(recording)}
    for port, _, protocol in (port.partition("/") for port in ports.split()):
        found = cluster.allows(ends[source], ends[target], int(port), protocol or "TCP", blocks_match_pods=blocks_match_pods)
        assert found is allowed, f"{source} to {target} {port}"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"domain": "example"}, "relay:domain: is not a fully qualified host name"),
        ({"mail": {"hostname": "mx1.example.org", "tls": {"issuer": "x"}}}, "which is not in the domain example.com"),
        ({"mail": {"hostname": "mx1.example.com", "tls": {}}}, "chat sends its password only to a certificate"),
        ({"livekit": {"hostname": "rtc.example.com", "replicas": 2}}, "without `redis`"),
        ({"matrix": {"hostname": "matrix.example.com", "image": "synapse:latest"}}, "is not an image reference"),
        ({"stunner": {"address": "203.0.113.40", "namespace": "matrix"}}, "the namespace matrix twice"),
        ({"notifications": {"appPassword": {"secure": "hunter2"}}}, "is not an app password"),
        ({"typo": "x"}, "relay:typo"),
    ],
)
def test_a_mistake_is_told_before_anything_is_created(changes: dict[str, Any], told: str):
    with pytest.raises(pulumi.RunError, match=re.escape(told)) as refused:
        suite(**changes)
    assert "hunter2" not in str(refused.value)
