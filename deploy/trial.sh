# shellcheck shell=bash
# An update on trial. The new version is started while everything that outlives a power cut (the
# link, the unit, the settings, the database) still says the old one; all that is switched when the
# new version has become ready and has answered. docs/decisions/0038 says why.
# Terms
# - trial unit: the new unit in /run, where it comes before the one in /etc and is gone after a
#   power cut. The new code is named by its own folder in it.
# - trial data: where the new version is tried on a copy of the database, on a port that nobody
#   knows, when it would change the database. The database in its place is always the true one:
#   the copy takes its place only when it has been tried and nobody has written to either.

readonly healthy_within_s=10
signs_every_s=5

trial_planned=no
trial_data= # set where the new version is tried on a copy

# Where the server's database is.
database_folder() {
  local folder
  folder=$(env_value PDS_DATA_DIRECTORY)
  printf '%s' "${folder:-$data_folder}"
}

# Call deploy/database.py as the user whose data it is, with the system's Python.
on_database() {
  runuser -u pds -- "$(find_python)" - "$@" <"$here/deploy/database.py"
}

# Which steps the database and this version do not share, one in a line: missing NAME, unknown NAME.
compare_database() {
  local step steps=() file
  file=$(database_folder)/pds.sqlite
  ((EUID == 0)) && [[ -f $file ]] && id pds >/dev/null 2>&1 && find_python >/dev/null || return 0
  for step in "$here"/pds/storage/migrations/[0-9]*.py; do
    step=${step##*/}
    steps+=("${step%.py}")
  done
  on_database state "$file" "${steps[@]}"
}

# Refuse what an older version could not serve, and a copy for which there is no room.
check_database() {
  local differences unknown size free
  database_is_older=no
  if ! differences=$(compare_database 2>&1); then
    problems+=("the database cannot be read: $differences. See docs/troubleshooting.md#database-damaged")
    return
  fi
  unknown=$(sed -n 's/^unknown //p' <<<"$differences" | tail -n 1)
  if [[ -n $unknown ]]; then
    problems+=("the database has been used by a newer version than this one (it has had $unknown), which cannot \
serve it. Get the newest version (in a checkout: git pull) and start its installer")
    return
  fi
  [[ $differences == *"missing "* ]] || return 0
  database_is_older=yes
  size=$(database_mib)
  free=$(df -Pm "$(database_folder)" | awk 'NR == 2 { print $4 }')
  ((free >= 2 * size + 50)) || problems+=("the new version changes the database, on a copy first. That takes \
$((2 * size + 50)) MiB on the disk of $(database_folder), and $free are free. Make room first")
}

# How large the database is, its write-ahead log included.
database_mib() {
  local folder bytes
  folder=$(database_folder)
  bytes=$({ stat -c %s "$folder/pds.sqlite" "$folder/pds.sqlite-wal" 2>/dev/null || true; } |
    awk '{ sum += $1 } END { print sum + 0 }')
  echo $((bytes / 1048576 + 1))
}

# Clear away what an installer that was killed has left. The server that it was about to replace is
# still what the files say.
step_remains() {
  [[ -e $trial_unit || -e $trial_folder || -e $(database_folder)/trial ]] || return 0
  change "clear away an update that was cut off" clear_remains
}

clear_remains() {
  if [[ -e $trial_unit ]]; then
    systemctl stop pds || true
    drop_trial_unit
    systemctl start pds || true # if this fails, the update may put it right
  fi
  rm -rf "$trial_folder" "$(database_folder)/trial"
}

# Whether a server is here that can go on if the new version does not.
is_update() {
  [[ -f $program_folder/current/app.py && -f $unit_file && -f $env_file ]] || return 1
  [[ $(readlink "$program_folder/current") != "$code_name" ]] ||
    ! is_as_wanted "$env_file" "$settings" 640 root:pds || ! is_as_wanted "$unit_file" "$unit_text" 644 root:root
}

step_trial() {
  plan_settings
  plan_unit
  trial_planned=no
  is_update || return 0
  trial_planned=yes
  tried="the new version"
  [[ $(readlink "$program_folder/current") != "$code_name" ]] || tried="the new settings"
  if [[ $database_is_older == yes && -f $(database_folder)/pds.sqlite ]]; then
    change "stop the server, and try the new version on a copy of the database ($(database_mib) MiB)" try_on_a_copy
  else
    change "stop the server, and try $tried in its place" try_in_place
  fi
}

try_in_place() {
  begin_trial
  place_trial_unit "$(text_for_trial)" "TimeoutStartSec=${HEARTH_START_LIMIT:-120}"
  start_watched restart || fail "the new version did not start."
  is_healthy || fail "the new version started but did not answer."
}

try_on_a_copy() {
  local file original
  trial_data=$(database_folder)/trial
  file=$(database_folder)/pds.sqlite
  begin_trial
  install -d -m 700 -o pds -g pds "$trial_data"
  say "stop the server"
  systemctl stop pds
  say "copy the database"
  on_database copy "$file" "$trial_data/pds.sqlite" || fail "the database could not be copied; the line above says why."
  original=$(print_of "$file")
  say "start the new version on the copy, which it changes"
  place_trial_unit "$(text_for_trial)" "$(lines_for_copy)"
  start_watched start || fail "the new version did not start on a copy of the database."
  is_healthy || fail "the new version started on a copy of the database but did not answer."
  say "stop it, and look whether the copy may become the database"
  systemctl stop pds
  on_database fold "$trial_data/pds.sqlite" || fail "the copy of the database is in use; the line above says more."
  [[ $(print_of "$file") == "$original" ]] ||
    fail "somebody has changed the database meanwhile, with pdsadmin perhaps. Start this again."
}

# The new unit, with the new program by its own name.
text_for_trial() {
  local text=${unit_text//"$program_folder/current"/"$program_folder/$code_name"}
  printf '%s' "${text//"PDS_ENV_FILE=$env_file"/"PDS_ENV_FILE=$trial_folder/pds.env"}"
}

# What makes it serve the copy, where nobody finds it and it speaks to no relay.
lines_for_copy() {
  local free_port=$((port + 1))
  while [[ -n $(holder_of "$free_port") ]]; do free_port=$((free_port + 1)); done
  [[ -z ${HEARTH_START_LIMIT:-} ]] || echo "TimeoutStartSec=$HEARTH_START_LIMIT"
  echo "Environment=\"PDS_DATA_DIRECTORY=$trial_data\" PDS_PORT=$free_port PDS_BIND_ADDRESS=127.0.0.1"
  echo "Environment=PDS_CRAWLERS= PDS_BACKUP_LOCATION="
  [[ -n $(planned_value PDS_BLOBSTORE_S3_BUCKET) ]] || echo "Environment=\"PDS_BLOBSTORE_DISK_LOCATION=$(blobs_folder)\""
}

# What changes when somebody writes to a database.
print_of() {
  stat -c '%i %s %y' "$1"
  stat -c '%s' "$1-wal" 2>/dev/null || echo 0
}

blobs_folder() {
  local folder
  folder=$(planned_value PDS_BLOBSTORE_DISK_LOCATION)
  printf '%s' "${folder:-$(database_folder)/blobs}"
}

# Keep what was there, and from now on put it back however this ends.
begin_trial() {
  was_running=$(systemctl is-active pds || true)
  failed_run=
  rm -rf "$trial_folder"
  install -d -m 750 -o root -g pds "$trial_folder"
  cp -p "$unit_file" "$trial_folder/unit.before"
  cp -p "$env_file" "$trial_folder/settings.before"
  readlink "$program_folder/current" >"$trial_folder/code.before"
  write_file "$trial_folder/pds.env" 640 root:pds "$settings"
  trap go_back EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  trap '' PIPE
}

# place_trial_unit UNIT LINES: from now on that is the unit, until the machine is switched off.
# LINES are added to its section [Service]. systemd does not try again: who could say then which
# start it was that has taken posts?
place_trial_unit() {
  mkdir -p "${trial_unit%/*}"
  write_file "$trial_unit" 644 root:root "$1"$'\n[Service]\nRestart=no\n'"$2"$'\n'
  systemctl daemon-reload
}

# start_watched VERB: start or restart, and wait until it says that it is ready.
start_watched() {
  systemctl reset-failed pds 2>/dev/null || true
  with_signs "it is not ready yet" quietly systemctl "$1" pds || { note_failed_run; return 1; }
}

# Without what systemctl advises: whoever is interrupted meanwhile must not be silent.
quietly() {
  "$@" 2>/dev/null
}

drop_trial_unit() {
  rm -f "$trial_unit"
  systemctl daemon-reload
}

# Which run of the server has failed; what it said is shown when another one serves again. By then
# the journal has taken all of it down.
note_failed_run() {
  failed_run=$(systemctl show pds --property InvocationID --value)
}

show_last_words() {
  [[ -n $failed_run ]] || return 0
  journalctl --sync || true
  echo "What it said last:" >&2
  journalctl "_SYSTEMD_INVOCATION_ID=$failed_run" --output cat --no-pager --lines 20 | sed 's/^/  /' >&2 || true
}

# with_signs TEXT COMMAND…: say the text every few seconds while the command runs.
with_signs() {
  local text=$1 pid begun=$SECONDS told=0
  shift
  "$@" 8>&- & # should this shell be killed, the command must not go on holding its lock
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.1
    ((SECONDS - begun < told + signs_every_s)) || { told=$((SECONDS - begun)) && echo "  $text ($told s)"; }
  done
  wait "$pid"
}

# Whether the server that runs answers, and can write its database.
is_healthy() {
  local address number tries
  address=$(process_setting PDS_BIND_ADDRESS)
  number=$(process_setting PDS_PORT)
  case $address in '*' | 0.0.0.0) address=127.0.0.1 ;; '::') address=::1 ;; esac
  for ((tries = 0; tries < healthy_within_s; tries++)); do
    if is_answer_good "$address" "$number"; then return 0; fi # 0: in a trap a bare return means something else
    sleep 1
  done
  note_failed_run
  return 1
}

