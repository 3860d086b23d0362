"""install.sh server and where backups go. Nothing here changes the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.install.test_functions import bash
from tests.install.test_plan import GOOD, problems, run
from tests.install.test_questions import dialogue

NAMED = ("--hostname", "pds.hearth-plan.org", "--email", "op@hearth-plan.org", "--no-mail")
BUCKET = {
    "PDS_BACKUP_PASSPHRASE": "correct horse battery staple",
    "PDS_BACKUP_S3_ACCESS_KEY_ID": "key",
    "PDS_BACKUP_S3_SECRET_ACCESS_KEY": "secret",
}


def plan(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(*GOOD, "--no-mail", *arguments, **environment)


def write_settings(folder: Path, text: str) -> Path:
    file = folder / "pds.env"
    file.write_text(text)
    return file


def set_backup(file: Path, way: str, place: str = "", **environment: str) -> list[str]:
    """The lines of the settings after the installer was told that."""
    given = "".join(f"{name}='{value}'; " for name, value in environment.items())
    script = f"""
      env_value() {{ sed -n "s/^$1=//p" "${{2:-{file}}}" | tr -d "'"; }}
      {given} backup_way='{way}' backup_to='{place}' settings=$(cat {file})$'\\n'
      set_backup; printf '%s' "$settings"
    """
    return bash(script).splitlines()


# --- asked --------------------------------------------------------------------------------------


def test_enter_is_a_folder_on_this_machine_and_its_worth_is_told() -> None:
    with dialogue(*NAMED) as terminal:
        asked = terminal.answer("Backups [/var/backups/hearth]:", "")
        terminal.end()

    assert "Where do backups go?" in asked
    assert "- make folder /var/backups/hearth for backups (mode 700, pds:pds)" in terminal.text
    if Path("/var").stat().st_dev == Path("/").stat().st_dev:
        assert "survives mistakes, and does not survive the disk" in terminal.text


def test_it_can_be_none_and_nonsense_is_asked_again() -> None:
    with dialogue(*NAMED) as terminal:
        terminal.answer("Backups", "maybe")
        terminal.wait_for('"maybe" is no place for backups')
        terminal.answer("Backups", "/root/backups")
        terminal.wait_for("the service does not see")
        terminal.answer("Backups", "none")
        terminal.end()

    assert "for backups (mode" not in terminal.text
    assert "- write /pds/pds.env" in terminal.text


def test_bucket_is_asked_for_its_keys_and_shows_none_of_them() -> None:
    with dialogue(*NAMED) as terminal:
        terminal.answer("Backups", "s3://shelf/hearth")
        terminal.answer("Address of the S3 service", "https://s3.example.com")
        terminal.answer("Access key", "AKIA")
        terminal.answer("The secret to that", "s3cret")
        terminal.answer("Passphrase that seals the backups", "six random words")
        terminal.end()

    assert "s3cret" not in terminal.screen
    assert "six random words" not in terminal.screen
    assert "- write /pds/pds.env" in terminal.text


@pytest.mark.parametrize("option", [("--no-backup",), ("--backup-to", "/var/backups/x")])
def test_what_was_given_is_not_asked(option: tuple[str, ...]) -> None:
    with dialogue(*NAMED, *option) as terminal:
        terminal.end()

    assert "Where do backups go?" not in terminal.text


# --- checked ------------------------------------------------------------------------------------


def test_with_yes_there_are_none_unless_a_place_is_named() -> None:
    assert "for backups" not in plan().stdout
    assert "make folder /var/backups/x for backups" in plan("--backup-to", "/var/backups/x").stdout
    assert "make folder /var/backups/y" in plan(PDS_BACKUP_LOCATION="/var/backups/y").stdout


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("backups", "is no place for backups"),
        ("s3://", "is no place for backups"),
        ("/root/backups", "the service does not see"),
        ("/home/me/backups", "the service does not see"),
        ("/tmp/backups", "the service does not see"),
        ("/mnt/other disk", "the service's file cannot name that"),
        ("/etc", "there is something else in it"),
        ("/etc/passwd/backups", "/etc/passwd is no folder"),
    ],
)
def test_place_that_cannot_be_is_a_problem(place: str, complaint: str) -> None:
    assert any(complaint in problem for problem in problems(plan("--backup-to", place)))


def test_bucket_needs_its_keys_and_a_passphrase() -> None:
    done = plan("--backup-to", "s3://shelf/hearth")

    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == list(BUCKET)
    assert "bucket" not in plan("--backup-to", "s3://shelf/hearth", **BUCKET).stderr


def test_passphrase_that_the_settings_cannot_hold_is_a_problem() -> None:
    wrong = {**BUCKET, "PDS_BACKUP_PASSPHRASE": "it's"}

    found = problems(plan("--backup-to", "s3://shelf/hearth", **wrong))

    assert any("has a quote or a backslash" in problem for problem in found)


def test_options_that_exclude_each_other_are_refused() -> None:
    done = run("--no-backup", "--backup-to", "/var/backups/x")

    assert done.returncode == 2
    assert "exclude each other" in done.stderr


def test_disk_that_is_to_be_mounted_and_is_not_is_named() -> None:
    script = """
      findmnt() { [[ "$*" == *--fstab*" /mnt/disk" ]]; }
      unmounted_folder /mnt/disk/hearth/a; echo
      unmounted_folder /srv/hearth
    """

    assert bash(script) == "/mnt/disk\n"


# --- remembered ---------------------------------------------------------------------------------


def test_place_is_written_once_and_changed_when_another_is_named(tmp_path: Path) -> None:
    file = write_settings(tmp_path, "PDS_PORT=1\n")
    first = set_backup(file, "to", "/mnt/a/hearth")
    file.write_text("\n".join(first) + "\n")

    assert first == ["PDS_PORT=1", "PDS_BACKUP_LOCATION=/mnt/a/hearth"]
    assert set_backup(file, "to", "/mnt/a/hearth") == first
    assert set_backup(file, "", "") == first
    assert set_backup(file, "to", "/mnt/b") == ["PDS_PORT=1", "PDS_BACKUP_LOCATION=/mnt/b"]
    assert set_backup(file, "none") == ["PDS_PORT=1"]


def test_what_a_bucket_needs_goes_into_the_settings(tmp_path: Path) -> None:
    lines = set_backup(write_settings(tmp_path, "A=1\n"), "to", "s3://shelf/hearth", **BUCKET)

    assert "PDS_BACKUP_PASSPHRASE='correct horse battery staple'" in lines
    assert "PDS_BACKUP_S3_ACCESS_KEY_ID=key" in lines


def test_service_may_write_there_already_in_the_plan() -> None:
    script = "settings=$'PDS_BACKUP_LOCATION=/mnt/a/hearth\\n'; writable_folders"

    assert bash(script) == "/pds -/mnt/a/hearth"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("", "There are NO BACKUPS"),
        ("/mnt/none/hearth", "Backups go to /mnt/none/hearth every night. To make one now"),
        ("s3://shelf/hearth", "sudo pdsadmin backup restore"),
    ],
)
def test_closing_screen_says_where_they_go(place: str, said: str) -> None:
    assert said in bash(f"backup_to={place}; say_backup")
