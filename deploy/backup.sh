# shellcheck shell=bash
# Where backups go: a folder, best on another disk, or a bucket. Asked like mail, because a server without
# any is one broken disk away from the end of all its accounts.

# What is taken for an answer that is no more than Enter. It survives a mistake and a bad update, and is there
# on every machine; that it does not survive the disk is said where it is shown.
readonly usual_backup_folder=/var/backups/hearth
readonly backup_header=hearth-backup.json
readonly bucket_settings=(PDS_BACKUP_PASSPHRASE PDS_BACKUP_S3_ENDPOINT PDS_BACKUP_S3_REGION
  PDS_BACKUP_S3_ACCESS_KEY_ID PDS_BACKUP_S3_SECRET_ACCESS_KEY)

recall_backup() {
  [[ $backup_way != none ]] || { backup_to=''; return; }
  backup_to=${backup_to:-$(env_value PDS_BACKUP_LOCATION)}
  [[ -n $backup_to ]] || backup_way=$(answer_value backup)
}

# A setting that was given now, else the one in the server's file.
backup_setting() {
  printf '%s' "${!1:-$(env_value "$1")}"
}

# Have the question asked again, with what is known as the usual answer.
forget_backup() {
  usual_backup=${backup_to:-none}
  backup_to='' backup_way=''
}

