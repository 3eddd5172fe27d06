"""The base of checked arguments and settings, and the value types they are made of.

One model serves both faces of a component: the stack's file names its fields in camelCase, a program in snake_case
(`model_validate(..., by_name=True)`). Every field says in `description` what is allowed, and shows one in `examples`:
the settings' table, the editor schema and error messages are made from these.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from . import checks
from .cron import cron

Hostname = Annotated[str, AfterValidator(checks.hostname)]
DnsName = Annotated[str, AfterValidator(checks.dns_name)]
Address = Annotated[str, AfterValidator(checks.ip_address)]
Network = Annotated[str, AfterValidator(checks.ip_network)]
KubernetesName = Annotated[str, AfterValidator(checks.kubernetes_name)]
EmailAddress = Annotated[str, AfterValidator(checks.email_address)]
BucketName = Annotated[str, AfterValidator(checks.bucket)]
Folder = Annotated[str, AfterValidator(checks.folder)]
Quantity = Annotated[str, AfterValidator(checks.quantity)]
Cron = Annotated[str, AfterValidator(cron)]
S3Url = Annotated[str, AfterValidator(checks.s3_url)]
WebUrl = Annotated[str, AfterValidator(checks.web_url)]


class Model(BaseModel):
    """Frozen, and without unknown fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=False, validate_by_alias=True
    )


class SecretKey(Model):
    """A value in a Kubernetes Secret of the server's namespace."""

    name: KubernetesName = Field(description="an existing Secret", examples=["mail-smarthost"])
    key: str = Field("password", pattern=r"^[-._a-zA-Z0-9]+$", description="a key in it", examples=["password"])
