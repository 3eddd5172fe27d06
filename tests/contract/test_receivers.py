"""What receivers say of the generated zones: checkdmarc asks a DNS server that has them, dkimpy verifies what the keys sign."""

import base64
import json

import checkdmarc
import checkdmarc.mta_sts
import checkdmarc.utils
import dkim as dkimpy
import dns.nameserver
import dns.reversename
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from offline import world
from offline.program import record, stack_config
from offline.recorder import Recording, reveal
from offline.summary import plan_text
from tests.conftest import changed, named, recorded
from tests.doctor.dns_server import LocalDns, serving

EVERYTHING = [
    {
        "name": "example.com",
        "aliases": ["example.info"],
        "dmarc": {"policy": "reject", "reportAddress": "dmarc@example.net"},
        "spf": {"includes": ["spf.example.net"], "networks": ["192.0.2.0/28"]},
        "caa": {"issuers": [{"authority": "letsencrypt.org"}]},
    },
    {"name": "example.net", "hostedDkim": {"zone": "dkim.example.com"}},
    {"name": "sub.example.net", "dmarc": {"policy": "reject"}},
    {"name": "example.org", "parked": True},
]
EGRESS = {
    "addresses": ["203.0.113.10", "2001:db8::10"],
    "egress": [{"address": "203.0.113.99", "ehloHostname": "out1.example.com"}],
}
# What checkdmarc remarks on where nothing is meant to be: a logo, and all of mail at a domain that has none.
NO_LOGO = "bimi: A BIMI record does not exist"
PARKED = {
    "mx: ['example.org has a null MX record (RFC 7505): the domain explicitly does not accept mail']",
    "mta_sts: An MTA-STS DNS record does not exist.",
    "smtp_tls_reporting: An SMTP TLS Reporting record does not exist.",
}


@pytest.fixture(params=["shipped", "everything"])
def stacks(request) -> list[Recording]:
    if request.param == "shipped":
        return [recorded("primary"), recorded("backup")]
    primary = changed("primary", domains=EVERYTHING, exposure=EGRESS, mtaSts={"mode": "enforce"})
    return [primary, record("backup", stack_config("backup"), world.OfflineWorld({"mail/primary": dict(primary.outputs)}))]


@pytest.fixture
def results(stacks, monkeypatch):
    """What checkdmarc says, by domain."""
    served = LocalDns()
    # An include of somebody else's.
    served.add("spf.example.net", "TXT", '"v=spf1 ip4:192.0.2.77 -all"')
    for number in (1, 2):
        served.add(f"ns{number}.example.net", "A", f"192.0.2.{number}")
    domains = {}
    for recording in stacks:
        for origin, text in recording.outputs["zones"].items():
            served.load(origin, text)
            names = [line.split()[0].rstrip(".") for line in text.splitlines() if " IN MX " in line]
            domains |= {name: f"{name}. 3600 IN MX 0 ." in text for name in names}
        for address, name in recording.outputs["ptr"].items():
            served.add(dns.reversename.from_address(address).to_text(), "PTR", f"{name}.")
    # Their policies are what the server is told to serve.
    (told,) = [json.loads(line)["value"] for line in plan_text(stacks[0]).splitlines() if '"object":"MtaSts"' in line]
    lines = ["version: STSv1", f"mode: {told['mode']}", *(f"mx: {host}" for host in told["mxHosts"])]
    policy = "\n".join([*lines, f"max_age: {told['maxAge'] // 1000}", ""])
    monkeypatch.setattr(checkdmarc.mta_sts, "download_mta_sts_policy", lambda *_, **__: {"policy": policy, "warnings": []})
    checkdmarc.utils.DNS_CACHE.clear()
    with serving(served) as port:
        asked = [dns.nameserver.Do53Nameserver("127.0.0.1", port)]
        yield {
            name: checkdmarc.check_domains([name], parked=parked, nameservers=asked, timeout=5.0, retries=1)
            for name, parked in domains.items()
        }
    checkdmarc.utils.DNS_CACHE.clear()


def _complaints(value, path=""):
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("error", "warnings", "errors") and item:
                yield f"{path.removeprefix('.')}: {item}"
            yield from _complaints(item, f"{path}.{key}")
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _complaints(item, f"{path}[{number}]")


def test_a_receiver_has_no_complaint(results):
    assert "example.com" in results
    for name, found in results.items():
        parked = name == "example.org"
        remarks = {remark for remark in _complaints(found) if not remark.startswith(NO_LOGO)}
        assert remarks <= (PARKED if parked else set()), name
        for said in ("spf", "dmarc") if parked else ("spf", "dmarc", "mta_sts", "smtp_tls_reporting"):
            assert found[said]["valid"], (name, said)
        assert len(found["mx"]["hosts"]) == (0 if parked else 2), name


MAIL = b"From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: Hello\r\n\r\nHi.\r\n"


@pytest.fixture(scope="module")
def deployed():
    """The primary with keys that have private halves, as `pulumi up` makes them."""
    keys = {"RSA": rsa.generate_private_key(65537, 2048), "ED25519": Ed25519PrivateKey.generate()}

    class WithKeys(world.OfflineWorld):
        def create(self, args):
            if args.typ != "tls:index/privateKey:PrivateKey":
                return super().create(args)
            key = keys[args.inputs["algorithm"]]
            return {
                "privateKeyPemPkcs8": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
                "publicKeyPem": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            }

    return record("primary", stack_config("primary"), WithKeys())


@pytest.mark.parametrize("selector", ["s1-rsa", "s1-ed25519"])
def test_what_the_deployed_key_signs_verifies_against_the_served_record(deployed, selector):
    name = f"{selector}._domainkey.example.com"
    mounted = reveal(named(deployed, "stalwart-stalwart-dkim-0").inputs["data"])[name]
    pem = base64.b64decode(mounted)
    algorithm = b"rsa-sha256"
    private = pem
    if selector.endswith("ed25519"):
        # dkimpy takes the bare seed.
        seed = load_pem_private_key(pem, None).private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        private, algorithm = base64.b64encode(seed), b"ed25519-sha256"
    served = LocalDns()
    served.load("example.com", deployed.outputs["zones"]["example.com"])
    signature = dkimpy.sign(MAIL, selector.encode(), b"example.com", private, signature_algorithm=algorithm)

    with serving(served) as port:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [dns.nameserver.Do53Nameserver("127.0.0.1", port)]

        def ask(asked, **_options):
            return b"".join(next(iter(resolver.resolve(asked.decode(), "TXT"))).strings)

        assert dkimpy.verify(signature + MAIL, dnsfunc=ask)
        assert not dkimpy.verify(signature + MAIL.replace(b"Hi.", b"Ho."), dnsfunc=ask)
