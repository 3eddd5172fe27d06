"""IAM policies: what they let Velero, kopia and barman do, and above all what they do not."""

import json
import warnings
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.backup import iam

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VELERO = (iam.writer, iam.reader)
DATABASE = (iam.database_writer, iam.database_reader)
MAKERS = (*VELERO, *DATABASE)
CHANGES = ("Put", "Delete", "Abort", "Create", "Replicate", "Restore", "Bypass")

buckets = st.from_regex(r"[a-z0-9]([a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]", fullmatch=True).filter(lambda name: ".." not in name)
parts = st.from_regex(r"[A-Za-z0-9!_'()-][A-Za-z0-9!_.'()-]{0,11}", fullmatch=True)
folders = st.lists(parts, min_size=1, max_size=3).map("/".join)
prefixes = st.none() | folders


def _allows(policy, action, resource, prefix=None):
    """Whether IAM would allow a call: a matching statement whose conditions hold. `*` and `?` are the wildcards of both."""

    def holds(condition):
        operator, values = next(iter(condition.items())) if condition else ("", {})
        assert operator in ("", "StringLike")
        return all(prefix is not None and any(fnmatchcase(prefix, p) for p in patterns) for patterns in values.values())

    return any(
        action in statement["Action"]
        and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        and holds(statement.get("Condition"))
        for statement in policy["Statement"]
    )


def _object(bucket, key):
    return f"arn:aws:s3:::{bucket}/{key}"


# What Velero and kopia list, by pkg/persistence/object_store.go and repo/blob/s3/s3_storage.go.
LISTED = ("", "backups/", "backups/hot-20261121/", "restores/drill/", "kopia/mail/", "kopia/mail/p", "kopia/mail/.storageconfig")


@pytest.mark.parametrize("make", VELERO)
@pytest.mark.parametrize("prefix", ["primary", "primary/", "mail/primary"])
def test_velero_may_list_all_that_it_lists_and_nothing_around_it(make, prefix):
    policy = make("a-bucket", prefix)
    for listed in LISTED:
        assert _allows(policy, "s3:ListBucket", "arn:aws:s3:::a-bucket", f"{prefix.strip('/')}/{listed}")
    for other in (None, "", "m", prefix.strip("/"), f"{prefix.strip('/')}2/", "other/"):
        assert not _allows(policy, "s3:ListBucket", "arn:aws:s3:::a-bucket", other)


@pytest.mark.parametrize("make", VELERO)
def test_without_a_prefix_the_bucket_is_velero_s(make):
    policy = make("a-bucket")
    assert all(_allows(policy, "s3:ListBucket", "arn:aws:s3:::a-bucket", listed) for listed in LISTED)
    assert _allows(policy, "s3:GetObject", _object("a-bucket", "kopia/mail/p0"))


@pytest.mark.parametrize("make", DATABASE)
def test_barman_may_ask_whether_the_bucket_is_there(make):
    assert _allows(make("a-bucket", "db"), "s3:ListBucket", "arn:aws:s3:::a-bucket")


def test_a_key_that_restores_writes_the_log_of_the_restore():
    policy = iam.reader("a-bucket", "primary", KEY)
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert _allows(policy, action, _object("a-bucket", "primary/restores/drill/restore-drill-logs.gz"))
        assert not _allows(policy, action, _object("a-bucket", "primary/backups/hot/velero-backup.json"))
    by_sid = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert by_sid["WriteWithTheKey"]["Action"] == ["kms:GenerateDataKey"]
    assert by_sid["WriteWithTheKey"]["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"] == [
        "arn:aws:s3:::a-bucket",  # all that is known of an object where bucket keys are on
        "arn:aws:s3:::a-bucket/primary/restores/*",
    ]


