# shellcheck shell=bash
# What must be right before anything is changed. Every check adds to problems (no going on) or to
# remarks (worth knowing); all are shown together.

problems=()
remarks=()

readonly least_memory_mib=380
readonly least_disk_mib=1500
readonly good_disk_mib=6000

check_machine() {
  say "Checking this machine"
  check_root
  check_system
  check_hostname
  check_front
  check_data
  check_backup
  check_ports
  check_memory
  check_disk
  check_clock
  [[ $skip_dns == yes ]] || check_dns
  local line
  for line in "${remarks[@]}"; do echo "  Note: $line"; done
  for line in "${problems[@]}"; do echo "  PROBLEM: $line"; done
  ((${#problems[@]} + ${#remarks[@]})) || echo "  All is well."
  ((${#problems[@]} == 0)) || [[ $dry_run == yes ]] || fail "nothing was changed. Put right what is said above, then start this again."
}

# After a plan that is only shown: it could not be carried out.
show_problems() {
  ((${#problems[@]} == 0)) || fail "this would not be done before the problems above are put right; nothing was changed."
}

check_root() {
  ((EUID == 0)) || problems+=("root is needed: sudo ./install.sh server")
  local folder
  for folder in /opt /etc/systemd/system /usr/local/bin; do
    [[ ! -e $folder || -w $folder ]] || ((EUID)) || problems+=("$folder cannot be written to")
  done
}

# The name and version of the system, as in "debian 12".
system_name() {
  # shellcheck disable=SC1091 # the system's
  (. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}") || true
}

check_system() {
  system=$(system_name)
  case $system in
    "debian 12" | "debian 13" | "ubuntu 24.04") ;;
    "ubuntu 22.04")
      [[ $front != caddy ]] || has_package caddy || problems+=("Ubuntu 22.04 has no package caddy; install \
Caddy as caddyserver.com says, or put nginx in front (apt-get install nginx) and add --front nginx")
      ;;
    *) problems+=("this is ${system:-a system without a name}, not Debian 12 or 13 or Ubuntu 22.04 or 24.04; \
docs/install.md has the list of what to do by hand") ;;
  esac
  [[ -d /run/systemd/system ]] || problems+=("systemd does not run here; in a container start Hearth by hand, \
see docs/install.md")
  if ! find_python >/dev/null && [[ $system == "debian 11" || $system == "ubuntu 20.04" ]]; then
    problems+=("Python 3.11 or newer is needed, which this system does not offer")
  fi
}

check_hostname() {
  local label='[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
  if [[ ! $hostname =~ ^($label\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$ ]] || ((${#hostname} > 253)); then
    problems+=("\"$hostname\" is no public host name; write it like pds.example.com, without https:// and port")
  elif [[ $hostname =~ \.(localhost|local|internal|lan|home|arpa|invalid|example|onion)$ ]]; then
    problems+=("nobody elsewhere can reach $hostname; choose a name in a domain that is yours")
  elif [[ -n $known_hostname && $known_hostname != "$hostname" ]]; then
    problems+=("the server here is $known_hostname; its accounts are bound to that name. Leave --hostname out")
  fi
  [[ $email =~ ^[^@[:space:]\<\>,]+@[^@[:space:]\<\>,]+\.[^@[:space:]\<\>,]+$ ]] ||
    problems+=("\"$email\" is no e-mail address")
  [[ -z $smtp_url || $smtp_url =~ ^smtps?://[^[:space:]]+$ ]] ||
    problems+=("--smtp-url is written like smtps://user:password@mail.example.com:465")
}

check_front() {
  if [[ $front == caddy ]] && ! is_caddy_ours; then
    problems+=("$caddyfile is one of your own and is left alone; without --front what to add to it is shown")
  fi
  [[ $front == nginx || $front == apache ]] || return 0
  local program=nginx
  [[ $front == nginx ]] || program=a2ensite
  command -v "$program" >/dev/null || problems+=("$front is not installed as this system's package has it ($program is missing)")
  if [[ -n $certificate && ! -r $certificate ]]; then
    problems+=("the certificate $certificate cannot be read")
  elif [[ $tls == internal && -z $certificate ]]; then
    problems+=("--tls internal needs Caddy in front; for $front name a certificate of yours: --certificate, --certificate-key")
  fi
  [[ -z $certificate || -r $certificate_key ]] || problems+=("the key of the certificate (--certificate-key) cannot be read")
}

check_data() {
  if [[ -e $data_folder/account.sqlite || -d $data_folder/actors ]]; then
    problems+=("$data_folder holds the data of another PDS. Accounts come over by moving (docs/moving.md); until \
then move that folder away, or use another machine")
  fi
  [[ ! -e $data_folder || -d $data_folder ]] || problems+=("$data_folder is no folder")
}

# Which program listens on TCP port $1, by its name in the process list; "?" if it is not seen.
holder_of() {
  local inode process
  inode=$(listening_inode "$1")
  [[ -n $inode ]] || return 0
  process=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" -print -quit 2>/dev/null | cut -d/ -f3) || true
  if [[ -n $process ]]; then cat "/proc/$process/comm"; else echo "?"; fi
}

# From the kernel's tables: a bare Debian has no ss.
listening_inode() {
  awk -v port="$(printf ':%04X' "$1")" '$4 == "0A" && $2 ~ port "$" { print $10; exit }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

check_ports() {
  local number holder
  [[ $front == caddy ]] || return 0
  for number in 80 443; do
    holder=$(holder_of "$number")
    [[ -z $holder || $holder == caddy ]] ||
      problems+=("port $number is taken by $holder; stop that, or leave --front out to go behind it")
  done
}

check_memory() {
  local mib
  mib=$(awk '/^(MemTotal|SwapTotal)/ { sum += $2 } END { print int(sum / 1024) }' /proc/meminfo)
  ((mib >= least_memory_mib)) ||
    problems+=("$mib MiB of memory (with swap) are too little; $least_memory_mib are needed. Add swap, or take a larger machine")
}

check_disk() {
  local folder mib
  for folder in /opt "$data_folder"; do
    [[ -d $folder ]] || folder=/
    mib=$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')
    if ((mib < least_disk_mib)); then
      problems+=("$mib MiB are free on the disk of $folder; $least_disk_mib are needed. Make room first")
      return
    fi
  done
  ((mib >= good_disk_mib)) || remarks+=("$mib MiB are free for $data_folder; pictures and videos want more before long")
}

# A wrong clock makes certificates and sign-ins fail in ways that nobody understands.
check_clock() {
  local synchronized
  if (($(date +%s) < $(stat -c %Y "$here/install.sh") - 86400)); then
    problems+=("the clock says $(date -u +%F), which is before this program was made; set it: timedatectl set-ntp true")
    return
  fi
  synchronized=$(timedatectl show -p NTPSynchronized --value 2>/dev/null) || return 0
  [[ $synchronized == yes ]] ||
    remarks+=("the clock is not kept right by a time server; install one: apt-get install systemd-timesyncd")
}

# The addresses of a name, family v4 or v6: addresses v4 NAME
addresses() {
  getent "ahosts$1" "$2" 2>/dev/null | awk '{ print $1 }' | grep -v '^::ffff:' | sort -u || true
}

# What would stop a first installation, but not the update of a server that runs.
dns_problem() {
  if [[ -n $known_hostname ]]; then remarks+=("$1"); else problems+=("$1"); fi
}

check_dns() {
  local own name found
  own=" $(hostname -I 2>/dev/null) "
  for name in "$hostname" "hearth-check-$RANDOM.$hostname"; do
    found=$(addresses v4 "$name"; addresses v6 "$name")
    if [[ -z $found ]]; then
      dns_problem "$(dns_advice "$name")"
    else
      check_addresses "$name" "$own" "$found"
    fi
  done
}

dns_advice() {
  if [[ $1 == "$hostname" ]]; then
    echo "there is no address for $1 in the DNS. Add a record of type A (and AAAA, for IPv6) with this \
machine's public address, wait some minutes, and start this again; or add --skip-dns-check"
  else
    echo "there is no address for names below $hostname, which members' handles are. Add a record of \
type A (and AAAA) for *.$hostname; or add --skip-dns-check"
  fi
}

# Compare the addresses $3 of name $1 with this machine's own, $2.
check_addresses() {
  local address stray=()
  for address in $3; do
    [[ $2 == *" $address "* ]] || stray+=("$address")
  done
  ((${#stray[@]})) || return 0
  if [[ $(public_addresses "$2") == "" ]]; then
    remarks+=("$1 points to ${stray[*]}; this machine has private addresses only, so the router must pass ports 80 and 443 on to it")
  else
    dns_problem "$1 points to ${stray[*]}, but this machine's addresses are $(public_addresses "$2"). Correct the \
record, or if a router or proxy passes everything on to here, add --skip-dns-check"
  fi
}

# Those of the addresses $1 that the world can reach.
public_addresses() {
  local address public=()
  for address in $1; do
    case $address in
      10.* | 127.* | 192.168.* | 169.254.* | 172.1[6-9].* | 172.2?.* | 172.3[01].* | 100.6[4-9].* | \
        100.[7-9]?.* | 100.1[01]?.* | 100.12[0-7].* | f[cd]*:* | fe80:* | ::1) ;;
      *) public+=("$address") ;;
    esac
  done
  echo "${public[*]}"
}
