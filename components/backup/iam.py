"""The IAM policies of the keys that back up and restore, as plain data: the least that works.

What is called, as the sources say:

- Velero 1.18.3, `pkg/persistence/object_store.go` and `object_store_layout.go`: everything is listed, read, written and deleted
  below the location's prefix; a restore writes and deletes below `restores/` there, also in a location that is read-only.
- Its plugin for AWS 1.14.3, `velero-plugin-for-aws/object_store.go`: ListObjectsV2, HeadObject, GetObject, DeleteObject without a
  version, and uploads in parts. The actions are those of its `README.md`, "Set permissions for Velero", less the tagging.
- kopia as Velero 1.18.3 builds it, `repo/blob/s3/s3_storage.go`: the same below `kopia/<namespace>/`, without parts.
- barman 3.19.1, `barman/cloud_providers/aws_s3.py`: see `database_writer`.

Nobody asks for the bucket's region, since locations name it. Nobody may delete a version: what a stolen key deletes in a bucket
with versions is still there.
"""

import json
import re
from typing import Any

from .. import checks

Policy = dict[str, Any]

KMS_KEY = re.compile(r"arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")

READ = ("s3:GetObject",)
WRITE = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


def writer(bucket: str, prefix: str | None = None, kms_key_arn: str | None = None) -> Policy:
    """What Velero needs where it backs up to.

    Args:
        bucket: its name.
        prefix: the location's folder in it. Default: the whole bucket.
        kms_key_arn: the key that the bucket encrypts with by default, if it has one.

    Raises:
        ValueError: an argument is not of its form.
    """
    objects = _objects(bucket, prefix)
    return _policy(
        _listing("ListBackups", bucket, prefix),
        _allow("ReadAndWriteBackups", (*READ, *WRITE), objects),
        *_key("UseTheKey", kms_key_arn, ("kms:Decrypt", "kms:GenerateDataKey"), bucket, objects),
    )


def reader(bucket: str, prefix: str | None = None, kms_key_arn: str | None = None) -> Policy:
    """What Velero needs where it only restores from: it still writes the log and the results of a restore.

    Args:
        bucket: its name.
        prefix: the location's folder in it. Default: the whole bucket.
        kms_key_arn: the key that the bucket encrypts with by default, if it has one.

    Raises:
        ValueError: an argument is not of its form.
    """
    objects = _objects(bucket, prefix)
    restores = _objects(bucket, f"{_folder(prefix)}restores")
    return _policy(
        _listing("ListBackups", bucket, prefix),
        _allow("ReadBackups", READ, objects),
        _allow("WriteWhatRestoresDid", WRITE, restores),
        *_key("ReadWithTheKey", kms_key_arn, ("kms:Decrypt",), bucket, objects),
        *_key("WriteWithTheKey", kms_key_arn, ("kms:GenerateDataKey",), bucket, restores),
    )


def database_writer(bucket: str, prefix: str | None = None, kms_key_arn: str | None = None) -> Policy:
    """What barman-cloud needs to archive a database, and to delete what is older than its recovery window.

    It sees the names of everything in the bucket, whatever the prefix: it begins with HeadBucket, which a condition on the prefix
    always denies (EnterpriseDB/barman#929). So give the database a bucket of its own. It may not make one, though barman would.

    Args:
        bucket: its name.
        prefix: the path in the `destinationPath` of the ObjectStore. Default: the whole bucket.
        kms_key_arn: the key that the bucket encrypts with by default, if it has one.

    Raises:
        ValueError: an argument is not of its form.
    """
    objects = _objects(bucket, prefix)
    return _policy(
        _allow("FindTheBucket", ("s3:ListBucket",), _bucket(bucket)),
        # The last of WRITE is for resuming an upload, which barman never does.
        _allow("ReadAndWriteTheArchive", (*READ, *WRITE[:-1]), objects),
        *_key("UseTheKey", kms_key_arn, ("kms:Decrypt", "kms:GenerateDataKey"), bucket, objects),
    )


def database_reader(bucket: str, prefix: str | None = None, kms_key_arn: str | None = None) -> Policy:
    """What barman-cloud needs to recover a database, or to follow it from another region. It sees all names, as the writer does.

    Args:
        bucket: its name.
        prefix: the path in the `destinationPath` of the ObjectStore. Default: the whole bucket.
        kms_key_arn: the key that the bucket encrypts with by default, if it has one.

    Raises:
        ValueError: an argument is not of its form.
    """
    objects = _objects(bucket, prefix)
    return _policy(
        _allow("FindTheBucket", ("s3:ListBucket",), _bucket(bucket)),
        _allow("ReadTheArchive", READ, objects),
        *_key("ReadWithTheKey", kms_key_arn, ("kms:Decrypt",), bucket, objects),
    )


def tls_only(bucket: str) -> Policy:
    """The policy of the bucket itself: nothing without TLS, whoever asks."""
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    resources = [_bucket(bucket), _objects(bucket, None)]
    statement = {"Sid": "OnlyWithTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources}
    return _policy({**statement, "Condition": condition})


def to_json(policy: Policy) -> str:
    """A policy as AWS takes it: the same bytes for the same policy."""
    return json.dumps(policy, indent=2, sort_keys=True)


def kms_key(value: str) -> str:
    """The ARN of a KMS key: policies do not take an alias."""
    if not KMS_KEY.fullmatch(value):
        raise ValueError("is not the ARN of a KMS key: arn:aws:kms:<region>:<account>:key/<id>")
    return value


def _policy(*statements: dict[str, Any]) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(sid: str, actions: tuple[str, ...], resource: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": [resource]}
    return {**statement, "Condition": condition} if condition else statement


def _listing(sid: str, bucket: str, prefix: str | None) -> dict[str, Any]:
    # Every listing of Velero and kopia begins with the prefix and a slash. For a key that is not there, which both ask for, S3
    # compares the key with it, and answers "not found" instead of "denied" (ceph/ceph#68577 does it "to match aws behavior").
    condition = {"StringLike": {"s3:prefix": [f"{_folder(prefix)}*"]}} if prefix else None
    return _allow(sid, ("s3:ListBucket",), _bucket(bucket), condition)


def _key(sid: str, arn: str | None, actions: tuple[str, ...], bucket: str, objects: str) -> list[dict[str, Any]]:
    if arn is None:
        return []
    # S3 names the object to KMS, or only its bucket where bucket keys are on. So the key opens nothing else that it encrypts.
    context = {"kms:EncryptionContext:aws:s3:arn": [_bucket(bucket), objects]}
    return [_allow(sid, actions, kms_key(arn), {"StringLike": context})]


def _bucket(bucket: str) -> str:
    return f"arn:aws:s3:::{checks.bucket(bucket)}"


def _objects(bucket: str, prefix: str | None) -> str:
    return f"{_bucket(bucket)}/{_folder(prefix)}*"


def _folder(prefix: str | None) -> str:
    """The folder with its slash, without which `a` would be `ab` too; nothing for the whole bucket."""
    return f"{checks.folder(prefix)}/" if prefix else ""
