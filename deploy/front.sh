# shellcheck shell=bash
# Who is in front: Caddy where ports 80 and 443 are free; else whatever has them goes on having them,
# and Hearth is one more site behind it. How its configuration is written: sites.sh.

readonly caddyfile=/etc/caddy/Caddyfile
readonly acme_root_copy=/etc/caddy/acme-root.pem # where Caddy can read it
readonly made_by_us="# Written by Hearth's installer"
readonly certbot_folder=/etc/letsencrypt/live
readonly staging=https://acme-staging-v02.api.letsencrypt.org/directory

# Settle `front` (caddy, nginx, apache, print or none), `port`, and where certificates come from.
choose_front() {
  choose_port
  installed_caddy=no
  [[ $(answer_value installed) != caddy ]] || installed_caddy=yes
  if [[ $tls == none && $front_is_wanted == no ]]; then
    front=none
  elif [[ -z $front ]]; then
    front=$(front_for "$(holder_of 443)" "$(holder_of 80)")
    consent_to_front
  elif [[ $front == print ]]; then
    show_for_holder
  fi
  find_certificate
  case $acme_server in
    default) acme_server='' ;;
    staging) acme_server=$staging ;;
  esac
}

# What is shown at the end is for whoever has the ports.
show_for_holder() {
  shown_front=$(family_of "$(holder_of 443)")
  shown_front=${shown_front:-$(family_of "$(holder_of 80)")}
}

# The kind of front server that process name $1 is.
family_of() {
  case $1 in
    nginx* | haproxy* | lighttpd* | caddy*) echo "${1%%[!a-z]*}" ;;
    apache2 | httpd) echo apache ;;
    '') ;;
    *) echo other ;;
  esac
}

# The front server that suits those who hold ports 443 ($1) and 80 ($2).
front_for() {
  local https http
  https=$(family_of "$1") http=$(family_of "$2")
  if [[ -n $https && -n $http && $https != "$http" ]]; then
    echo print
    return
  fi
  case ${https:-$http} in
    '' | caddy) if is_caddy_ours; then echo caddy; else echo "foreign caddy"; fi ;;
    nginx | apache) echo "${https:-$http}" ;;
    *) echo print ;;
  esac
}

# A configuration that somebody else has made is not touched without being asked to.
consent_to_front() {
  case $front in
    nginx | apache)
      if ! can_ask || ! says_yes "$front has ports 80 and 443. Add a site for Hearth to it?"; then
        remarks+=("$front has ports 80 and 443; what to write for it is shown at the end. To have it written: --front $front")
        shown_front=$front front=print
      fi
      ;;
    "foreign caddy")
      remarks+=("Caddy is here with a configuration of your own; what to add to it is shown at the end")
      shown_front=caddy front=print
      ;;
    print)
      remarks+=("port 443 is taken by $(named_holder 443) and port 80 by $(named_holder 80); what has to be passed on is shown at the end")
      show_for_holder
      ;;
  esac
}

named_holder() {
  local holder
  holder=$(holder_of "$1")
  case $holder in '') echo nobody ;; '?') echo "a program in a container" ;; *) echo "$holder" ;; esac
}

is_caddy_ours() {
  [[ ! -e $caddyfile ]] || is_stock_caddyfile || grep -q "^$made_by_us" "$caddyfile"
}

# Whether the Caddyfile is as the package brought it.
is_stock_caddyfile() {
  local sum
  sum=$(dpkg-query -W -f '${Conffiles}' caddy 2>/dev/null | awk -v file="$caddyfile" '$1 == file { print $2 }')
  [[ -n $sum && $(md5sum "$caddyfile" 2>/dev/null) == "$sum "* ]]
}

find_certificate() {
  if [[ -z $certificate && $tls == on-demand && -e $certbot_folder/$hostname/fullchain.pem ]]; then
    certificate=$certbot_folder/$hostname/fullchain.pem
    certificate_key=$certbot_folder/$hostname/privkey.pem
  fi
}

check_front() {
  check_acme
  case $front in
    caddy)
      is_caddy_ours ||
        problems+=("$caddyfile is one of your own and is left alone; without --front what to add to it is shown")
      check_ports
      check_sleepers
      ;;
    nginx | apache)
      local program=nginx
      [[ $front == nginx ]] || program=a2ensite
      command -v "$program" >/dev/null || problems+=("$front is not installed as this system's package has it ($program is missing)")
      check_certificate
      check_ports
      ;;
  esac
}

check_certificate() {
  if [[ -n $certificate && ! -r $certificate ]]; then
    problems+=("the certificate $certificate cannot be read")
  elif [[ $tls == internal && -z $certificate ]]; then
    problems+=("--tls internal needs Caddy in front; for $front name a certificate of yours: --certificate, --certificate-key")
  fi
  [[ -z $certificate || -r $certificate_key ]] || problems+=("the key of the certificate (--certificate-key) cannot be read")
}

check_acme() {
  [[ -n $acme_server$acme_root ]] || return 0
  [[ $acme_server =~ ^https://[^[:space:]{}\"]+$ ]] ||
    problems+=("--acme-server is the https address of an ACME directory, staging or default")
  [[ -z $acme_root ]] || grep -qs 'BEGIN CERTIFICATE' "$acme_root" ||
    problems+=("$acme_root (--acme-root) is no readable file with a certificate in PEM")
  [[ $front == caddy || $front == print ]] && [[ $tls == on-demand ]] ||
    problems+=("--acme-server is for Caddy with --tls on-demand; certbot is told with --server. To forget it: --acme-server default")
}

check_ports() {
  local number holder
  for number in 80 443; do
    holder=$(holder_of "$number")
    [[ $holder != caddy || $installed_caddy == no ]] || continue # goes, when another is wanted
    [[ -z $holder || $(family_of "$holder") == "$front" ]] ||
      problems+=("port $number is taken by $holder; stop that, or leave --front out to go behind it")
  done
}

# What is stopped now and starts with the machine would take the ports before Caddy does.
check_sleepers() {
  local unit
  for unit in nginx apache2 haproxy lighttpd; do
    if systemctl is-enabled --quiet "$unit" 2>/dev/null && [[ $(systemctl is-active "$unit") != active ]]; then
      problems+=("$unit is stopped but starts with this machine, and would take the ports from Caddy then. To go behind \
it: systemctl start $unit; to do without it: systemctl disable $unit. Then start this again")
    fi
  done
}
