# shellcheck shell=bash
# What the operator says: flags, else the environment, else what was said last time, else questions.

server_usage() {
  cat <<'TEXT'
Usage: ./install.sh server [OPTION…]

Installs Hearth as a public server on Debian 12 and 13 or Ubuntu 22.04 and
24.04. Started again it updates the program and changes only what you name;
what it was told before it knows. Without options it asks.

Who and where
  --hostname NAME    public name of the server, like pds.example.com
                     (PDS_HOSTNAME)
  --email ADDRESS    yours: shown as contact, and told to the certificate
                     authority (PDS_CONTACT_EMAIL_ADDRESS)
Mail
  --no-mail          send none; you read out codes: pdsadmin account codes
  --mail-provider P  resend, postmark, mailgun, mailgun-eu, brevo or gmail; the
                     password or key is in the environment: HEARTH_MAIL_PASSWORD
  --mail-user USER   the user there
  --smtp-url URL     any other mail server, with user and password: like
                     smtps://me:secret@mail.example.com:465 (PDS_EMAIL_SMTP_URL)
  --mail-from ADDR   sender of mail (PDS_EMAIL_FROM_ADDRESS)
Backups
  --backup-to PLACE  one every night: a folder, best on another disk, or
                     s3://BUCKET/PREFIX, with PDS_BACKUP_PASSPHRASE and
                     PDS_BACKUP_S3_… in the environment (PDS_BACKUP_LOCATION)
  --no-backup        none; so it is with --yes when no place was ever named
Certificates and the server in front
  --tls WAY          on-demand: certificates of Let's Encrypt, for each handle
                     when it is used (default)
                     internal: of an authority of this machine's own, for trying
                     things out
                     none: something else makes them; Hearth listens on
                     127.0.0.1 only
  --front PROGRAM    who has ports 80 and 443: caddy (installed unless they are
                     taken), nginx, apache, or print: only show what to write
                     into a configuration of yours. Without it a configuration
                     that is already there is not touched
  --certificate FILE, --certificate-key FILE
                     for nginx and apache, else those of certbot in
                     /etc/letsencrypt/live/NAME
  --acme-server URL  where Caddy orders certificates: the address of another
                     authority's ACME directory, staging (Let's Encrypt's, to
                     try things out) or default (Caddy's choice, Let's Encrypt)
  --acme-root FILE   the certificate that the ACME server itself is known by,
                     where it is a private one
How it runs
  --ask              ask anew, with what was answered before in [brackets]: to
                     change mail, for instance
  --skip-dns-check   the names do not point here yet
  --dry-run          show every change and make none
  --yes              ask nothing; say what is missing and end
  --uninstall        remove the program; the data in /pds stays
TEXT
}

# shellcheck disable=SC2034 # used in the files beside this one
parse_options() {
  assume_yes=no dry_run=no skip_dns=no uninstall=no ask_again=no name_is_kept=no
  hostname=${PDS_HOSTNAME:-} email=${PDS_CONTACT_EMAIL_ADDRESS:-}
  smtp_url=${PDS_EMAIL_SMTP_URL:-} mail_from=${PDS_EMAIL_FROM_ADDRESS:-}
  backup_to=${PDS_BACKUP_LOCATION:-} backup_way=''
  mail_way='' mail_provider='' mail_user='' tls='' front='' front_is_wanted=no
  certificate='' certificate_key='' acme_server='' acme_root=''
  while (($#)); do
    case $1 in
      --yes | -y) assume_yes=yes ;;
      --dry-run) dry_run=yes ;;
      --skip-dns-check) skip_dns=yes ;;
      --uninstall) uninstall=yes ;;
      --ask) ask_again=yes ;;
      --no-mail) mail_way=none ;;
      --no-backup) backup_way=none ;;
      -h | --help)
        server_usage
        exit 0
        ;;
      --hostname | --email | --smtp-url | --mail-from | --mail-provider | --mail-user | --tls | --front | \
        --certificate | --certificate-key | --acme-server | --acme-root | --backup-to)
        (($# >= 2)) || refuse_option "$1 needs a value"
        set_option "$1" "$2"
        shift
        ;;
      --*=*)
        set -- "${1%%=*}" "${1#*=}" "${@:2}"
        continue
        ;;
      *) refuse_option "$1 is not known" ;;
    esac
    shift
  done
  check_options
}

set_option() {
  local name=${1#--}
  name=${name//-/_}
  case $name in # no names but these, whatever was typed
    hostname | email | smtp_url | mail_from | mail_provider | mail_user | tls | front | certificate | certificate_key | \
      acme_server | acme_root | backup_to)
      printf -v "$name" '%s' "$2"
      ;;
    *) refuse_option "$1 takes no value" ;;
  esac
}

refuse_option() {
  printf 'install.sh: %s; see ./install.sh server --help\n' "$1" >&2
  exit 2
}

check_options() {
  case $tls in '' | on-demand | internal | none) ;; *) refuse_option "--tls is on-demand, internal or none" ;; esac
  case $front in '' | caddy | nginx | apache | print) ;; *) refuse_option "--front is caddy, nginx, apache or print" ;; esac
  [[ -z $front ]] || front_is_wanted=yes
  if [[ $mail_way == none && -n $smtp_url$mail_provider ]]; then
    refuse_option "--no-mail and a mail server exclude each other"
  fi
  [[ $backup_way != none || -z $backup_to ]] || refuse_option "--no-backup and a place for backups exclude each other"
  [[ -z $mail_provider ]] || is_provider "$mail_provider" || refuse_option "--mail-provider is one of: ${providers[*]}"
}

