"""What keeps a backup from being made or used; each message names the next step."""

from __future__ import annotations

from pds.errors import PdsError


class BackupError(PdsError):
    """The backup cannot be made, read or restored."""

    default_message = "The backup cannot be used"


class WrongPassphraseError(BackupError):
    default_message = (
        "the passphrase is not the one of these backups; set PDS_BACKUP_PASSPHRASE to that"
    )


class ForeignBackupError(BackupError):
    """The place holds backups of another server, or something else altogether."""


class DamagedBackupError(BackupError):
    """A file of a backup is missing, or is not what it was."""
