"""The documents name every setting, and no setting that is not there."""

import re

import pytest

from config.env import BASE_DIR
from incidents.importers.debrief_json import read_incident
from tests.export_format import BEGIN, END, GUIDE, tables

CONFIGURE = (BASE_DIR / "docs" / "configure.md").read_text()
READ = re.compile(r'env\.(?:boolean|number|text|words|address|choice|mail|database)\(\s*"([A-Z_]+)"')


def settings_read() -> set[str]:
    return {name for file in (BASE_DIR / "config").glob("*.py") for name in READ.findall(file.read_text())}


def settings_documented() -> set[str]:
    rows = [line.split("|")[1] for line in CONFIGURE.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


@pytest.mark.parametrize("name", sorted(settings_read() | {"SECRET_KEY", "PORT", "HOST", "RUN_DIR"}))
def test_setting_is_documented(name: str) -> None:
    assert name in settings_documented()


@pytest.mark.parametrize("name", sorted(settings_documented()))
def test_documented_setting_is_read(name: str) -> None:
    files = [*(BASE_DIR / "config").glob("*.py"), BASE_DIR / "docker-compose.yml"]
    assert [file.name for file in files if re.search(rf"\b{name}\b", file.read_text())] != []


def test_composition_has_no_default_secret() -> None:
    composition = (BASE_DIR / "docker-compose.yml").read_text()
    used = re.findall(r"\$\{(\w*(?:SECRET_KEY|PASSWORD))(\W\W)", composition)
    assert {(name, mark) for name, mark in used} == {("SECRET_KEY", ":?"), ("POSTGRES_PASSWORD", ":?")}


def test_every_field_of_the_incident_format_is_documented_and_the_smallest_file_is_one() -> None:
    guide = (BASE_DIR / "docs" / "incident-json.md").read_text()
    reader = (BASE_DIR / "incidents" / "importers" / "debrief_json.py").read_text()
    read = set(re.findall(r'(?:fields|impact)\.\w+\(\s*"([a-z_]+)"', reader)) - {""}
    assert len(read) > 30
    assert {name for name in read if f"`{name}`" not in guide} == set()
    smallest = re.search(r"```json\n(.*?)```", guide, re.DOTALL)
    assert smallest
    assert read_incident(smallest[1], file_name="smallest.json").severity == "SEV1"


def test_every_field_of_the_export_is_documented() -> None:
    """When a kind changed on purpose, `tests.export_format.write_tables` writes the tables anew."""
    _, _, rest = GUIDE.read_text().partition(BEGIN)
    assert rest.partition(END)[0].strip() == tables().strip()