# is_answer_good ADDRESS PORT
is_answer_good() {
  # shellcheck disable=SC2016 # for the shell inside
  timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "GET /xrpc/_health HTTP/1.0\r\n\r\n" >&3 && head -n 1 <&3' \
    bash "$1" "$2" 2>/dev/null | grep -q ' 200 '
}

# The setting $1 of the server that runs: systemd's own, or those of the file.
process_setting() {
  local pid value=
  pid=$(systemctl show pds --property MainPID --value)
  value=$(tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | sed -n "s/^$1=//p") || true
  printf '%s' "${value:-$(planned_value "$1")}"
}

# The last step of an update: what was tried is in its place, and stays.
finish_trial() {
  [[ -z $trial_data ]] || start_on_new_database
  # It runs with what these say since it was started, which the next run of the installer looks at.
  touch --no-dereference --date "$(systemctl show pds --property ActiveEnterTimestamp --value)" \
    "$program_folder/current" "$unit_file" "$env_file"
  drop_trial_unit
  end_trial
}

# The copy becomes the database. Until the server says that it is ready it has taken nothing, and
# the old database may come back; from then on it may not.
start_on_new_database() {
  local file
  file=$(database_folder)/pds.sqlite
  place_trial_unit "$unit_text" ""
  sync -f "$program_folder" # the new program first: it can serve either database
  rm -f "$file-wal" "$file-shm" # both are empty, see try_on_a_copy
  ln "$file" "$trial_data/before.sqlite"
  mv -fT "$trial_data/pds.sqlite" "$file"
  sync -f "$file"
  trap '' INT TERM HUP # between ready and knowing it
  start_watched start || fail "the new version did not start on the changed database."
  leave_trial
  is_healthy || stay_with_new_database
}

