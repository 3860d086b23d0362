"""Releases of this project as it is now, made from a repository of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.install.boxes import copy_project

ADDRESS = "https://releases.hearth-box.org:8443"
WHEN = "2026-01-02T03:04:05Z"


class Repository:
    """A checkout with one commit, which is this project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_project(folder)
        self.git("init", "--quiet")
        self.commit()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "All")

    def git(self, *words: str) -> None:
        when = {"GIT_AUTHOR_DATE": WHEN, "GIT_COMMITTER_DATE": WHEN, "HOME": str(self.folder)}
        subprocess.run(["git", *words], cwd=self.folder, env={**os.environ, **when}, check=True)

    def attempt(self, *words: str, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["deploy/release.sh", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            umask=umask,
            check=False,
        )

    def release(self, target: Path, address: str = ADDRESS, umask: int = 0o022) -> Path:
        """Make a release and put it into ``target``; the archive."""
        done = self.attempt(address, umask=umask)
        assert done.returncode == 0, done.stderr
        target.mkdir(parents=True)
        for file in (self.folder / "dist").iterdir():
            shutil.move(file, target)
        (self.folder / "dist").rmdir()
        [archive] = target.glob("*.tar.gz")
        return archive
