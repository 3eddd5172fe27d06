"""The settings of backups: where they go, when, and who may read them."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from components.backup import arguments as backup_arguments
from components.cron import zoned_cron
from components.model import BucketName, Cron, Folder, KubernetesName, Model, S3Url

SECRET_EXAMPLE = "pulumi config set --secret --path <key> <value>"


class BackupLocation(Model):
    """A bucket that backups go to."""

    bucket: BucketName = Field(description="the name of an existing S3 bucket", examples=["example-mail-hot"])
    region: str = Field(min_length=1, description="the bucket's region", examples=["eu-west-1"])
    prefix: Folder | None = Field(None, description="a folder in the bucket", examples=["primary"])
    s3_url: S3Url | None = Field(
        None, description="an S3-compatible server outside the cluster", examples=["https://s3.example.net"]
    )
    access_key_id: SecretStr | None = Field(
        None, description="with secretAccessKey, else Velero's identity", examples=[SECRET_EXAMPLE]
    )
    secret_access_key: SecretStr | None = Field(None, description="with accessKeyId", examples=[SECRET_EXAMPLE])

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("has one of `accessKeyId` and `secretAccessKey`; they go together")
        return self


class Schedule(Model):
    """When a backup is made and how long it is kept."""

    cron: Annotated[str, AfterValidator(zoned_cron)] = Field(description="five cron fields, in UTC", examples=["17 */6 * * *"])
    keep_days: int = Field(ge=1, le=3660, description="days from 1 to 3660", examples=["30"])


class ReaderKeys(Model):
    """Keys that read the primary's archive. A restore also writes its log there, below `restores/`."""

    access_key_id: SecretStr = Field(description="an access key id", examples=[SECRET_EXAMPLE])
    secret_access_key: SecretStr = Field(description="the key itself", examples=[SECRET_EXAMPLE])


class Drill(Model):
    """Rehearsals of a restore, in a namespace of their own."""

    cron: Cron | None = Field(
        None, description="five cron fields, in UTC; default: only when `make drill` is typed", examples=["23 4 2 * *"]
    )
    max_age_days: int = Field(35, ge=1, le=400, description="days from 1 to 400 after which there is an alert", examples=["35"])
    storage_class: str | None = Field(
        None, description="of the rehearsed volume; default: that of the backed up one", examples=["fast-ssd"]
    )


class Backup(Model):
    """Backups to S3, with Velero."""

    location: BackupLocation = Field(
        description="a bucket near this region", examples=['{"bucket": "example-mail-hot", "region": "eu-west-1"}']
    )
    schedule: Schedule = Field(
        Schedule.model_validate({"cron": "17 */6 * * *", "keepDays": 30}),
        description="cron and keepDays of the backups to `location`",
        examples=['{"cron": "17 */6 * * *", "keepDays": 30}'],
    )
    archive: BackupLocation | None = Field(
        None,
        description="on the primary: another bucket in another region",
        examples=['{"bucket": "example-mail-archive", "region": "eu-central-1"}'],
    )
    archive_schedule: Schedule = Field(
        Schedule.model_validate({"cron": "47 */6 * * *", "keepDays": 30}),
        description="cron and keepDays of the backups to `archive`: what a lost region costs at most",
        examples=['{"cron": "47 */6 * * *", "keepDays": 30}'],
    )
    long_term_schedule: Schedule = Field(
        Schedule.model_validate({"cron": "47 3 * * 0", "keepDays": 400}),
        description="cron and keepDays of the backups to `archive` that are kept for long",
        examples=['{"cron": "47 3 * * 0", "keepDays": 400}'],
    )
    archive_reader: ReaderKeys | None = Field(
        None, description="on the backup: keys for the primary's archive, else Velero's identity", examples=[SECRET_EXAMPLE]
    )
    drill: Drill = Field(Drill.model_validate({}), description="rehearsals of a restore", examples=['{"cron": "23 4 2 * *"}'])
    alerts: bool = Field(
        False, description="true where the Prometheus operator is: alert rules, and the drills' metrics", examples=["true"]
    )
    install_velero: bool = Field(
        False, description="true to install Velero by its chart, false when it is there already", examples=["true"]
    )
    velero_version: Annotated[str, AfterValidator(backup_arguments.velero_version)] | None = Field(
        None, description="of the Velero that is there already: 1.18.3 or newer", examples=["v1.18.3"]
    )
    aws_plugin_version: Annotated[str, AfterValidator(backup_arguments.aws_plugin_version)] | None = Field(
        None, description="of its plugin for AWS: 1.14.3 or newer", examples=["v1.14.3"]
    )
    velero_namespace: KubernetesName = Field("velero", description="a Kubernetes namespace", examples=["velero"])
    repository_password: SecretStr | None = Field(
        None,
        description="the repository password of Velero, the same in both regions; made when Velero is installed",
        examples=[SECRET_EXAMPLE],
    )

    @model_validator(mode="after")
    def _archive_is_elsewhere(self) -> Self:
        if self.archive and (self.archive.bucket == self.location.bucket or self.archive.region == self.location.region):
            raise ValueError("has an `archive` in the bucket or the region of `location`; what takes one would take both")
        return self