stay_with_new_database() {
  show_last_words
  mv "$trial_data/before.sqlite" "$(database_folder)/before-update.sqlite"
  drop_trial_unit
  end_trial
  fail "the new version runs but does not answer (see above). It was ready and may have taken posts since, which the
  old database does not have: so it stays. Try: sudo systemctl restart pds; sudo pdsadmin doctor
  The database as it was before the update is kept in $(database_folder)/before-update.sqlite."
}

end_trial() {
  leave_trial
  rm -rf "$trial_folder" "${trial_data:-$trial_folder}"
  trial_data='' service_touched=no
}

# Nothing is put back any more.
leave_trial() {
  trap - EXIT HUP PIPE
  watch_for_interruptions
}

# Put back whatever has been changed, the database first: the new program can serve either of the
# two, the old one only its own.
go_back() {
  trap - EXIT
  trap '' INT TERM HUP PIPE
  set +e
  say "put the old version back"
  with_signs "stopping" systemctl stop pds
  [[ -z $trial_data ]] || put_database_back
  restore_file "$trial_folder/settings.before" "$env_file"
  restore_file "$trial_folder/unit.before" "$unit_file"
  switch_link "$program_folder/current" "$(<"$trial_folder/code.before")"
  drop_trial_unit
  forget_new_version "$(<"$trial_folder/code.before")"
  rm -rf "$trial_folder" "${trial_data:-$trial_folder}"
  say_how_it_ended
  exit 1
}

# Delete what was put beside version $1 for this update.
forget_new_version() {
  local new=()
  venv_folder=none
  mapfile -t new < <(folders_but "$1" "$(readlink "$program_folder/previous")")
  delete_folders "${new[@]}"
}

put_database_back() {
  local file
  file=$(database_folder)/pds.sqlite
  [[ -e $trial_data/before.sqlite ]] || return 0
  on_database fold "$file"
  rm -f "$file-wal" "$file-shm" # never those of one database beside the other
  mv -fT "$trial_data/before.sqlite" "$file"
  sync -f "$file"
}

# restore_file COPY FILE: as it was, in one step.
restore_file() {
  cmp -s "$1" "$2" || { cp -p "$1" "$2.new-before" && mv -f "$2.new-before" "$2"; }
}

say_how_it_ended() {
  local failed_update=$failed_run
  if [[ $was_running != active && $was_running != activating ]]; then
    show_last_words
    fail "the update has failed. The old version is in its place again; it did not run before, and was not started. Nothing was lost."
  fi
  if start_watched start && is_healthy; then
    failed_run=$failed_update
    show_last_words
    fail "the update has failed; the old version runs again, and nothing was lost.
  If the words above speak of a setting, correct it and start this again. Otherwise stay with the old version, and
  update when there is a newer one; please report those words."
  fi
  show_last_words
  fail "the update has failed. The old version is in its place again with all data, but it does not start either; its
  last words are above. Look at: sudo systemctl status pds; sudo pdsadmin doctor"
}
