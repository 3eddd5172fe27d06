"""Which programs of a local region are built, and which are taken as they are."""

from pathlib import Path

import pytest

from tests.cluster import crds, programs


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is built, into an empty folder: each a file, with its recipe."""
    names: list[str] = []

    def build(name: str) -> None:
        names.append(name)
        (tmp_path / name).write_text("program")
        (tmp_path / f"{name}.recipe").write_text(programs.PROGRAMS[name].recipe)

    monkeypatch.setattr(programs, "BUILT", tmp_path)
    monkeypatch.setattr(programs, "build", build)
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return names


def test_each_is_built_once(built: list[str]):
    programs.main()
    programs.main()
    assert built == list(programs.PROGRAMS)


def test_one_with_another_recipe_is_built_again(built: list[str], tmp_path: Path):
    programs.main()
    built.clear()
    (tmp_path / "velero.recipe").write_text("another")
    programs.main()
    assert built == ["velero"]


def test_what_is_given_is_not_built(built: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = tmp_path / "assets"
    given.mkdir()
    for name in ("etcd", "kube-apiserver"):
        (given / name).write_text("program")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(given))
    programs.main()
    assert built == [name for name in programs.PROGRAMS if name not in ("etcd", "kube-apiserver")]
    assert programs.find("etcd") == given / "etcd"


def test_what_is_missing_is_named_with_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "BUILT", tmp_path)
    monkeypatch.setattr(programs, "DEFINITIONS", tmp_path / "crds")
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    told = programs.missing()
    assert told
    assert all(name in told for name in ("etcd", "velero", "definitions", "`make tools`"))
    assert "promtool" not in told


def test_without_go_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for begin in (lambda: programs.build("etcd"), lambda: crds.fetch(tmp_path / "crds")):
        with pytest.raises(SystemExit, match=r"Go is not on the PATH\. Install Go 1\.26 or newer"):
            begin()
