# shellcheck shell=bash
# The program on this machine: packages, user, folders, virtual environment, code, service.
# Code and environment lie in folders named by what is in them; the link `current` is switched when
# all is in place, so that an interruption leaves the old version as it was.

service_touched=no

step_packages() {
  local wanted=() missing=() name
  find_python >/dev/null || wanted+=("${python_packages[@]}")
  [[ $front != caddy ]] || wanted+=(caddy)
  for name in "${wanted[@]}"; do has_package "$name" || missing+=("$name"); done
  ((${#missing[@]})) || return 0
  if [[ " ${missing[*]} " == *" caddy "* ]]; then
    installed_caddy=yes
    [[ $acting == no ]] || note_caddy
  fi
  change "install from the system's packages (apt): ${missing[*]}" install_packages_from_apt "${missing[@]}"
}

# Before apt begins, so that a run that is cut off is not forgotten.
note_caddy() {
  mkdir -p "$program_folder"
  [[ $(answer_value installed) == caddy ]] || echo "installed=caddy" >>"$answers_file"
}

# Which packages bring a Python that is new enough.
python_packages=(python3 python3-venv)
[[ $(. /etc/os-release 2>/dev/null && echo "${ID:-}${VERSION_ID:-}") != ubuntu22.04 ]] ||
  python_packages=(python3.11 python3.11-venv)

step_user() {
  ! id pds >/dev/null 2>&1 || return 0
  change "make the system user pds" useradd --system --user-group --home-dir "$data_folder" \
    --no-create-home --shell /usr/sbin/nologin pds
}

step_folders() {
  put_folder "$program_folder" 755 root:root
  put_folder "$data_folder" 700 pds:pds
}

# The name of the environment's folder: it follows from the pins and from Python.
venv_name() {
  local python
  python=$(find_python) || { echo "venv-new"; return; }
  echo "venv-$({ cat "$here/requirements.lock" && "$python" -VV; } | sha256sum | cut -c1-12)"
}

step_venv() {
  venv_folder=$program_folder/$(venv_name)
  [[ ! -f $venv_folder/complete ]] || return 0
  change "install Python packages into $venv_folder (pinned, each checked by its hash; a minute or two)" build_venv
}

build_venv() {
  rm -rf "$venv_folder"
  "$(find_python)" -m venv "$venv_folder"
  "$venv_folder/bin/python" -m pip install --no-input --disable-pip-version-check --no-cache-dir \
    --no-deps --only-binary :all: --require-hashes -r "$here/requirements.lock" | tell_packages ||
    fail "the packages could not be installed; the lines above say why. Start this again when that is put right."
  sync -f "$venv_folder" # all of it is on the disk before it is called complete
  touch "$venv_folder/complete"
}

# How far pip is, from what it says; nothing where no terminal shows it.
tell_packages() {
  local line count=0 total
  total=$(grep -c '==' "$here/requirements.lock")
  while IFS= read -r line; do
    case $line in
      Collecting*) count=$((count + 1)) line="$count of $total fetched" ;;
      Installing*) line="writing them to the disk" ;;
      *) continue ;;
    esac
    ((columns == 0)) || printf '\r  %-30s' "$line"
  done
  ((columns == 0)) || echo
}

# What belongs to the program. A release has this and nothing else.
readonly program_parts=(app.py pds static pdsadmin install.sh deploy systemd docs README.md LICENSE
  requirements.txt requirements.lock)

# All files of it, relative to its folder, in a fixed order.
code_files() {
  (cd "$here" && find "${program_parts[@]}" -type f ! -path '*/__pycache__/*' | LC_ALL=C sort)
}

step_code() {
  local id
  id=$({ echo "$venv_folder" && cd "$here" && code_files | xargs -d '\n' sha256sum; } | sha256sum | cut -c1-12)
  code_name=code-$id
  if [[ ! -d $program_folder/$code_name ]]; then
    change "put the program into $program_folder/$code_name" copy_code
  fi
}