ask_backup() {
  [[ -z $backup_way && -z $backup_to ]] || return 0
  wrapped <<'TEXT'
Where do backups go? One is made every night; with it the server can be had again when this machine is lost.
  /mnt/disk/hearth    a folder, best on another disk
  s3://BUCKET/PREFIX  a bucket of an S3 service
  none                no backups, for now
TEXT
  ask backup_to "Backups" "${usual_backup:-$usual_backup_folder}" wrong_backup_place
  if [[ $backup_to == none ]]; then
    backup_to='' backup_way=none
  elif [[ $backup_to == s3://* ]]; then
    ask_bucket
  fi
}

ask_bucket() {
  local name
  for name in "${bucket_settings[@]}"; do printf -v "$name" '%s' "$(backup_setting "$name")"; done
  ask PDS_BACKUP_S3_ENDPOINT "Address of the S3 service, like https://s3.example.com"
  ask PDS_BACKUP_S3_ACCESS_KEY_ID "Access key"
  ask_secret PDS_BACKUP_S3_SECRET_ACCESS_KEY "The secret to that"
  ask_secret PDS_BACKUP_PASSPHRASE "Passphrase that seals the backups; have it on paper, too"
}

# Settle backup_way; what lacks for a bucket goes into the array that is named.
complete_backup() {
  local -n lacks=$1
  local name
  [[ $backup_way != none ]] || return 0
  [[ -n $backup_to ]] || return 0
  backup_way=to
  [[ $backup_to == s3://?* ]] || return 0
  for name in PDS_BACKUP_PASSPHRASE PDS_BACKUP_S3_ACCESS_KEY_ID PDS_BACKUP_S3_SECRET_ACCESS_KEY; do
    [[ -n $(backup_setting "$name")$(env_value "${name/BACKUP/BLOBSTORE}") ]] ||
      lacks+=("$name in the environment, for backups in a bucket")
  done
}

check_backup() {
  [[ -n $backup_to ]] || return 0
  case $backup_to in
    *[!A-Za-z0-9_@+=:,./-]*) problems+=("backups cannot go to \"$backup_to\": the service's file cannot name that; use letters, digits and dashes") ;;
    s3://?*)
      [[ $(backup_setting PDS_BACKUP_PASSPHRASE) != *[\'\\[:cntrl:]]* ]] ||
        problems+=("PDS_BACKUP_PASSPHRASE has a quote or a backslash in it; choose one without") ;;
    /home | /home/* | /root | /root/* | /run/* | /tmp | /tmp/* | /var/tmp | /var/tmp/* | /dev/* | /proc/* | /sys/*)
      problems+=("backups cannot go to $backup_to: the service does not see the folders in /home, /root, /run, /tmp and the like") ;;
    /?*) check_backup_folder ;;
    *) problems+=("\"$backup_to\" is no place for backups; --backup-to is a folder with its whole path, or s3://BUCKET/PREFIX") ;;
  esac
}

check_backup_folder() {
  local missing there
  missing=$(unmounted_folder "$backup_to")
  if [[ -n $missing ]]; then
    problems+=("$missing is in /etc/fstab and not mounted, so backups to $backup_to would not be on that disk: mount $missing")
    return
  fi
  there=$(existing_folder "$backup_to")
  if [[ ! -d $there ]]; then
    problems+=("backups cannot go to $backup_to: $there is no folder")
  elif [[ $there == "$backup_to" && ! -e $there/$backup_header && -n $(ls -A "$there" 2>/dev/null) &&
    ! -e $there/identity.age && $(ls -A "$there") != lost+found ]]; then
    problems+=("backups cannot go to $backup_to: there is something else in it. Name a folder in it, like $backup_to/hearth")
  elif ((EUID == 0)) && ! can_others_enter "$there"; then
    problems+=("backups cannot go to $backup_to: the server, which is not root, may not pass $there or what is above it (chmod o+x)")
  fi
  [[ $(stat -c %d "$there") != "$(stat -c %d "$(existing_folder "$data_folder")")" ]] ||
    remarks+=("backups to $backup_to are on the disk of $data_folder: that copy survives mistakes, and does not survive the disk. \
Better: another disk, or a bucket (--backup-to)")
}

# The folder $1, or the nearest above it that there is.
existing_folder() {
  local folder=$1
  while [[ ! -e $folder ]]; do folder=$(dirname "$folder"); done
  printf '%s' "$folder"
}

# What is above folder $1 (or itself), should be mounted, and is not.
unmounted_folder() {
  local folder=$1
  while [[ $folder != / ]]; do
    if findmnt --noheadings --fstab "$folder" >/dev/null 2>&1 && ! findmnt --noheadings --mountpoint "$folder" >/dev/null 2>&1; then
      printf '%s' "$folder"
      return
    fi
    folder=$(dirname "$folder")
  done
}

# Whether a user who is not root gets into the folder, or into the one above it if it is the server's own.
can_others_enter() {
  local folder=$1 user=nobody
  ! id pds >/dev/null 2>&1 || user=pds
  [[ $folder != "$backup_to" ]] || folder=$(dirname "$folder")
  runuser -u "$user" -- test -x "$folder"
}

# Whether the server can write there: also on a disk on which owners cannot be changed.
can_server_write() {
  id pds >/dev/null 2>&1 && runuser -u pds -- test -w "$1" 2>/dev/null || return 1
  [[ ! -e $1/$backup_header ]] || runuser -u pds -- test -w "$1/$backup_header" 2>/dev/null
}

step_backup_folder() {
  [[ $backup_to == /* ]] && ! can_server_write "$backup_to" || return 0
  if [[ -e $backup_to/$backup_header ]]; then
    change "give the backups in $backup_to, which another machine has made, to the user pds" give_backups
  else
    change "make folder $backup_to for backups (mode 700, pds:pds)" make_backup_folder
  fi
}

make_backup_folder() {
  mkdir -p "$backup_to"
  chmod 700 "$backup_to" 2>/dev/null || true
  chown pds:pds "$backup_to" 2>/dev/null || true
  must_be_writable
}

give_backups() {
  chown -Rh pds:pds "$backup_to" 2>/dev/null || true
  must_be_writable
}

must_be_writable() {
  can_server_write "$backup_to" ||
    fail "the server (user pds) cannot write to $backup_to. On a network or FAT disk its owner is an option of the mount: uid=pds,gid=pds"
}

# Into `settings`: the place, and what was given in the environment or asked for it.
set_backup() {
  local name
  case $backup_way in
    none) settings=$(grep -v '^PDS_BACKUP_LOCATION=' <<<"${settings%$'\n'}" || true)$'\n' ;;
    to)
      [[ $backup_to == "$(env_value PDS_BACKUP_LOCATION)" ]] || set_value PDS_BACKUP_LOCATION "$(quoted "$backup_to")"
      for name in "${bucket_settings[@]}"; do
        [[ -z ${!name:-} || ${!name} == "$(env_value "$name")" ]] || set_value "$name" "$(quoted "${!name}")"
      done
      ;;
  esac
}

say_backup() {
  if [[ -z $backup_to ]]; then
    echo "  There are NO BACKUPS: with this machine, all accounts would be lost. Say where they go (another disk, a bucket):"
    echo "    sudo ./install.sh server --backup-to /mnt/other-disk/hearth"
  elif [[ -e $backup_to/$backup_header || $backup_to == s3://* ]]; then
    echo "  Backups go to $backup_to every night. To get back the server whose backups are there: sudo systemctl stop pds,"
    echo "    then: sudo pdsadmin backup restore. To make one now: sudo pdsadmin backup create"
  else
    echo "  Backups go to $backup_to every night. To make one now: sudo pdsadmin backup create"
  fi
}
