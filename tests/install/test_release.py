"""deploy/release.sh: a commit becomes a release, always the same one."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from pds import __version__
from tests.install.releasing import ADDRESS, Repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "checkout")


def test_same_commit_gives_the_same_bytes(repository: Repository, tmp_path: Path) -> None:
    assert repository.attempt(ADDRESS).returncode == 0
    first = repository.release(tmp_path / "first")  # over what was made before
    for file in repository.folder.rglob("*.py"):
        file.touch()
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", repository.folder, clone], check=True)
    repository.folder = clone
    second = repository.release(tmp_path / "second", umask=0o077)

    assert first.name == second.name == f"hearth-{__version__}.tar.gz"
    assert first.read_bytes() == second.read_bytes()
    script = (tmp_path / "first/install.sh").read_text()
    assert script == (tmp_path / "second/install.sh").read_text()
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    line = f"readonly release=${{HEARTH_RELEASE:-{ADDRESS}/{first.name}#sha256={digest}}}"
    assert script.splitlines().count(line) == 1


def test_release_has_the_program_and_nothing_else(repository: Repository, tmp_path: Path) -> None:
    with tarfile.open(repository.release(tmp_path / "made")) as archive:
        members = archive.getmembers()
    tops = {member.name.split("/")[1] for member in members if "/" in member.name}

    assert {"app.py", "install.sh", "deploy", "pds", "requirements.lock"} <= tops
    assert not tops & {"tests", "bench", ".git", "dist", "data"}
    for member in members:
        assert member.isfile() or member.isdir(), member.name
        assert member.name.split("/")[0] == f"hearth-{__version__}"
        assert ".." not in member.name
        assert (member.uname, member.mode & 0o022) == ("root", 0), member.name


def test_what_is_in_no_commit_is_not_released(repository: Repository, tmp_path: Path) -> None:
    (repository.folder / "app.py").write_text("changed")

    done = repository.attempt(ADDRESS)
    assert (done.returncode, done.stdout) == (1, "")
    assert "there are changes that are in no commit" in done.stderr

    done = repository.attempt(ADDRESS, "HEAD")
    assert done.returncode == 0
    shutil.move(repository.folder / "dist", tmp_path / "named")
    repository.git("checkout", "-q", "app.py")
    again = repository.release(tmp_path / "clean")
    assert (tmp_path / "named" / again.name).read_bytes() == again.read_bytes()


def test_address_and_commit_must_be_there(repository: Repository) -> None:
    for words in ([], ["http://example.org"], ["https://a b"], ["https://x/$(id)"], ["--help"]):
        done = repository.attempt(*words)
        assert done.returncode == 1
        assert "say where the files will be" in done.stderr
    assert "there is no commit nowhere" in repository.attempt(ADDRESS, "nowhere").stderr
