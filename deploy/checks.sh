# shellcheck shell=bash
# What must be right before anything is changed. Every check adds to problems (no going on) or to
# remarks (worth knowing); all are shown together.

problems=()
remarks=()

readonly least_memory_mib=380
readonly least_disk_mib=1500
readonly least_for_update_mib=400 # another environment and program beside those that are there
readonly good_disk_mib=6000

check_machine() {
  say "Checking this machine"
  check_root
  check_system
  check_hostname
  check_front
  check_data
  check_database
  check_backup
  check_memory
  check_disk
  check_clock
  [[ $skip_dns == yes || $is_name == no ]] || check_dns
  local line
  for line in "${remarks[@]}"; do wrapped <<<"  Note: $line"; done
  for line in "${problems[@]}"; do wrapped <<<"  PROBLEM: $line"; done
  ((${#problems[@]} + ${#remarks[@]})) || echo "  All is well."
  ((${#problems[@]} == 0)) || [[ $dry_run == yes ]] || fail "nothing was changed. Put right what is said above, then start this again.$(start_again)"
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
  is_name=yes
  if [[ $hostname == *[![:ascii:]]* ]]; then
    is_name=no
    problems+=("\"$hostname\" has letters beyond a to z; write it as the DNS does, which begins with xn-- (a browser that \
opens it shows that when the address is copied)")
  elif [[ ! $hostname =~ ^($label\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$ ]] || ((${#hostname} > 253)); then
    is_name=no
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
  [[ $smtp_url != *sendmail=@(true|1)* ]] ||
    first_problem "the service may not gain the rights that sendmail needs; name the same mail server with \
--smtp-url 'smtp://localhost:25?ignoreTLS=true'"
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
  name_of_holder "$(listening_inode "$1")"
}

# The same for a UDP port.
udp_holder_of() {
  name_of_holder "$(awk -v port="$(printf ':%04X' "$1")" '$2 ~ port "$" { print $10; exit }' \
    /proc/net/udp /proc/net/udp6 2>/dev/null)"
}

# Of the socket with inode $1; sockets of the kernel itself have nobody.
name_of_holder() {
  local inode=$1 process
  [[ -n $inode ]] || return 0
  process=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" -print -quit 2>/dev/null | cut -d/ -f3) || true
  if [[ -n $process ]]; then cat "/proc/$process/comm"; else echo "?"; fi
}

# From the kernel's tables: a bare Debian has no ss.
listening_inode() {
  awk -v port="$(printf ':%04X' "$1")" '$4 == "0A" && $2 ~ port "$" { print $10; exit }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

check_memory() {
  local mib
  mib=$(awk '/^(MemTotal|SwapTotal)/ { sum += $2 } END { print int(sum / 1024) }' /proc/meminfo)
  ((mib >= least_memory_mib)) ||
    problems+=("$mib MiB of memory (with swap) are too little; $least_memory_mib are needed. Add swap, or take a larger machine")
}

check_disk() {
  local folder mib least=$least_disk_mib
  [[ ! -e $program_folder/current ]] || least=$least_for_update_mib
  for folder in /opt "$data_folder"; do
    [[ -d $folder ]] || folder=/
    mib=$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')
    if ((mib < least)); then
      problems+=("$mib MiB are free on the disk of $folder; $least are needed. Make room first")
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

# What would stop a first installation, but not the update of a server that runs.
first_problem() {
  if [[ -n $known_hostname ]]; then remarks+=("$1"); else problems+=("$1"); fi
}

# Do the server's name and those below it, which members' handles are, lead here?
check_dns() {
  echo "  Asking the DNS for $hostname"
  addresses_before=''
  check_name "$hostname" "$hostname" || return 0
  check_name "*.$hostname" "hearth-check-$RANDOM.$hostname" || return 0
  [[ $tls != on-demand || -n $certificate || -n $acme_server ]] || check_caa
}

# check_name RECORD NAME: whether NAME, for which RECORD is responsible, leads here. Fails when there is no
# answer, and so nothing more to learn.
check_name() {
  local kind answer='' addresses='' unknown=() own
  for kind in A AAAA; do
    answer=$(ask_dns "$kind" "$2")
    case $answer in
      fine*) addresses+=$(tail -n +2 <<<"$answer")$'\n' ;;
      forged*)
        first_problem "DNSSEC of $1 is broken, so most name servers refuse to say where it is. Where your domain is \
managed, sign it anew, or remove the DS record at the registrar; docs/troubleshooting.md#dns-dnssec"
        return 1
        ;;
      *) unknown+=("$kind") ;;
    esac
  done
  if ((${#unknown[@]} == 2)); then
    tell_silence "$1"
    return 1
  fi
  ((${#unknown[@]} == 0)) || first_problem "the name servers of $1 fail when they are asked for its ${unknown[*]} \
record, so some cannot connect. Whoever manages the domain can tell; or add --skip-dns-check"
  if [[ -z ${addresses//$'\n'/} ]] || are_invented "$addresses"; then
    first_problem "$(dns_advice "$1")"
    return
  fi
  [[ $addresses != "$addresses_before" ]] || return 0 # what is wrong with them has been said
  addresses_before=$addresses
  own=$(hostname -I 2>/dev/null) || own=''
  check_addresses "$1" "$own" "$addresses"
}

# Nobody answers for record $1: is it the domain, or are name servers out of reach?
tell_silence() {
  local at_all
  at_all=$(ask_dns NS .)
  if [[ $at_all == fine* ]]; then
    first_problem "the name servers of $1 do not answer, or with an error. Whoever manages the domain can tell: is the zone \
there, are the name servers named at the registrar the right ones, does a CNAME lead in a circle? Or add --skip-dns-check"
  else
    first_problem "no name server answers this machine ($(name_servers | paste -sd ' ')). Look at its network and at \
/etc/resolv.conf; or add --skip-dns-check"
  fi
}

# Whether $1 is what the name servers here answer for names that do not exist, as some providers' do.
are_invented() {
  local answer address
  [[ -n ${invented+known} ]] || {
    answer=$(ask_dns A "hearth-check-$RANDOM$RANDOM.com")
    invented=$(tail -n +2 <<<"$answer")
  }
  [[ -n $invented ]] || return 1
  for address in $1; do
    [[ $'\n'$invented$'\n' == *$'\n'$address$'\n'* ]] || return 1
  done
}

dns_advice() {
  local more=''
  [[ -z ${invented:-} ]] || more=" (The name servers here answer ${invented//$'\n'/ } for names that do not exist.)"
  if [[ $1 == "$hostname" ]]; then
    echo "there is no address for $1 in the DNS. Add a record of type A (and AAAA, for IPv6) with this \
machine's public address, wait some minutes, and start this again; or add --skip-dns-check$more"
  else
    echo "there is no address for names below $hostname, which members' handles are. Add a record for \
$1: CNAME to $hostname (or A and AAAA as that has them); or add --skip-dns-check$more"
  fi
}

# Compare the addresses $3 of record $1 with this machine's own, $2. Behind a router or a cloud's gateway it
# has no public IPv4 address of its own; IPv6 goes right through.
check_addresses() {
  local address inside=() hidden=() strays4=() strays6=() public4 public6
  public4=$(public_addresses "$2" 4)
  public6=$(public_addresses "$2" 6)
  for address in $3; do
    if [[ " ${2//$'\n'/ } " == *" $address "* ]]; then
      [[ -n $(public_addresses "$address") ]] || inside+=("$address")
    elif [[ -z $(public_addresses "$address") ]]; then
      hidden+=("$address")
    elif [[ $address == *:* ]]; then
      strays6+=("$address")
    else
      strays4+=("$address")
    fi
  done
  ((${#inside[@]} == 0)) || remarks+=("$1 points to ${inside[*]}, which nobody outside can reach. That is all right if only your \
own network's name server says so; else the record needs the public address of your router")
  ((${#hidden[@]} == 0)) || first_problem "$1 points to ${hidden[*]}, which nobody outside can reach, and which is not this \
machine. Put this machine's or the router's public address there, or add --skip-dns-check"
  ((${#strays6[@]} == 0)) || tell_stray AAAA "$1" "${strays6[*]}" "$public6"
  ((${#strays4[@]} == 0)) || {
    [[ -z $public4 ]] || tell_stray A "$1" "${strays4[*]}" "$public4"
    [[ -n $public4 ]] || remarks+=("$1 points to ${strays4[*]}; this machine has private IPv4 addresses only, so the router \
must pass ports 80 and 443 on to it")
  }
}

# tell_stray TYPE RECORD ADDRESSES OWN
tell_stray() {
  local right="but this machine's addresses are $4. Correct the record"
  [[ -n $4 ]] || right="but this machine has no such address. Remove the record"
  first_problem "the $1 record of $2 points to $3, $right, or if a router or proxy passes everything on to here, add --skip-dns-check"
}

# May Let's Encrypt make certificates for the name? The nearest name with CAA records decides. Spec: RFC 8659 §3
check_caa() {
  local name=$hostname answer issuers
  while [[ $name == *.* ]]; do
    answer=$(ask_dns CAA "$name")
    [[ $answer != f[ao]* ]] || first_problem "the name servers of $name fail when they are asked for its CAA record, which \
certificate authorities take for a no. Whoever manages the domain can tell; or add --skip-dns-check"
    [[ $answer == fine* ]] || return 0
    if [[ $answer == *$'\n'* ]]; then
      issuers=$(sed -n 's/^issue \([^;]*\).*/\1/p' <<<"${answer,,}" | tr -d ' \t')
      grep -qx letsencrypt.org <<<"$issuers" || ! grep -q '^issue ' <<<"${answer,,}" ||
        first_problem "the CAA record of $name forbids Let's Encrypt to make certificates for $hostname. Where your domain is \
managed, add: $name CAA 0 issue \"letsencrypt.org\""
      return 0
    fi
    name=${name#*.}
  done
}

# Those of the addresses $1 that the world can reach; of the family $2 (4 or 6) alone if it is named.
public_addresses() {
  local address public=()
  for address in $1; do
    case $address in
      10.* | 127.* | 192.168.* | 169.254.* | 172.1[6-9].* | 172.2?.* | 172.3[01].* | 100.6[4-9].* | \
        100.[7-9]?.* | 100.1[01]?.* | 100.12[0-7].* | f[cd]*:* | fe80:* | ::1) ;;
      *:*) [[ ${2-} == 4 ]] || public+=("$address") ;;
      *) [[ ${2-} == 6 ]] || public+=("$address") ;;
    esac
  done
  echo "${public[*]}"
}