# The value of a setting in the server's file, or in the file $2; nothing if it is not there.
env_value() {
  local line value
  line=$(grep -E "^$1=" "${2:-$env_file}" 2>/dev/null | tail -n 1) || return 0
  value=${line#*=}
  if [[ $value == \'*\' || $value == \"*\" ]]; then
    value=${value:1:-1}
  fi
  printf '%s' "$value"
}

answer_value() {
  sed -n "s/^$1=//p" "$answers_file" 2>/dev/null || true
}

# What was said last time counts where nothing else is said now.
recall_answers() {
  known_hostname=$(env_value PDS_HOSTNAME)
  hostname=${hostname:-$known_hostname}
  email=${email:-$(env_value PDS_CONTACT_EMAIL_ADDRESS)}
  known_smtp_url=$(env_value PDS_EMAIL_SMTP_URL)
  known_mail_from=$(env_value PDS_EMAIL_FROM_ADDRESS)
  mail_from=${mail_from:-$known_mail_from}
  [[ $(answer_value mail) != untried ]] || known_smtp_url='' # an earlier run was cut off before it sent a test message
  if [[ -z $mail_way && -z $smtp_url$mail_provider ]]; then
    smtp_url=$(env_value PDS_EMAIL_SMTP_URL)
    [[ -n $smtp_url ]] || mail_way=$(answer_value mail)
  fi
  [[ -n $tls ]] || tls=$(answer_value tls)
  [[ -n $front ]] || front=$(answer_value front | grep -Ex 'caddy|nginx|apache' || true)
  tls=${tls:-on-demand}
  recall_backup
  certificate=${certificate:-$(answer_value certificate)}
  certificate_key=${certificate_key:-$(answer_value certificate_key)}
  if [[ -z $acme_server ]]; then # another authority has another root
    acme_server=$(answer_value acme_server)
    acme_root=${acme_root:-$(answer_value acme_root)}
  fi
}

# Ask for what is missing; where nobody can be asked, list it and end.
complete_answers() {
  local missing=()
  if can_ask; then
    # Said now, not after all the questions.
    ((EUID == 0)) || [[ $dry_run == yes ]] || fail "root is needed. Start it with: sudo ./install.sh server (or become root first: su -)"
    watch_for_interruptions
    ask_everything
  fi
  [[ -n $hostname ]] || missing+=("--hostname NAME")
  [[ -n $email ]] || missing+=("--email ADDRESS")
  complete_mail missing
  complete_backup missing
  if ((${#missing[@]})); then
    fail "missing, and there is nobody to ask:$(printf '\n  %s' "${missing[@]}")"
  fi
  hostname=${hostname,,}
  hostname=${hostname%.}
}

ask_everything() {
  local usual_email=''
  if [[ $ask_again == yes ]]; then
    usual_email=$email email=''
    forget_mail
    forget_backup
  fi
  [[ -n $hostname && -n $email && -n $mail_way$smtp_url && -n $backup_way$backup_to ]] || introduce
  ask_hostname
  ask email "Your e-mail address (contact, certificates)" "$usual_email" wrong_email
  ask_mail
  ask_backup
}

introduce() {
  if [[ -n $known_hostname ]]; then
    wrapped <<<"The server here is $known_hostname. Enter keeps the answer in [brackets]; Ctrl-C ends it, and nothing is changed."
    echo
    return
  fi
  wrapped <<TEXT
Hearth will be a public server on this machine. First some questions; then it looks whether all is right, shows every change, and makes them only when you say yes. Enter takes the answer in [brackets]; Ctrl-C ends it.

TEXT
}

# The name, and at once whether the DNS knows it: a typing error is found here, not when nothing works.
ask_hostname() {
  local name=$hostname usual=''
  name_is_kept=$skip_dns
  if [[ -z $hostname ]]; then
    wrapped <<<"Its name in the DNS leads to this machine, and so do the names below it, which are members' handles (*.NAME). It stays for good."
  fi
  ask name "Name of the server, like pds.example.com" "" wrong_hostname
  hostname=${name,,}
  hostname=${hostname%.}
  [[ $skip_dns == no && -z $known_hostname ]] || return 0
  while :; do
    check_dns
    ((${#problems[@]})) || break
    for name in "${problems[@]}"; do # but for how to start anew: that is not needed here
      name=${name/", wait some minutes, and start this again"/}
      explain "$(sed 's/[,;.] [Oo]r add --skip-dns-check//' <<<"$name")"
    done
    problems=() usual=$hostname name=''
    explain "Is it a typing error? Then type the name again. Enter keeps it; the DNS can be put right later."
    ask name "Name of the server" "$usual" wrong_hostname
    [[ ${name,,} != "$usual" ]] || { name_is_kept=yes && break; }
    hostname=${name,,} remarks=()
  done
  skip_dns=yes # it has been looked at
}

# The command that brings these answers back, without passwords.
same_answers() {
  local command=(./install.sh server --hostname "$hostname" --email "$email")
  if [[ $mail_way == none ]]; then
    command+=(--no-mail)
  elif [[ -n $mail_provider ]]; then
    command+=(--mail-provider "$mail_provider")
    [[ -z $mail_user || $mail_provider == postmark ]] || command+=(--mail-user "$mail_user")
    command+=(--mail-from "$mail_from")
  fi
  [[ -z $backup_to || $backup_to == s3://* ]] || command+=(--backup-to "$backup_to")
  [[ $backup_way != none ]] || command+=(--no-backup)
  [[ $tls == on-demand ]] || command+=(--tls "$tls")
  [[ $name_is_kept == no ]] || command+=(--skip-dns-check)
  [[ $front_is_wanted == no ]] || command+=(--front "$front")
  printf '%q ' "${command[@]}"
}

# What to do when it ends before anything is changed.
start_again() {
  [[ $uninstall == yes ]] || ! can_ask || printf '\n  With the same answers: %s' "$(same_answers)"
}