# Which version is to run, and which one ran before.
step_current() {
  local old
  old=$(readlink "$program_folder/current" || true)
  [[ $old != "$code_name" ]] || return 0
  service_touched=yes
  [[ -z $old || ! -d $program_folder/$old ]] || put_link "$program_folder/previous" "$old"
  put_link "$program_folder/current" "$code_name"
}

copy_code() {
  local final=$program_folder/$code_name new=$program_folder/$code_name.part
  rm -rf "$new"
  mkdir "$new"
  code_files | tar -C "$here" --owner=root --group=root -cf - -T - | tar -C "$new" --no-same-permissions -xf -
  chmod -R u=rwX,go=rX "$new"
  ln -s "../${venv_folder##*/}" "$new/.venv"
  # Compiled now, because the server may not write here.
  "$venv_folder/bin/python" -m compileall -q -s "$new" -p "$final" "$new/app.py" "$new/pds"
  sync -f "$new"
  mv -T "$new" "$final"
}

step_command() {
  put_link "$command_link" "$program_folder/current/pdsadmin"
}

plan_unit() {
  unit_text=$(fill "$here/systemd/pds.service" FOLDERS "$(writable_folders)")$'\n'
}

step_unit() {
  plan_unit
  put_file "$unit_file" 644 root:root "$unit_text"
  if [[ $put_anything == yes ]]; then
    service_touched=yes
    [[ $acting == no ]] || systemctl daemon-reload
  fi
  [[ -L /etc/systemd/system/multi-user.target.wants/pds.service ]] ||
    change "start the service pds with the machine" systemctl enable --quiet "$unit_file"
}

# Folders besides /pds that the settings make the server write to.
writable_folders() {
  local name folder all=$data_folder
  for name in PDS_DATA_DIRECTORY PDS_BLOBSTORE_DISK_LOCATION PDS_BACKUP_LOCATION; do
    folder=$(planned_value "$name")
    [[ $folder != /* || $folder == "$data_folder" || $folder == "$data_folder"/* ]] || all+=" -$folder"
  done
  printf '%s' "$all"
}

# Whether the service runs, and was started after everything that it is made of.
is_service_fresh() {
  local started file
  [[ $(systemctl is-active pds 2>/dev/null) == active ]] || return 1
  started=$(date -d "$(systemctl show pds --property ActiveEnterTimestamp --value)" +%s)
  for file in "$program_folder/current" "$unit_file" "$env_file"; do
    [[ $(stat -c %Y "$file") -le $started ]] || return 1
  done
}

step_start() {
  if [[ $trial_planned == yes ]]; then
    change "go on with $tried" finish_trial
    return
  fi
  if [[ $service_touched == no ]] && is_service_fresh; then
    return
  fi
  change "start the service pds and wait until it listens" restart_service
}

restart_service() {
  systemctl reset-failed pds 2>/dev/null || true
  if ! systemctl restart pds; then
    note_failed_run
    show_last_words
    fail "the server did not start; its last words are above. Correct $env_file if they speak of a setting, then start this again."
  fi
  service_touched=no
}

# Versions that were replaced, but for the last one.
step_tidy() {
  local old=()
  mapfile -t old < <(folders_but "$code_name" "$(version_before)")
  ((${#old[@]} == 0)) || change "delete what was replaced: ${old[*]}" delete_folders "${old[@]}"
}

# The code folder of the version that is kept besides the one that runs.
version_before() {
  local running
  running=$(readlink "$program_folder/current" || true)
  if [[ $running != "$code_name" ]]; then echo "$running"; else readlink "$program_folder/previous" || true; fi
}

# Which folders of programs and environments belong to no version named here.
folders_but() {
  local folder kept=' ' name
  for name in "$@"; do
    kept+="$name $(basename "$(readlink "$program_folder/$name/.venv" || true)") "
  done
  for folder in "$program_folder"/code-* "$program_folder"/venv-*; do
    folder=${folder##*/}
    [[ ! -d $program_folder/$folder || "$kept ${venv_folder##*/} " == *" $folder "* ]] || echo "$folder"
  done
}

delete_folders() {
  local folder
  for folder in "$@"; do rm -rf "${program_folder:?}/$folder"; done
}
