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

url_decode() {
  printf '%b' "${1//%/\\x}"
}

# provider_url PROVIDER USER PASSWORD
provider_url() {
  local user=$2
  [[ -z $(provider_field "$1" 4) ]] || user=$(provider_field "$1" 4)
  printf '%s://%s:%s@%s' "$(provider_field "$1" 3)" "$(url_encode "$user")" "$(url_encode "$3")" \
    "$(provider_field "$1" 2)"
}

# The provider whose server URL $1 names; "own" for any other.
provider_of() {
  local name
  for name in "${providers[@]}"; do
    [[ $1 != *"@$(provider_field "$name" 2 | cut -d: -f1):"* ]] || { echo "$name"; return; }
  done
  echo own
}

# Have the questions asked again, with what is known as the usual answers.
forget_mail() {
  usual_mail=none usual_from=$mail_from usual_user='' usual_host='' usual_port=465
  usual_password=''
  if [[ $smtp_url =~ ^smtps?://(([^@/:]*):?([^@/]*)@)?([^@/:?]+)(:([0-9]+))? ]]; then
    usual_mail=$(provider_of "$smtp_url")
    usual_user=$(url_decode "${BASH_REMATCH[2]}")
    usual_password=$(url_decode "${BASH_REMATCH[3]}")
    [[ $usual_mail != own ]] || usual_host=${BASH_REMATCH[4]} usual_port=${BASH_REMATCH[6]:-465}
  fi
  mail_way='' smtp_url='' mail_provider='' mail_from='' mail_user='' HEARTH_MAIL_PASSWORD=''
}

ask_mail() {
  if [[ -z $mail_way$smtp_url$mail_provider ]]; then
    choose_mail
  elif [[ -n $mail_provider ]]; then
    ask_credentials
  fi
  [[ $mail_way != none ]] || return 0
  [[ -n $mail_from ]] || explain "Who is the mail from? An address that $(mail_server_name) lets you use, of a domain that you have proved to be yours."
  ask mail_from "Sender of mail" "$(usual_sender)" wrong_sender
}

choose_mail() {
  local choice='' number=2 name
  wrapped <<'TEXT'
How is mail sent? It brings members the codes for a new password and to confirm their address.
   1 none        members ask you for their codes: pdsadmin account codes
   2 own         a mail server of yours, or of a provider that is not here
TEXT
  for name in "${providers[@]}"; do
    number=$((number + 1))
    printf '  %2d %-11s you need %s\n' "$number" "$name" "$(provider_field "$name" 5)"
  done
  ask_choice choice "Mail" "${usual_mail:-none}" none own "${providers[@]}"
  case $choice in
    none) mail_way=none ;;
    own) ask_own_server ;;
    *)
      mail_provider=$choice
      ask_credentials
      ;;
  esac
}

