"""`ArchiveBucket`: an S3 bucket of AWS for backups, which no ordinary change of a program can empty. Needs `pulumi-aws`.

No lifecycle rule of it lets an object expire: Velero and barman delete what is too old, and backups of every age share kopia's
blobs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi import Output, ResourceOptions

from .. import checks
from . import iam

DEFAULT_NONCURRENT_DAYS = 30
NONCURRENT_DAYS = range(7, 3651)
DEFAULT_COLD_AFTER_DAYS = 30
ABANDONED_UPLOAD_DAYS = 7
# The other partitions (China, GovCloud, sovereign clouds) have other ARNs, and kopia's endpoint is not theirs.
REGION = re.compile(r"(?!cn-)[a-z]{2}-[a-z]+-[0-9]")


class ColdClass(StrEnum):
    """The storage classes for data that is rarely read, and still at once."""

    STANDARD_IA = "STANDARD_IA"
    GLACIER_IR = "GLACIER_IR"


# The first days in which S3 lets a rule move an object there.
FIRST_DAY = {ColdClass.STANDARD_IA: 30, ColdClass.GLACIER_IR: 1}
TOO_COLD = ("GLACIER", "DEEP_ARCHIVE")


class ColdPacksArgs(TypedDict):
    """Moves the data of volumes, and nothing else, to a cheaper class: kopia reads its indexes all the time.

    AWS charges for 30 days in STANDARD_IA and 90 in GLACIER_IR at least, so it pays for backups that are kept longer than that.
    """

    storage_class: str
    """`STANDARD_IA` or `GLACIER_IR`."""
    namespaces: list[str]
    """The namespaces whose volumes are backed up. Kopia has a repository for each."""
    after_days: NotRequired[int]
    """Days after an object was written. At least 30 for STANDARD_IA. Default 30."""


class ArchiveBucketArgs(TypedDict):
    """Arguments of `ArchiveBucket`. Plain fields decide which resources exist."""

    bucket: str
    """The name of the new bucket."""
    region: str
    """Where it is. For an archive, another region than the cluster's."""
    prefix: NotRequired[str]
    """The location's folder, which `writer_policy` and `reader_policy` are for. Default: the whole bucket."""
    noncurrent_days: NotRequired[int]
    """So many days a version stays after it was overwritten or deleted, 7 to 3650. Default 30. Mail bodies of distributed storage
    need more than the database's recovery window, so that the body of every message that can come back is still there."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Encrypt with this KMS key. Default: with S3's own keys."""
    object_lock_days: NotRequired[int]
    """For so many days after it was written, only who may bypass governance mode can delete a version. At most `noncurrent_days`,
    and only for a new bucket: it cannot be switched off. It does not make a backup immutable. What is locked are versions, so a
    key that writes can still hide one behind a delete marker, and a backup of today needs blobs of long ago, whose lock is over.
    Those are kept by `noncurrent_days`, and because the keys of `writer_policy` may not delete versions. All that Velero and
    kopia delete or rewrite is stored, and paid for, until then. Default: no lock."""
    cold_packs: NotRequired[ColdPacksArgs]
    """Default: everything stays in the class STANDARD."""


@dataclass(frozen=True)
class ColdPacks:
    """A checked `ColdPacksArgs`."""

    storage_class: ColdClass
    namespaces: tuple[str, ...]
    after_days: int


@dataclass(frozen=True)
class Archive:
    """A checked `ArchiveBucketArgs` with its defaults, less the key, which may only be known when deployed."""

    bucket: str
    region: str
    prefix: str | None = None
    noncurrent_days: int = DEFAULT_NONCURRENT_DAYS
    object_lock_days: int | None = None
    cold_packs: ColdPacks | None = None


