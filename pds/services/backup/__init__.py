"""Backups: made while the server runs, checked by being restored, and restored in earnest.

- ``vault.py``: the place: files go in and come out, sealed if there is a passphrase
- ``place_lock.py``, ``header.py``, ``age_file.py``: whose place it is, and what opens it
- ``manifest.py``: what a snapshot says about itself
- ``room.py``: is there room on the disks?
- ``making.py``, ``retention.py``: a new snapshot; which old ones go
- ``verifying.py``: is a snapshot whole, down to each commit, record and blob?
- ``restoring.py``: a server out of a snapshot, with which relays can go on

In a place:

    hearth-backup.json          whose backups these are, and the public key they are sealed with
    identity.age                the private key, sealed with the passphrase
    copies/                     of those two
    blobs/<ab>/<cid>            each blob once, however many snapshots need it
    snapshots/<time>/pds.sqlite.gz, settings.json, blobs.txt.gz, and manifest.json, which is last

Sealed files end in ``.age``: https://age-encryption.org/v1 says how to open them without Hearth.
"""
