"""The rules of single values."""

import pytest

from components import checks


@pytest.mark.parametrize(
    ("rule", "value", "canonical"),
    [
        (checks.hostname, "MX1.Example.COM.", "mx1.example.com"),
        (checks.hostname, "xn--bcher-kva.example", "xn--bcher-kva.example"),
        (checks.ip_address, "2001:DB8:0:0::1", "2001:db8::1"),
        (checks.ip_network, "10.0.0.0/8", "10.0.0.0/8"),
        (checks.email_address, "dmarc+x@Example.com", "dmarc+x@example.com"),
        (checks.exact_image, "registry.example:5000/a/b:1.2.3", "registry.example:5000/a/b:1.2.3"),
        (checks.server_image, "stalwartlabs/stalwart:v0.16.27", "stalwartlabs/stalwart:v0.16.27"),
        (checks.server_image, "a/b:v0.16.3-alpine@sha256:" + "0" * 64, "a/b:v0.16.3-alpine@sha256:" + "0" * 64),
        (checks.s3_url, "https://s3.example.net/", "https://s3.example.net"),
        (checks.quantity, "20Gi", "20Gi"),
        (checks.bucket, "example-mail.hot", "example-mail.hot"),
    ],
)
def test_a_good_value_is_returned_in_canonical_form(rule, value, canonical):
    assert rule(value) == canonical


@pytest.mark.parametrize(
    ("rule", "value", "reason"),
    [
        (checks.hostname, "localhost", "fully qualified"),
        (checks.hostname, "bad_name.example", "fully qualified"),
        (checks.hostname, "-a.example", "fully qualified"),
        (checks.hostname, "a" * 64 + ".example", "fully qualified"),
        (checks.hostname, "192.0.2.1", "IP address"),
        (checks.hostname, "bücher.example", "punycode"),
        (checks.selector, "s1_rsa", "selector"),
        (checks.ip_address, "300.1.1.1", "IPv4 or IPv6"),
        (checks.ip_address, "0.0.0.0", "others can reach"),
        (checks.ip_address, "::1", "others can reach"),
        (checks.ip_network, "10.0.0.1/8", "host bits"),
        (checks.ip_network, "0.0.0.0/0", "too large"),
        (checks.ip_network, "fc00::/7", "too large"),
        (checks.email_address, "nobody", "e-mail"),
        (checks.email_address, "a b@example.com", "e-mail"),
        (checks.email_address, "a@localhost", "fully qualified"),
        (checks.exact_image, "stalwartlabs/stalwart", "no tag"),
        (checks.exact_image, "stalwartlabs/stalwart:latest", "floating"),
        (checks.exact_image, "stalwartlabs/stalwart:edge", "floating"),
        (checks.exact_image, "stalwartlabs/stalwart:v0.16", "floating"),
        (checks.exact_image, "not an image", "not an image"),
        (checks.server_image, "stalwartlabs/stalwart:v1.0.0", "cannot open the data store"),
        (checks.server_image, "stalwartlabs/stalwart:v0.15.4", "configured differently"),
        (checks.s3_url, "https://minio.minio.svc:9000", "inside this cluster"),
        (checks.s3_url, "http://minio:9000", "inside this cluster"),
        (checks.s3_url, "http://s3.minio.svc.cluster.local", "inside this cluster"),
        (checks.s3_url, "https://s3.example.net/path", "no path"),
        (checks.quantity, "20GB", "storage size"),
        (checks.quantity, "0Gi", "storage size"),
        (checks.bucket, "UPPER", "bucket"),
        (checks.kubernetes_name, "Mail", "Kubernetes name"),
    ],
)
def test_a_bad_value_is_refused_with_the_reason(rule, value, reason):
    with pytest.raises(ValueError, match=reason):
        rule(value)
