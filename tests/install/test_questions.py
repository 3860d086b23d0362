"""install.sh server at a terminal: what it asks, and what it makes of the answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.install.terminal import COLUMNS, Terminal

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "xterm"}
NAMED = ("--hostname", "pds.hearth-plan.org", "--email", "op@hearth-plan.org")


def dialogue(*arguments: str, dry_run: bool = True, skip_dns: bool = True) -> Terminal:
    """Only plans are made here, or given up."""
    return Terminal(
        [
            str(ROOT / "install.sh"),
            "server",
            *(["--dry-run"] if dry_run else []),
            *(["--skip-dns-check"] if skip_dns else []),
            *arguments,
        ],
        PROGRAMS,
    )


def test_it_says_what_is_coming_and_asks_for_name_address_mail_and_backups() -> None:
    with dialogue() as terminal:
        begin = terminal.answer("Name of the server, like pds.example.com:", "pds.hearth-plan.org")
        terminal.answer("Your e-mail address", "op@hearth-plan.org")
        terminal.answer("Mail [none]:", "")
        terminal.answer("Backups [/var/backups/hearth]:", "")
        terminal.end()

    assert "makes them only when you say yes" in " ".join(begin.split())
    assert "Ctrl-C ends it" in begin
    assert "members ask you for their codes" in terminal.text
    assert "Server https://pds.hearth-plan.org" in terminal.text
    assert "Your address op@hearth-plan.org" in terminal.text
    assert "Mail no mail" in terminal.text
    assert "- write /pds/pds.env" in terminal.text
    assert 'PROBLEM: "' not in terminal.text


def test_wrong_answers_are_explained_at_once_and_asked_again() -> None:
    with dialogue() as terminal:
        terminal.answer("Name of the server", "")
        terminal.wait_for("has to be typed")
        terminal.answer("Name of the server", "pds hearth")
        terminal.wait_for('"pds hearth" is no public host name')
        terminal.answer("Name of the server", "https://pds.hearth-plan.org/")
        terminal.wait_for("Only the name is wanted")
        terminal.answer("[pds.hearth-plan.org]:", "")
        terminal.answer("Your e-mail address", "op hearth-plan.org")
        terminal.wait_for('"op hearth-plan.org" is no e-mail address')
        terminal.answer("Your e-mail address", "op@hearth-plan.org")
        terminal.answer("Mail [none]:", "pigeon")
        terminal.wait_for('"pigeon" is none of them. Type one of: none own resend')
        terminal.answer("Mail [none]:", "OWN")
        terminal.answer("Name of the mail server:", "smtp://mail.example.com")
        terminal.wait_for("is no host name")
        terminal.answer("Name of the mail server:", "mail.example.com")
        terminal.answer("Its port [465]:", "smtp")
        terminal.wait_for('"smtp" is no port')
        terminal.answer("Its port [465]:", "587")
        terminal.answer("User there", "me@example.com")
        terminal.answer("Password", "p@ss")
        terminal.answer("[me@example.com]:", "me")
        terminal.wait_for('"me" is no e-mail address')
        terminal.answer("[me@example.com]:", "My PDS <pds@example.com>")
        terminal.answer("Backups", "backups")
        terminal.wait_for('"backups" is no place for backups')
        terminal.answer("Backups", "none")
        terminal.end()

    assert "p@ss" not in terminal.screen
    assert "Mail through mail.example.com, from My PDS <pds@example.com>" in terminal.text
    assert "- write /pds/pds.env" in terminal.text
    assert "- send a test message to op@hearth-plan.org" in terminal.text


@pytest.mark.parametrize(
    ("provider", "question"),
    [("resend", "an API key"), ("4", "the server API token")],
)
def test_provider_with_one_key_asks_for_no_user(provider: str, question: str) -> None:
    with dialogue(*NAMED, "--no-backup") as terminal:
        terminal.answer("Mail [none]:", provider)
        terminal.answer(question, "key")
        terminal.answer("Sender of mail [pds@hearth-plan.org]:", "")
        terminal.end()

    assert "Name of the server" not in terminal.text
    assert "User at" not in terminal.text
    assert "from pds@hearth-plan.org" in terminal.text
    assert "- write /pds/pds.env" in terminal.text


def test_provider_on_the_command_line_is_asked_for_the_rest() -> None:
    with dialogue(*NAMED, "--no-backup", "--mail-provider", "brevo") as terminal:
        terminal.answer("User at brevo:", "me@example.com")
        terminal.answer("an SMTP key", "key")
        terminal.answer("[me@example.com]:", "")
        terminal.end()

    assert "- send a test message to op@hearth-plan.org (through brevo" in terminal.text


def test_name_without_address_is_told_at_once_and_may_be_kept() -> None:
    with dialogue("--no-mail", "--no-backup", skip_dns=False) as terminal:
        terminal.answer("Name of the server", "pds.hearth-typo.test")
        terminal.wait_for("Is it a typing error?")
        terminal.answer("Name of the server [pds.hearth-typo.test]:", "pds.hearth-other.test")
        terminal.wait_for("Is it a typing error?")
        terminal.answer("Name of the server [pds.hearth-other.test]:", "")
        terminal.answer("Your e-mail address", "op@hearth-plan.org")
        terminal.end()

    assert "Server https://pds.hearth-other.test" in terminal.text
    assert "--skip-dns-check" not in terminal.text  # there is no need to start anew
    assert "in the DNS" not in terminal.text.split("Checking this machine")[1]


def test_lines_are_no_wider_than_the_terminal_and_break_between_words() -> None:
    with dialogue(*NAMED, "--no-mail", "--backup-to", "/var/backups/hearth") as terminal:
        terminal.end()

    lines = [line for line in terminal.screen.splitlines() if not line.startswith("install.sh:")]
    assert max(map(len, lines)) <= COLUMNS
    assert any(line.startswith("    ") for line in lines)  # a change that takes two lines


@pytest.mark.parametrize("question", ["Name of the server", "an API key"])
def test_ctrl_c_leaves_nothing_behind_and_says_so(question: str) -> None:
    arguments = () if question == "Name of the server" else (*NAMED, "--mail-provider", "resend")
    with dialogue(*arguments) as terminal:
        terminal.wait_for(question)
        terminal.interrupt()
        status = terminal.end()

        assert terminal.shows_what_is_typed
    assert status == -2
    assert "ended here; nothing was changed" in terminal.text
    assert not Path("/pds").exists()


def test_a_problem_with_the_machine_does_not_cost_the_answers() -> None:
    with dialogue(
        *NAMED, "--mail-provider", "resend", "--backup-to", "/root/backups", dry_run=False
    ) as terminal:
        terminal.answer("an API key", "hush")
        terminal.answer("Sender of mail", "My PDS <pds@example.com>")
        status = terminal.end()

    assert status == 1
    assert "PROBLEM: backups cannot go to /root/backups" in terminal.text
    again = terminal.text.split("With the same answers: ")[1]
    assert again.startswith(
        "./install.sh server --hostname pds.hearth-plan.org --email op@hearth-plan.org"
        " --mail-provider resend --mail-from My\\ PDS\\ \\<pds@example.com\\> --backup-to"
        " /root/backups --skip-dns-check"
    )
    assert "hush" not in terminal.screen


@pytest.mark.parametrize(("typed", "status"), [("Yes", 0), ("", 1), ("n", 1)])
def test_yes_or_no_is_nothing_else(typed: str, status: int) -> None:
    script = f"here={ROOT}; source {ROOT}/deploy/questions.sh; says_yes 'Go on?'"
    with Terminal(["bash", "-c", script], PROGRAMS) as terminal:
        terminal.answer("Go on? [y/N]", "perhaps")
        terminal.wait_for("Type y for yes, or n for no.")
        terminal.answer("Go on? [y/N]", typed)

        assert terminal.end() == status


# --- a test message that is not taken -------------------------------------------------------------

TRIAL = """
here={root}; fail() {{ echo "$*"; exit 1; }}
source {root}/deploy/main.sh
assume_yes=no dry_run=no mail_provider=resend mail_user='' hostname=pds.hearth-plan.org
email=op@hearth-plan.org mail_way=smtp mail_from=pds@hearth-plan.org known_hostname=''
known_smtp_url='' known_mail_from='' smtp_url=$(provider_url resend '' wrong)
test_message() {{
  if [[ $smtp_url != *right@smtp.resend.com* ]]; then
    echo '  < 535 no'
    echo 'Error: not taken. Probably: user or password is wrong; # / ? % : in them are written'
    return 1
  fi
  echo '  < 250 yes'; echo 'The mail server has taken it.'
}}
step_settings() {{ echo "settings: $smtp_url $mail_from"; }}
step_start() {{ echo "started"; }}
step_answers() {{ echo "answers: $mail_state"; }}
acting=yes
try_mail
"""


def trial() -> Terminal:
    script = TRIAL.format(root=ROOT)
    return Terminal(["bash", "-euc", script], PROGRAMS)


def test_wrong_password_is_found_and_corrected_in_the_dialogue() -> None:
    with trial() as terminal:
        failure = terminal.answer("What now [again]:", "")
        terminal.answer("Mail [resend]:", "")
        terminal.answer("Enter: as before):", "right")
        terminal.answer("Sender of mail [pds@hearth-plan.org]:", "hearth@hearth-plan.org")

        assert terminal.end() == 0
    assert "< 535 no" in failure
    assert "Probably: user or password is wrong" in failure
    assert "in them are written" not in failure  # the installer does that
    assert terminal.text.endswith(
        "settings: smtps://resend:right@smtp.resend.com:465 hearth@hearth-plan.org started"
        " ==> send a test message to op@hearth-plan.org (through resend; may take half a minute)"
        " The mail server has taken it. answers: smtp"
    )


def test_password_is_kept_when_only_the_sender_was_wrong() -> None:
    with trial() as terminal:
        terminal.answer("What now [again]:", "1")
        terminal.answer("Mail [resend]:", "")
        terminal.answer("Enter: as before):", "")
        terminal.answer("Sender of mail", "hearth@hearth-plan.org")
        terminal.wait_for(
            "settings: smtps://resend:wrong@smtp.resend.com:465 hearth@hearth-plan.org"
        )
        terminal.answer("What now [again]:", "3")

        assert terminal.end() == 0


@pytest.mark.parametrize(
    ("choice", "then"), [("none", "settings: started answers: none"), ("3", "answers: smtp")]
)
def test_mail_that_does_not_work_can_wait_or_be_left_out(choice: str, then: str) -> None:
    with trial() as terminal:
        terminal.answer("What now [again]:", choice)

        assert terminal.end() == 0
    assert terminal.text.split("What now [again]:")[1].removeprefix(f" {choice} ") == then


# --- later ----------------------------------------------------------------------------------------

ASKED_ANEW = """
here={root}; fail() {{ echo "$*"; exit 1; }}
source {root}/deploy/main.sh
env_value() {{
  case $1 in
    PDS_HOSTNAME) echo pds.hearth-plan.org ;;
    PDS_CONTACT_EMAIL_ADDRESS) echo op@hearth-plan.org ;;
    PDS_EMAIL_SMTP_URL)
      echo 'smtp://me%40example.com:p%40ss@mail.example.com:587?requireTLS=true' ;;
    PDS_EMAIL_FROM_ADDRESS) echo pds@example.com ;;
    PDS_BACKUP_LOCATION) echo /mnt/hearth ;;
  esac
}}
answer_value() {{ :; }}
parse_options --ask --dry-run
recall_answers
complete_answers
echo "$hostname $email $mail_way $mail_state $smtp_url $mail_from $backup_to ."
"""
KEPT = (
    "pds.hearth-plan.org op@hearth-plan.org smtp smtp"
    " smtp://me%40example.com:p%40ss@mail.example.com:587?requireTLS=true"
    " pds@example.com /mnt/hearth ."
)


def asked_anew() -> Terminal:
    script = ASKED_ANEW.format(root=ROOT)
    return Terminal(["bash", "-euc", script], PROGRAMS)


def test_asked_anew_enter_keeps_everything() -> None:
    with asked_anew() as terminal:
        begin = terminal.answer("[op@hearth-plan.org]:", "")
        assert begin.startswith("The server here is pds.hearth-plan.org. Enter keeps")
        terminal.answer("Mail [own]:", "")
        terminal.answer("Name of the mail server [mail.example.com]:", "")
        terminal.answer("Its port [587]:", "")
        terminal.answer("User there, or none [me@example.com]:", "")
        terminal.answer("Password (not shown; Enter: as before):", "")
        terminal.answer("Sender of mail [pds@example.com]:", "")
        terminal.answer("Backups [/mnt/hearth]:", "")
        terminal.end()

    assert terminal.text.endswith(KEPT)


def test_another_provider_gets_neither_user_nor_password_of_the_old_one() -> None:
    with asked_anew() as terminal:
        terminal.answer("[op@hearth-plan.org]:", "")
        terminal.answer("Mail [own]:", "brevo")
        terminal.answer("User at brevo:", "b@example.com")
        terminal.answer("an SMTP key (not shown):", "k/y")
        terminal.answer("Sender of mail [pds@example.com]:", "")
        terminal.answer("Backups [/mnt/hearth]:", "none")
        terminal.end()

    assert "smtp untried smtp://b%40example.com:k%2Fy@smtp-relay.brevo.com:587" in terminal.text
    assert terminal.text.endswith("pds@example.com .")


def test_no_two_functions_of_the_installer_have_one_name() -> None:
    """The file that is read last would win, and the other's callers would get something else."""
    names = [
        line.partition("(")[0]
        for file in (ROOT / "deploy").glob("*.sh")
        for line in file.read_text().splitlines()
        if line.partition(" ")[0].endswith("()")
    ]

    assert sorted(names) == sorted(set(names))


def test_progress_of_the_packages_is_shown() -> None:
    script = f"here={ROOT}; source {ROOT}/deploy/questions.sh; source {ROOT}/deploy/program.sh"
    said = "Collecting a\\n  Downloading a\\nCollecting b\\nInstalling collected\\nSuccessfully\\n"
    command = ["bash", "-euc", f"{script}; printf '{said}' | tell_packages"]
    with Terminal(command, PROGRAMS) as terminal:
        assert terminal.end() == 0

    shown = terminal.text.split(" fetched")
    assert [part.split(" of ")[0].strip() for part in shown[:2]] == ["1", "2"]
    assert shown[2].strip() == "writing them to the disk"
