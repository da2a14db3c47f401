"""The locks say what was asked for, hold each other, and tell nothing about the machine that wrote them."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[3] / "requirements"
NAMES = ("prod", "run", "dev")


def pins(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+==[^ ;\\]+)", (REQUIREMENTS / f"{name}.lock").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_every_package_of_a_lock_has_hashes(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.lock").read_text()

    assert len(pins(name)) == len(re.findall(r"(?m)^[a-z0-9].*\\\n    --hash=sha256:", text)) > 30


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_names_no_host_and_no_path(name: str) -> None:
    text = re.sub(r"sha256:[0-9a-f]{64}", "", (REQUIREMENTS / f"{name}.lock").read_text())

    assert not re.search(r"https?:|file:|--index|--find-links|/\w", text)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_asked_for_is_in_the_lock(name: str) -> None:
    asked = re.findall(r"^([a-z][a-z0-9-]+)", (REQUIREMENTS / f"{name}.in").read_text(), re.MULTILINE)

    assert set(asked) <= {pin.split("==")[0] for pin in pins(name)}


def test_each_lock_holds_the_one_before_it() -> None:
    assert pins("prod") < pins("run") < pins("dev")
