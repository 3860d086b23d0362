# shellcheck shell=bash
# How mail is sent: the addresses of common providers, and the one URL that the server wants.

# NAME|host:port and options|scheme|the user there, when it is always the same|what the password is
readonly provider_table="\
resend|smtp.resend.com:465|smtps|resend|an API key
postmark|smtp.postmarkapp.com:587?requireTLS=true|smtp||the server API token, which is the user, too
mailgun|smtp.mailgun.org:587?requireTLS=true|smtp||the SMTP password of a domain
mailgun-eu|smtp.eu.mailgun.org:587?requireTLS=true|smtp||the SMTP password of a domain in the EU
brevo|smtp-relay.brevo.com:587?requireTLS=true|smtp||an SMTP key
gmail|smtp.gmail.com:465|smtps||an app password (needs 2-step verification)"
mapfile -t providers < <(cut -d'|' -f1 <<<"$provider_table")
readonly providers

is_provider() { grep -q "^$1|" <<<"$provider_table"; }

# Field $2 of provider $1.
provider_field() { grep "^$1|" <<<"$provider_table" | cut -d'|' -f"$2"; }

# $1 as it may stand in front of the @ of a URL.
url_encode() {
  local LC_ALL=C text=$1 encoded='' i character number
  for ((i = 0; i < ${#text}; i++)); do
    character=${text:i:1}
    case $character in
      [a-zA-Z0-9._~-]) encoded+=$character ;;
      *)
        printf -v number '%d' "'$character"
        printf -v character '%%%02X' "$((number & 255))"
        encoded+=$character
        ;;
    esac
  done
  printf '%s' "$encoded"
}

# provider_url PROVIDER USER PASSWORD
provider_url() {
  local user=$2
  [[ -z $(provider_field "$1" 4) ]] || user=$(provider_field "$1" 4)
  printf '%s://%s:%s@%s' "$(provider_field "$1" 3)" "$(url_encode "$user")" "$(url_encode "$3")" \
    "$(provider_field "$1" 2)"
}

ask_mail() {
  [[ -z $mail_way && -z $smtp_url && -z $mail_provider ]] || return 0
  cat <<TEXT
How is mail sent? It brings codes for new passwords and confirmations to members.
  none  no mail: members ask you for their codes, and you read them with pdsadmin account codes
  own   a mail server of yours
  or a provider: ${providers[*]}
TEXT
  local choice=
  while :; do
    ask choice "Mail"
    [[ $choice == none || $choice == own ]] || is_provider "$choice" || { choice=; continue; }
    break
  done
  case $choice in
    none) mail_way=none ;;
    own) ask_own_server ;;
    *)
      mail_provider=$choice
      ask_credentials
      ;;
  esac
  [[ $mail_way == none ]] || ask mail_from "Sender of mail (an address that the mail server lets you use)"
}

ask_credentials() {
  [[ -n $(provider_field "$mail_provider" 4) || $mail_provider == postmark ]] || ask mail_user "User at $mail_provider"
  HEARTH_MAIL_PASSWORD=${HEARTH_MAIL_PASSWORD:-}
  ask_secret HEARTH_MAIL_PASSWORD "Password: $(provider_field "$mail_provider" 5)"
}

ask_own_server() {
  local mail_host='' mail_port='' password='' scheme=smtp
  ask mail_host "Host of the mail server"
  ask mail_port "Port (465 or 587)"
  ask mail_user "User"
  ask_secret password "Password"
  [[ $mail_port != 465 ]] || scheme=smtps
  smtp_url="$scheme://$(url_encode "$mail_user"):$(url_encode "$password")@$mail_host:$mail_port"
}

ask_secret() {
  local -n secret=$1
  while [[ -z $secret ]]; do
    read -r -s -p "$2 (not shown): " secret || fail "no answer; nothing was done."
    echo
  done
}

# Settle mail_way and smtp_url; what lacks goes into the array that is named.
complete_mail() {
  local -n lacking=$1
  [[ $mail_way != none ]] || { smtp_url='' mail_from=''; return; }
  if [[ -n $mail_provider ]]; then
    local password=${HEARTH_MAIL_PASSWORD:-}
    [[ -n $password ]] || lacking+=("HEARTH_MAIL_PASSWORD in the environment")
    [[ $mail_provider != postmark ]] || mail_user=${mail_user:-$password}
    [[ -n $mail_user$(provider_field "$mail_provider" 4) ]] || lacking+=("--mail-user USER")
    smtp_url=$(provider_url "$mail_provider" "$mail_user" "$password")
  fi
  if [[ -z $smtp_url ]]; then
    lacking+=("--smtp-url URL and --mail-from ADDRESS, or --no-mail")
  elif [[ -z $mail_from ]]; then
    lacking+=("--mail-from ADDRESS")
  fi
  mail_way=smtp
}
