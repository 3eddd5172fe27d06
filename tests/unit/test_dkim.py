"""DKIM keys: what receivers take, and the life of a selector."""

import base64

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import ValidationError

from components import dkim
from components.dkim import DkimAlgorithm, DkimSelector
from tests.unit.domains import domain

# RFC 8463, appendix A: the key, its record, and a message it signed.
RFC_8463_SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
RFC_8463_RECORD = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
MESSAGE = (
    b"From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\nSubject: Is dinner ready?\r\n"
    b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n"
    b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
)


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ed25519_key():
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(RFC_8463_SEED))


def _public(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _private(key, form=PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def test_the_ed25519_record_is_that_of_rfc_8463(ed25519_key):
    assert dkim.record_value(_public(ed25519_key)) == f"v=DKIM1; k=ed25519; h=sha256; p={RFC_8463_RECORD}"


def test_the_signature_of_rfc_8463_verifies_against_our_record(ed25519_key):
    signed = (
        b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n"
        b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n"
        b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
        b" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    )
    record = dkim.record_value(_public(ed25519_key)).encode()
    assert dkimpy.verify(signed + MESSAGE, dnsfunc=lambda _name, **_options: record)
    assert not dkimpy.verify(signed + MESSAGE.replace(b"Joe.", b"Jim."), dnsfunc=lambda _name, **_options: record)


def test_the_rsa_record_holds_the_key_that_was_given(rsa_key):
    value = dkim.record_value(_public(rsa_key))
    assert value.startswith("v=DKIM1; k=rsa; h=sha256; p=MII")
    der = base64.b64decode(value.partition("p=")[2])
    assert der == rsa_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert len(value) == 420


def test_a_public_key_may_be_given_as_it_stands_in_a_record(rsa_key, ed25519_key):
    for key in (rsa_key, ed25519_key):
        value = dkim.record_value(_public(key))
        assert dkim.record_value(value.partition("p=")[2]) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (lambda: _public(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        (lambda: _public(ec.generate_private_key(ec.SECP256R1())), "cannot sign mail"),
        (lambda: "no key", "is not a public key"),
        (lambda: base64.b64encode(b"x" * 31).decode(), "key"),
    ],
)
def test_a_key_that_receivers_would_not_take_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        dkim.record_value(text())


def test_a_private_key_may_be_brought_in_either_form(rsa_key):
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        private, public = dkim.private_key(_private(rsa_key, form), DkimAlgorithm.RSA)
        assert private == _private(rsa_key)
        assert public == _public(rsa_key)


@pytest.mark.parametrize(
    ("pem", "algorithm", "reason"),
    [
        (lambda r, e: _private(r), "ed25519", "is an rsa key, and its selector says ed25519"),
        (lambda r, e: _private(e), "rsa", "is an ed25519 key, and its selector says rsa"),
        (lambda r, e: _private(rsa.generate_private_key(65537, 1024)), "rsa", "1024 bits"),
        (lambda r, e: _private(e, encryption=BestAvailableEncryption(b"x")), "ed25519", "without a passphrase"),
        (lambda r, e: _public(e), "ed25519", "is not a private key"),
        (lambda r, e: _private(ec.generate_private_key(ec.SECP256R1())), "rsa", "DKIM knows no other"),
    ],
)
def test_a_weak_or_mismatched_private_key_is_refused_and_not_shown(pem, algorithm, reason, rsa_key, ed25519_key):
    text = pem(rsa_key, ed25519_key)
    with pytest.raises(ValueError, match=reason) as refused:
        dkim.private_key(text, DkimAlgorithm(algorithm))
    assert text.splitlines()[1] not in str(refused.value)


def test_a_public_key_of_the_other_algorithm_is_refused(ed25519_key):
    with pytest.raises(ValidationError, match="that is not rsa"):
        DkimSelector.model_validate({"name": "s1", "algorithm": "rsa", "publicKey": _public(ed25519_key)})


@pytest.mark.parametrize(
    ("state", "signs", "revoked"),
    [
        ("pending", False, False),
        ("active", True, False),
        ("retiring", False, False),
        ("retired", False, True),
    ],
)
def test_a_selector_signs_only_while_it_is_active(state, signs, revoked):
    selector = DkimSelector.model_validate({"name": "s1", "algorithm": "rsa", "state": state})
    assert (selector.signs_here, selector.is_revoked) == (signs, revoked)


def test_a_key_that_signs_elsewhere_is_not_for_this_server(ed25519_key):
    selector = DkimSelector.model_validate({"name": "s1", "algorithm": "ed25519", "publicKey": _public(ed25519_key)})
    assert not selector.signs_here


@pytest.mark.parametrize("states", [["pending"], ["retired", "retiring"]])
def test_a_domain_whose_mail_would_not_be_signed_is_refused(states):
    selectors = [{"name": f"s{n}", "algorithm": "rsa", "state": state} for n, state in enumerate(states)]
    with pytest.raises(ValidationError, match="would not be signed"):
        domain(dkim_selectors=selectors)