class ArchiveBucket(pulumi.ComponentResource):
    """A bucket with versions, encryption and no public access, and the policies of the keys that use it.

    Everything in it is protected and kept: to remove it, unprotect it, and delete the bucket by hand.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    bucket: Output[str]
    """Its name, once the bucket is there."""
    region: Output[str]
    """Its region."""
    arn: Output[str]
    """Its ARN."""
    writer_policy: Output[str]
    """JSON of an IAM policy: for the key of a Velero that backs up here."""
    reader_policy: Output[str]
    """JSON of an IAM policy: for the key of a Velero that restores from here."""

    def __init__(self, name: str, args: ArchiveBucketArgs, opts: ResourceOptions | None = None) -> None:
        """Register the bucket and what belongs to it.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `ArchiveBucketArgs`.
            opts: the usual options; pass the AWS provider here.
        """
        archive = resolve(args)
        super().__init__("stalwart-mail:index:ArchiveBucket", name, dict(args), opts)

        key = Output.from_input(args.get("kms_key_arn"))
        self.bucket, self.arn = _bucket(name, archive, args.get("kms_key_arn"), self)
        self.region = Output.from_input(archive.region)
        self.writer_policy = key.apply(lambda arn: iam.to_json(iam.writer(archive.bucket, archive.prefix, arn)))
        self.reader_policy = key.apply(lambda arn: iam.to_json(iam.reader(archive.bucket, archive.prefix, arn)))
        self.register_outputs(
            {
                "bucket": self.bucket,
                "region": self.region,
                "arn": self.arn,
                "writer_policy": self.writer_policy,
                "reader_policy": self.reader_policy,
            }
        )


def resolve(args: ArchiveBucketArgs) -> Archive:
    """Check the arguments and fill the defaults.

    Raises:
        ArgumentsError: with every problem at once.
    """
    problems = checks.Problems("ArchiveBucket")
    noncurrent_days = int(args.get("noncurrent_days", DEFAULT_NONCURRENT_DAYS))
    if noncurrent_days not in NONCURRENT_DAYS:
        problems.add(f"noncurrent_days: {noncurrent_days} is not in {NONCURRENT_DAYS[0]} to {NONCURRENT_DAYS[-1]}")
    lock_days = int(args["object_lock_days"]) if "object_lock_days" in args else None
    if lock_days is not None and lock_days < 1:
        problems.add(f"object_lock_days: {lock_days} is not at least 1; leave it out for no lock")
    if lock_days is not None and lock_days > noncurrent_days:
        problems.add(f"object_lock_days: {lock_days} is more than noncurrent_days, which is {noncurrent_days}")
    key = args.get("kms_key_arn")
    if isinstance(key, str):
        problems.checked("kms_key_arn", iam.kms_key, key)
    archive = Archive(
        bucket=problems.checked("bucket", checks.bucket, args["bucket"]),
        region=problems.checked("region", _region, args["region"]),
        prefix=problems.checked("prefix", checks.folder, args["prefix"]) if "prefix" in args else None,
        noncurrent_days=noncurrent_days,
        object_lock_days=lock_days,
        cold_packs=_cold_packs(args["cold_packs"], problems) if "cold_packs" in args else None,
    )
    problems.refuse()
    return archive


def _region(value: str) -> str:
    if not REGION.fullmatch(value):
        raise ValueError("is not a region of AWS's main partition, such as eu-central-1")
    return value


def _cold_packs(args: ColdPacksArgs, problems: checks.Problems) -> ColdPacks:
    given, storage_class = args["storage_class"], ColdClass.GLACIER_IR
    if given in TOO_COLD:
        problems.add(
            f"cold_packs.storage_class: `{given}` takes hours to read, and kopia does not wait: every restore would fail"
        )
    else:
        storage_class = problems.one_of("cold_packs.storage_class", ColdClass, given)
    after_days = int(args.get("after_days", DEFAULT_COLD_AFTER_DAYS))
    if after_days < FIRST_DAY[storage_class]:
        problems.add(f"cold_packs.after_days: {after_days} is too early for {storage_class}; at least {FIRST_DAY[storage_class]}")
    namespaces = problems.all_checked("cold_packs.namespaces", checks.kubernetes_name, args["namespaces"])
    if not namespaces:
        problems.add("cold_packs.namespaces is empty; name those whose volumes are backed up")
    return ColdPacks(storage_class, namespaces, after_days)


def lifecycle(archive: Archive) -> list[Any]:
    """The lifecycle rules of the bucket. None expires an object; the marker of a deleted one goes after its last version."""
    rules: list[dict[str, Any]] = [
        {
            "id": "old-versions",
            "status": "Enabled",
            "filter": {},
            "abort_incomplete_multipart_upload": {"days_after_initiation": ABANDONED_UPLOAD_DAYS},
            "noncurrent_version_expiration": {"noncurrent_days": archive.noncurrent_days},
            "expiration": {"expired_object_delete_marker": True},
        }
    ]
    if archive.cold_packs:
        cold = archive.cold_packs
        start = f"{archive.prefix}/" if archive.prefix else ""
        rules += [
            {
                "id": f"cold-packs-{namespace}",
                "status": "Enabled",
                # Packs of data begin with p; those of directories with q, and indexes with others (kopia, content_manager.go).
                "filter": {"prefix": f"{start}kopia/{namespace}/p"},
                "transitions": [{"days": cold.after_days, "storage_class": cold.storage_class.value}],
            }
            for namespace in cold.namespaces
        ]
    return rules


def encryption(kms_key_arn: pulumi.Input[str] | None) -> dict[str, Any]:
    """How the bucket encrypts what comes without a wish of its own, as everything of kopia does."""
    if kms_key_arn is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    by_default = {"sse_algorithm": "aws:kms", "kms_master_key_id": kms_key_arn}
    # Without bucket keys every one of kopia's many blobs is a request to KMS, which is paid for and throttled.
    return {"apply_server_side_encryption_by_default": by_default, "bucket_key_enabled": True}


def _bucket(
    name: str, archive: Archive, kms_key_arn: pulumi.Input[str] | None, parent: pulumi.Resource
) -> tuple[Output[str], Output[str]]:
    """The name and the ARN of the bucket, with all that belongs to it registered."""
    from pulumi_aws import s3  # noqa: PLC0415  an optional package

    def kept(*after: pulumi.Resource) -> ResourceOptions:
        return ResourceOptions(parent=parent, protect=True, retain_on_delete=True, depends_on=list(after))

    bucket = s3.Bucket(
        f"{name}-bucket",
        bucket=archive.bucket,
        region=archive.region,
        force_destroy=False,
        object_lock_enabled=True if archive.object_lock_days else None,
        opts=kept(),
    )
    place: Mapping[str, Any] = {"bucket": bucket.bucket, "region": archive.region}
    versioning = s3.BucketVersioning(f"{name}-versioning", versioning_configuration={"status": "Enabled"}, opts=kept(), **place)
    encrypted: Any = encryption(kms_key_arn)
    s3.BucketServerSideEncryptionConfiguration(f"{name}-encryption", rules=[encrypted], opts=kept(), **place)
    private = s3.BucketPublicAccessBlock(
        f"{name}-public-access",
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=kept(),
        **place,
    )
    s3.BucketOwnershipControls(f"{name}-ownership", rule={"object_ownership": "BucketOwnerEnforced"}, opts=kept(private), **place)
    # One after the other: S3 answers "a conflicting conditional operation is in progress" to both at once.
    s3.BucketPolicy(f"{name}-policy", policy=iam.to_json(iam.tls_only(archive.bucket)), opts=kept(private), **place)
    s3.BucketLifecycleConfiguration(f"{name}-lifecycle", rules=lifecycle(archive), opts=kept(versioning), **place)
    if archive.object_lock_days:
        retention: Any = {"default_retention": {"mode": "GOVERNANCE", "days": archive.object_lock_days}}
        s3.BucketObjectLockConfiguration(f"{name}-object-lock", rule=retention, opts=kept(versioning), **place)
    return bucket.bucket, bucket.arn