ask_credentials() {
  [[ $mail_provider == "${usual_mail:-}" ]] || usual_user='' usual_password=''
  [[ -n $(provider_field "$mail_provider" 4) || $mail_provider == postmark ]] ||
    ask mail_user "User at $mail_provider" "${usual_user:-}"
  HEARTH_MAIL_PASSWORD=${HEARTH_MAIL_PASSWORD:-}
  ask_secret HEARTH_MAIL_PASSWORD "The password: $(provider_field "$mail_provider" 5)" "${usual_password:-}"
  # Google shows app passwords in groups of four, for the eye.
  [[ $mail_provider != gmail ]] || HEARTH_MAIL_PASSWORD=${HEARTH_MAIL_PASSWORD// /}
}

# A server elsewhere that wants a password gets it over an encrypted connection only.
ask_own_server() {
  local mail_host='' mail_port='' password='' scheme=smtp options='' credentials=''
  ask mail_host "Name of the mail server" "${usual_host:-}" wrong_host
  ask mail_port "Its port" "${usual_port:-465}" wrong_port
  [[ $mail_host == "${usual_host:-}" ]] || usual_user='' usual_password=''
  ask mail_user "User there, or none" "${usual_user:-none}"
  if [[ $mail_user != none ]]; then
    ask_secret password "Password" "${usual_password:-}"
    credentials="$(url_encode "$mail_user"):$(url_encode "$password")@"
    [[ $mail_host =~ ^(localhost|127\..*)$ ]] || options='?requireTLS=true'
  fi
  [[ $mail_port != 465 ]] || scheme=smtps options=''
  smtp_url="$scheme://$credentials$mail_host:$mail_port$options"
}

# What to call the mail server when talking to people.
mail_server_name() {
  if [[ -n $mail_provider ]]; then
    echo "$mail_provider"
  else
    echo "${smtp_url##*[@/]}" | sed 's/[:?].*//'
  fi
}

# The user where that is an address, else pds@ the domain that the server's name is in.
usual_sender() {
  local domain=${hostname#*.}
  [[ $domain == *.* ]] || domain=$hostname
  if [[ -n ${usual_from:-} ]]; then
    echo "$usual_from"
  elif [[ $mail_user == *@*.* && -z $(wrong_sender "$mail_user") ]]; then
    echo "$mail_user"
  else
    echo "pds@$domain"
  fi
}

# Settle mail_way and smtp_url; what lacks goes into the array that is named.
complete_mail() {
  local -n lacking=$1
  [[ $mail_way != none ]] || { smtp_url='' mail_from='' mail_state=none; return; }
  if [[ -n $mail_provider ]]; then
    local password=${HEARTH_MAIL_PASSWORD:-}
    [[ -n $password ]] || lacking+=("HEARTH_MAIL_PASSWORD in the environment")
    [[ $mail_provider != postmark ]] || mail_user=$password
    [[ -n $mail_user$(provider_field "$mail_provider" 4) ]] || lacking+=("--mail-user USER")
    smtp_url=$(provider_url "$mail_provider" "$mail_user" "$password")
  fi
  if [[ -z $smtp_url ]]; then
    lacking+=("--smtp-url URL and --mail-from ADDRESS, or --no-mail")
  elif [[ -z $mail_from ]]; then
    lacking+=("--mail-from ADDRESS")
  fi
  mail_way=smtp mail_state=smtp
  [[ $smtp_url$mail_from == "$known_smtp_url$known_mail_from" ]] || mail_state=untried
}

# A message to the operator when mail is new or was changed: a wrong password is found while whoever knows the
# right one is still there, not when a member waits for a code.
step_mail() {
  [[ $mail_state == untried ]] || return 0
  change "send a test message to $email (through $(mail_server_name); may take half a minute)" try_mail
}

try_mail() {
  local said
  while [[ $mail_way == smtp ]]; do
    if said=$(test_message); then
      explain "${said##*$'\n'}"
      break
    fi
    wrapped <<<"${said%"; # / ? % : in them"*}" # here they are written for the operator
    if ! can_ask; then
      explain "Mail does not work yet. To change it: sudo ./install.sh server --ask"
      break
    fi
    ask_what_now || break
  done
  mail_state=$mail_way
  step_answers
}

# What is in the settings' file counts, not what the environment of the installer says.
test_message() {
  env -u PDS_EMAIL_SMTP_URL -u PDS_EMAIL_FROM_ADDRESS "$command_link" mail test --to "$email" 2>&1
}

# After a test that failed: new answers at once. Fails when it shall stay as it is.
ask_what_now() {
  local choice='' nothing=()
  wrapped <<'TEXT'
Mail does not work yet. What now?
   1 again       answer the questions about mail again
   2 none        do without mail: members ask you for their codes
   3 later       leave it as it is; sudo ./install.sh server --ask asks again
TEXT
  ask_choice choice "What now" again again none later
  case $choice in
    again)
      forget_mail
      ask_mail
      complete_mail nothing
      ;;
    none)
      mail_way=none
      complete_mail nothing
      ;;
    later) return 1 ;;
  esac
  step_settings
  step_start
  [[ $mail_way == none ]] || say "send a test message to $email (through $(mail_server_name); may take half a minute)"
}
