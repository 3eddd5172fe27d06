"""The bucket for backups, as recorded: what is registered, how it is kept, and that nothing in it expires."""

import json

import pytest

from components import checks
from offline.program import record
from offline.world import OfflineWorld
from tests.conftest import named, only

aws = pytest.importorskip("pulumi_aws")
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*has been deprecated in favor of:DeprecationWarning"
)  # of its own, as it is imported

ARN = "arn:aws:s3:::an-archive"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ARCHIVE = {"bucket": "an-archive", "region": "eu-central-1", "prefix": "primary"}
FULL = {
    **ARCHIVE,
    "noncurrent_days": 60,
    "kms_key_arn": KEY,
    "object_lock_days": 14,
    "cold_packs": {"storage_class": "GLACIER_IR", "namespaces": ["mail"], "after_days": 1},
}
KINDS = {
    "bucket:Bucket",
    "bucketVersioning:BucketVersioning",
    "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "bucketPublicAccessBlock:BucketPublicAccessBlock",
    "bucketOwnershipControls:BucketOwnershipControls",
    "bucketPolicy:BucketPolicy",
    "bucketLifecycleConfiguration:BucketLifecycleConfiguration",
}
LOCK = "bucketObjectLockConfiguration:BucketObjectLockConfiguration"


class _World(OfflineWorld):
    def create(self, args):
        return {"arn": f"arn:aws:s3:::{args.inputs['bucket']}"} if args.typ == _type("bucket:Bucket") else super().create(args)


def _type(kind):
    return f"aws:s3/{kind}"


def _recorded(args, preview=False, key=None):
    import pulumi

    from components.backup.archive_bucket import ArchiveBucket

    def program():
        provider = aws.Provider("aws", region="us-east-1", skip_credentials_validation=True)
        given = {**args, "kms_key_arn": pulumi.Output.from_input(key)} if key else args
        archive = ArchiveBucket("archive", given, pulumi.ResourceOptions(provider=provider))
        for output in ("bucket", "region", "arn", "writer_policy", "reader_policy"):
            pulumi.export(output, getattr(archive, output))

    return record("primary", {}, _World(), preview=preview, program=program)


def _children(recording):
    component = only(recording, "stalwart-mail:index:ArchiveBucket")
    return [resource for resource in recording.resources.values() if resource.parent == component.urn]


@pytest.fixture(scope="module", params=[ARCHIVE, FULL], ids=["least", "full"])
def recording(request):
    return _recorded(request.param)


@pytest.mark.parametrize("args", [ARCHIVE, FULL], ids=["least", "full"])
@pytest.mark.parametrize("preview", [False, True], ids=["known", "unknown"])
def test_all_of_it_is_there_protected_and_kept(args, preview):
    recording = _recorded(args, preview)
    children = _children(recording)
    assert {child.type for child in children} == {
        _type(kind) for kind in KINDS | ({LOCK} if "object_lock_days" in args else set())
    }
    (provider,) = recording.of_type("pulumi:providers:aws")
    for child in children:
        assert (child.protect, child.retain_on_delete) == (True, True), child.urn
        assert child.name.startswith("archive-")
        assert child.provider.startswith(provider.urn)
        assert child.inputs["region"] == "eu-central-1"
        assert child.inputs["bucket"] == "an-archive"
    assert recording.duplicates == []
    assert only(recording, "stalwart-mail:index:ArchiveBucket").urn in recording.closed


def test_the_lifecycle_keeps_every_object(recording):
    rules = named(recording, "archive-lifecycle").inputs["rules"]
    for rule in rules:
        assert rule["status"] == "Enabled"
        assert rule.get("expiration", {}) in ({}, {"expiredObjectDeleteMarker": True})
        assert {"id", "status", "filter"} < rule.keys()
    assert rules[0]["filter"] == {}
    assert rules[0]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert named(recording, "archive-versioning").urn in named(recording, "archive-lifecycle").dependencies


def test_packs_of_data_move_and_nothing_else():
    first, packs = named(_recorded(FULL), "archive-lifecycle").inputs["rules"]
    assert first["noncurrentVersionExpiration"] == {"noncurrentDays": 60}
    assert packs["filter"] == {"prefix": "primary/kopia/mail/p"}
    assert packs["transitions"] == [{"days": 1, "storageClass": "GLACIER_IR"}]


def test_the_bucket_is_not_emptied_has_versions_and_is_private(recording):
    assert named(recording, "archive-bucket").inputs["forceDestroy"] is False
    assert named(recording, "archive-versioning").inputs["versioningConfiguration"] == {"status": "Enabled"}
    private = named(recording, "archive-public-access").inputs
    assert all(private[key] for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))
    assert named(recording, "archive-ownership").inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_nothing_gets_in_or_out_without_tls(recording):
    policy = named(recording, "archive-policy")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [ARN, f"{ARN}/*"]
    assert named(recording, "archive-public-access").urn in policy.dependencies


def test_a_lock_is_for_a_new_bucket_and_in_governance_mode():
    assert "objectLockEnabled" not in named(_recorded(ARCHIVE), "archive-bucket").inputs
    locked = _recorded(FULL)
    assert named(locked, "archive-bucket").inputs["objectLockEnabled"] is True
    lock = named(locked, "archive-object-lock")
    assert lock.inputs["rule"] == {"defaultRetention": {"mode": "GOVERNANCE", "days": 14}}
    assert named(locked, "archive-versioning").urn in lock.dependencies


def test_encryption_is_with_s3_s_keys_or_with_one_that_is_made_in_the_same_program():
    (rule,) = named(_recorded(ARCHIVE), "archive-encryption").inputs["rules"]
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    made = _recorded(ARCHIVE, key=KEY)
    (rule,) = named(made, "archive-encryption").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    assert rule["bucketKeyEnabled"] is True
    assert KEY in made.outputs["writer_policy"]


def test_what_it_puts_out():
    outputs = _recorded(FULL).outputs
    assert {key: outputs[key] for key in ("bucket", "region", "arn")} == {
        "bucket": "an-archive",
        "region": "eu-central-1",
        "arn": ARN,
    }
    writer, reader = (json.loads(outputs[f"{who}_policy"])["Statement"] for who in ("writer", "reader"))
    assert f"{ARN}/primary/*" in [resource for statement in writer for resource in statement["Resource"]]
    assert f"{ARN}/primary/restores/*" in [resource for statement in reader for resource in statement["Resource"]]


def test_a_refusal_registers_nothing():
    from components.backup.archive_bucket import ArchiveBucket

    with pytest.raises(checks.ArgumentsError):
        record("primary", {}, _World(), program=lambda: ArchiveBucket("archive", {**ARCHIVE, "noncurrent_days": 1}) and None)
