# shellcheck shell=bash
# /pds/pds.env: what the server is told. What is in it stays; only what lacks is added, and what was
# named on the command line is changed.

# The first port from 2583 on that is free, or the one that the server has already.
choose_port() {
  port=$(env_value PDS_PORT)
  if [[ -n $port ]]; then
    [[ -z $(wrong_port "$port") ]] || problems+=("PDS_PORT in $env_file is \"$port\", which is no port; correct that line")
    return
  fi
  port=${PDS_PORT:-2583}
  while [[ -n $(holder_of "$port") ]]; do port=$((port + 1)); done
}

random_hex() {
  od -An -tx1 -N "$1" /dev/urandom | tr -d ' \n'
}

# A value as it stands in the file: quoted where a reader could misunderstand it.
quoted() {
  if [[ $1 =~ ^[A-Za-z0-9_@%+=:,./?\&\~-]*$ ]]; then
    printf '%s' "$1"
  else
    printf "'%s'" "${1//\'/}"
  fi
}

# set_value NAME VALUE: in `settings`, change the line of that name or add one.
set_value() {
  local line="$1=$2" text=''
  if [[ $'\n'$settings != *$'\n'"$1="* ]]; then
    settings+=$line$'\n'
    return
  fi
  local old
  while IFS= read -r old; do
    [[ $old != "$1="* ]] || old=$line
    text+=$old$'\n'
  done <<<"${settings%$'\n'}"
  settings=$text
}

# The value of a setting in `settings`, as it is going to be.
planned_value() {
  env_value "$1" <(printf '%s' "$settings")
}

# The same, only where nothing is set.
default_value() {
  [[ $'\n'$settings == *$'\n'"$1="* ]] || set_value "$1" "$2"
}

# Secrets are made once, also where the plan and the act are two passes.
make_secrets() {
  [[ -z ${new_jwt_secret:-} ]] || return 0
  new_jwt_secret=$(random_hex 32)
  new_admin_password=$(random_hex 16)
  new_rotation_key=$(random_hex 32)
}

plan_settings() {
  settings=$(cat "$env_file" 2>/dev/null || true)
  [[ -z $settings ]] || settings+=$'\n'
  make_secrets
  set_value PDS_HOSTNAME "$hostname"
  [[ $email == "$(env_value PDS_CONTACT_EMAIL_ADDRESS)" ]] || set_value PDS_CONTACT_EMAIL_ADDRESS "$(quoted "$email")"
  default_value PDS_DATA_DIRECTORY "$data_folder"
  default_value PDS_PORT "$port"
  default_value PDS_BIND_ADDRESS 127.0.0.1
  default_value PDS_JWT_SECRET "$new_jwt_secret"
  default_value PDS_ADMIN_PASSWORD "$new_admin_password"
  default_value PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX "$new_rotation_key"
  default_value PDS_BLOB_UPLOAD_LIMIT 104857600
  default_value PDS_DID_PLC_URL "${PDS_DID_PLC_URL:-https://plc.directory}"
  default_value PDS_BSKY_APP_VIEW_URL https://api.bsky.app
  default_value PDS_BSKY_APP_VIEW_DID did:web:api.bsky.app
  default_value PDS_BSKY_APP_VIEW_CDN_URL_PATTERN https://cdn.bsky.app/img/%s/plain/%s/%s@jpeg
  default_value PDS_REPORT_SERVICE_URL https://mod.bsky.app
  default_value PDS_REPORT_SERVICE_DID did:plc:ar7c4by46qjdydhdevvrndac
  default_value PDS_CRAWLERS "${PDS_CRAWLERS-https://bsky.network}"
  set_mail
  set_backup
  [[ $settings == *$'\n' ]] || settings+=$'\n'
}

step_settings() {
  plan_settings
  put_file "$env_file" 640 root:pds "$settings" "$(changed_settings)"
  [[ $put_anything == no ]] || service_touched=yes
}

# Names of those settings that are other than in the file; nothing where there is no file yet.
changed_settings() {
  local line names=''
  [[ -f $env_file ]] || return 0
  while IFS= read -r line; do
    [[ ! $line =~ ^[+-]([A-Z][A-Z0-9_]*)= || " $names " == *" ${BASH_REMATCH[1]} "* ]] || names+=" ${BASH_REMATCH[1]}"
  done < <(diff -U 0 "$env_file" <(printf '%s' "$settings") || true)
  printf '%s' "${names# }"
}

set_mail() {
  if [[ $mail_way == none ]]; then
    settings=$(grep -Ev '^PDS_EMAIL_(SMTP_URL|FROM_ADDRESS)=' <<<"${settings%$'\n'}" || true)$'\n'
    return
  fi
  [[ $smtp_url == "$(env_value PDS_EMAIL_SMTP_URL)" ]] || set_value PDS_EMAIL_SMTP_URL "$(quoted "$smtp_url")"
  [[ $mail_from == "$(env_value PDS_EMAIL_FROM_ADDRESS)" ]] || set_value PDS_EMAIL_FROM_ADDRESS "$(quoted "$mail_from")"
}

# What the installer was told and the server need not know: so that it is not asked again.
step_answers() {
  local text="tls=$tls"$'\n'"front=$front"$'\n'"mail=$mail_state"$'\n'
  [[ -z $certificate ]] || text+="certificate=$certificate"$'\n'"certificate_key=$certificate_key"$'\n'
  [[ $backup_way != none ]] || text+="backup=none"$'\n'
  [[ -z $acme_server ]] || text+="acme_server=$acme_server"$'\n'
  [[ -z $acme_root ]] || text+="acme_root=$acme_root_copy"$'\n'
  [[ $installed_caddy == no ]] || text+="installed=caddy"$'\n'
  put_file "$answers_file" 644 root:root "$text"
}
