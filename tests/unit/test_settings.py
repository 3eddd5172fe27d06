"""Stack configurations: files that are accepted, files that are refused and the words they are refused with."""

from pathlib import Path

import pytest
import yaml

from config_errors import model_of
from settings import Settings, SettingsError, parse

CASES = Path(__file__).parent / "settings_cases"
HAPPY = sorted(CASES.glob("*.happy.yaml"))
ERROR = sorted(CASES.glob("*.error.yaml"))


def _case(path):
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", HAPPY, ids=lambda path: path.name)
def test_a_good_configuration_is_accepted(path):
    assert parse(_case(path), "mail").hostname


@pytest.mark.parametrize("path", ERROR, ids=lambda path: path.name)
def test_a_bad_configuration_is_refused_in_words(path):
    case = _case(path)
    with pytest.raises(SettingsError) as refused:
        parse(case["config"], "mail")
    message = str(refused.value)
    for words in case["says"]:
        assert words in message
    for words in case.get("hides", []):
        assert words not in message
    count = case["mistakes"]
    assert f"has {count} mistake{'' if count == 1 else 's'};" in message
    assert message.count("    allowed: ") == message.count("    example: ") == count


def test_there_are_cases_of_both_kinds():
    assert len(HAPPY) >= 4
    assert len(ERROR) >= 12


def test_settings_are_frozen():
    settings = parse(_case(HAPPY[0]), "mail")
    with pytest.raises(ValueError, match="frozen"):
        settings.region = "elsewhere"


def _fields(model, prefix=""):
    for name, field in model.model_fields.items():
        yield prefix + name, field
        inner = model_of(field)
        if inner:
            yield from _fields(inner, f"{prefix}{name}.")


def test_every_setting_says_what_is_allowed_and_gives_an_example():
    fields = dict(_fields(Settings))
    assert "backup.location.s3_url" in fields
    for name, field in fields.items():
        assert field.description, name
        assert field.examples, name


def test_a_secret_never_shows_in_the_settings():
    config = _case(CASES / "full-primary.happy.yaml")
    assert "hush" in str(config)
    assert "hush" not in repr(parse(config, "mail"))