@given(make=st.sampled_from(MAKERS), bucket=buckets, prefix=prefixes, key=st.none() | st.just(KEY))
def test_no_policy_is_wider_than_its_bucket_and_its_key(make, bucket, prefix, key):
    for statement in make(bucket, prefix, key)["Statement"]:
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"])
        assert "s3:DeleteObjectVersion" not in statement["Action"]
        (resource,) = statement["Resource"]
        place = f"arn:aws:s3:::{bucket}"
        assert resource in (KEY, place) or resource.startswith(f"{place}/")
        assert resource.count("*") == resource.endswith("/*")
        if resource == place:
            assert statement["Action"] == ["s3:ListBucket"]  # nothing that changes a bucket
        if resource == KEY:
            assert statement["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"]


@given(make=st.sampled_from(MAKERS), bucket=buckets, prefix=folders, more=parts, key=st.none() | st.just(KEY))
def test_the_folder_of_another_cluster_is_never_covered(make, bucket, prefix, more, key):
    policy = make(bucket, prefix, key)
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    others = (f"{prefix}{more}/x", f"{more}{prefix}/x", f"{prefix}.x", prefix)
    for action in actions - {"s3:ListBucket", "kms:Decrypt", "kms:GenerateDataKey"}:
        assert not any(_allows(policy, action, _object(bucket, key)) for key in others)
        assert not _allows(policy, action, _object(f"{bucket}x", f"{prefix}/restores/x"))
    if make in VELERO:
        assert not any(_allows(policy, "s3:ListBucket", f"arn:aws:s3:::{bucket}", other) for other in others)


@given(bucket=buckets, prefix=prefixes, key=st.none() | st.just(KEY))
def test_a_reader_changes_nothing_but_what_restores_write(bucket, prefix, key):
    start = f"{prefix}/" if prefix else ""
    for statement in iam.reader(bucket, prefix, key)["Statement"]:
        if any(action.startswith(tuple(f"s3:{change}" for change in CHANGES)) for action in statement["Action"]):
            assert statement["Resource"] == [_object(bucket, f"{start}restores/*")]
    for statement in iam.database_reader(bucket, prefix, key)["Statement"]:
        assert set(statement["Action"]) <= {"s3:GetObject", "s3:ListBucket", "kms:Decrypt"}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("prefix", ["a*", "a?", "${aws:username}", "a//b", "../b", "a/./b", "a b", "/", "ä"])
def test_a_prefix_that_means_something_else_in_a_policy_is_refused(make, prefix):
    with pytest.raises(ValueError, match="is not a folder in a bucket"):
        make("a-bucket", prefix)


@pytest.mark.parametrize("make", MAKERS)
def test_a_bucket_and_a_key_that_are_none_are_refused(make):
    with pytest.raises(ValueError, match="is not an S3 bucket name"):
        make("a-bucket/*")
    for key in ("*", "arn:aws:kms:eu-central-1:111122223333:alias/mail", "arn:aws:kms:eu-central-1:111122223333:key/*"):
        with pytest.raises(ValueError, match="is not the ARN of a KMS key"):
            make("a-bucket", None, key)


def test_the_policy_of_a_bucket_denies_what_comes_without_tls():
    (statement,) = iam.tls_only("a-bucket")["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["arn:aws:s3:::a-bucket", "arn:aws:s3:::a-bucket/*"]


def test_the_same_policy_is_the_same_text():
    policy = iam.writer("a-bucket", "primary", KEY)
    assert json.loads(iam.to_json(policy)) == policy
    assert iam.to_json(policy) == iam.to_json(dict(reversed(policy.items())))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("prefix", [None, "primary"])
@pytest.mark.parametrize("key", [None, KEY])
def test_a_linter_of_others_finds_nothing(make, prefix, key):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves its own files open
        parliament = pytest.importorskip("parliament")
    policy = make("a-bucket", prefix, key)
    assert parliament.analyze_policy_string(iam.to_json(policy)).findings == []
    policy["Statement"][0]["Action"] = ["s3:ListBuckets"]
    assert parliament.analyze_policy_string(iam.to_json(policy)).findings  # it does look
