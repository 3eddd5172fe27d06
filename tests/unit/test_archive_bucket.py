"""The bucket for backups: the refusals, and its lifecycle as plain data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import checks
from components.backup.archive_bucket import encryption, lifecycle, resolve
from offline.recorder import walk

ARCHIVE = {"bucket": "an-archive", "region": "eu-central-1"}
COLD = {"storage_class": "GLACIER_IR", "namespaces": ["mail"]}
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

archives = st.fixed_dictionaries(
    {**{key: st.just(value) for key, value in ARCHIVE.items()}, "noncurrent_days": st.integers(7, 3650)},
    optional={
        "prefix": st.sampled_from(["primary", "/mail/primary/"]),
        "object_lock_days": st.integers(1, 7),
        "cold_packs": st.fixed_dictionaries(
            {
                "storage_class": st.sampled_from(["STANDARD_IA", "GLACIER_IR"]),
                "namespaces": st.lists(st.sampled_from(["mail", "mail-2", "velero"]), min_size=1),
            },
            optional={"after_days": st.integers(30, 400)},
        ),
    },
)


@given(archives)
def test_no_rule_expires_an_object(args):
    rules = lifecycle(resolve(args))
    for rule in rules:
        assert rule.get("expiration", {}).keys() <= {"expired_object_delete_marker"}
    assert not {"date", "newer_noncurrent_versions", "tag"} & {
        key for part in walk(rules) if isinstance(part, dict) for key in part
    }
    (everything,) = [rule for rule in rules if rule["filter"] == {}]
    assert everything["noncurrent_version_expiration"] == {"noncurrent_days": args["noncurrent_days"]}


@given(archives)
def test_only_packs_of_data_move_and_only_to_where_they_are_read_at_once(args):
    archive = resolve(args)
    start = f"{archive.prefix}/" if archive.prefix else ""
    moving = {rule["filter"]["prefix"]: rule for rule in lifecycle(archive) if "transitions" in rule}
    namespaces = archive.cold_packs.namespaces if archive.cold_packs else ()
    assert moving.keys() == {f"{start}kopia/{namespace}/p" for namespace in namespaces}
    for rule in moving.values():
        (transition,) = rule["transitions"]
        assert transition["storage_class"] in ("STANDARD_IA", "GLACIER_IR")
        assert transition["days"] >= 1


def test_days_may_arrive_as_floats():
    archive = resolve({**ARCHIVE, "noncurrent_days": 60.0, "object_lock_days": 14.0, "cold_packs": {**COLD, "after_days": 1.0}})
    assert (repr(archive.noncurrent_days), repr(archive.object_lock_days)) == ("60", "14")
    assert repr(lifecycle(archive)[1]["transitions"][0]["days"]) == "1"


def test_versions_stay_for_thirty_days_by_default():
    archive = resolve({**ARCHIVE, "prefix": "/primary/"})
    assert (archive.noncurrent_days, archive.object_lock_days, archive.prefix) == (30, None, "primary")


def test_a_key_of_kms_is_used_once_for_the_bucket_and_not_for_every_object():
    assert encryption(None) == {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    assert encryption(KEY)["bucket_key_enabled"] is True
    assert encryption(KEY)["apply_server_side_encryption_by_default"] == {"sse_algorithm": "aws:kms", "kms_master_key_id": KEY}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bucket": "NO"}, "bucket: `NO` is not an S3 bucket name"),
        ({"region": "Frankfurt"}, "region: `Frankfurt` is not a region"),
        ({"region": "cn-north-1"}, "main partition"),
        ({"region": "us-gov-west-1"}, "main partition"),
        ({"prefix": "a*"}, "prefix: `a\\*` is not a folder"),
        ({"noncurrent_days": 6}, "noncurrent_days: 6 is not in 7 to 3650"),
        ({"noncurrent_days": 3651}, "noncurrent_days: 3651 is not in 7 to 3650"),
        ({"object_lock_days": 0}, "object_lock_days: 0 is not at least 1"),
        ({"object_lock_days": 31}, "object_lock_days: 31 is more than noncurrent_days, which is 30"),
        ({"kms_key_arn": "alias/mail"}, "kms_key_arn: `alias/mail` is not the ARN of a KMS key"),
        ({"cold_packs": {**COLD, "storage_class": "GLACIER"}}, "`GLACIER` takes hours to read"),
        ({"cold_packs": {**COLD, "storage_class": "DEEP_ARCHIVE"}}, "`DEEP_ARCHIVE` takes hours to read"),
        ({"cold_packs": {**COLD, "storage_class": "COLD"}}, "`COLD` is not one of STANDARD_IA, GLACIER_IR"),
        (
            {"cold_packs": {**COLD, "storage_class": "STANDARD_IA", "after_days": 29}},
            "29 is too early for STANDARD_IA; at least 30",
        ),
        ({"cold_packs": {**COLD, "after_days": 0}}, "0 is too early for GLACIER_IR; at least 1"),
        ({"cold_packs": {**COLD, "namespaces": []}}, "cold_packs.namespaces is empty"),
        ({"cold_packs": {**COLD, "namespaces": ["a/b"]}}, "cold_packs.namespaces: `a/b` is not a Kubernetes name"),
    ],
)
def test_what_cannot_work_is_refused(changes, reason):
    with pytest.raises(checks.ArgumentsError, match=reason):
        resolve({**ARCHIVE, **changes})


def test_everything_wrong_is_told_at_once():
    with pytest.raises(checks.ArgumentsError) as refused:
        resolve({"bucket": "NO", "region": "", "noncurrent_days": 1, "object_lock_days": 2})
    assert str(refused.value).count("\n  - ") == 4
