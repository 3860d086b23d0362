# shellcheck shell=bash
# What the DNS says, asked over UDP. A bare Debian has no program for that but getent, which also reads
# the hosts file and tries search domains, so what it says is not what others see.

dns_answer_s=2 # twice of each name server
readonly -A dns_types=([A]=1 [NS]=2 [AAAA]=28 [CAA]=257)
readonly dns_may_doubt='\x01\x00' # recursion desired
readonly dns_takes_all='\x01\x10' # and signatures not checked

# name_servers [FILE [FILE]]: those of this machine, one a line. systemd-resolved answers from the hosts file,
# so behind it those that it asks itself.
name_servers() {
  local file=${1-/etc/resolv.conf} behind=${2-/run/systemd/resolve/resolv.conf}
  if grep -q '^nameserver 127\.0\.0\.53' "$file" 2>/dev/null && grep -q ^nameserver "$behind" 2>/dev/null; then
    file=$behind
  fi
  awk '$1 == "nameserver" && ++count <= 3 { print $2 }' "$file" 2>/dev/null || true
}

name_server_port=53

# ask_dns TYPE NAME: in the first line how it went, in the others the records (A, AAAA: addresses; CAA: tag
# and value; NS: none). How it went:
#   fine    it is known what there is, which may be nothing
#   forged  the signatures (DNSSEC) are wrong; the records are those behind them
#   failed  name servers answer with an error
#   silent  they do not answer
ask_dns() {
  local server answer outcome=silent
  for server in $(name_servers); do
    answer=$(ask_server "$server" "$1" "$2" "$dns_may_doubt")
    case $answer in
      fine*) ;;
      failed*)
        outcome=failed
        answer=$(ask_server "$server" "$1" "$2" "$dns_takes_all")
        [[ $answer == fine* ]] || continue
        answer=forged${answer#fine}
        ;;
      *) continue ;;
    esac
    printf '%s\n' "$answer"
    return
  done
  echo "$outcome"
}

# ask_server SERVER TYPE NAME FLAGS: as ask_dns; nothing when there is no answer.
ask_server() {
  local id question label type=${dns_types[$2]} name=${3%.} answer
  id=$RANDOM
  printf -v question '\\x%02x\\x%02x%s' "$((id >> 8))" "$((id & 255))" "$4"
  question+='\x00\x01\x00\x00\x00\x00\x00\x00'
  for label in ${name//./ }; do
    printf -v label '\\x%02x%s' "${#label}" "$label"
    question+=$label
  done
  printf -v question '%s\\x00\\x%02x\\x%02x\\x00\\x01' "$question" "$((type >> 8))" "$((type & 255))"
  for _ in 1 2; do
    answer=$(exchange "$1" "$question" | read_answer "$type" "$id")
    [[ -z $answer ]] || break
  done
  printf '%s\n' "$answer"
}

# Send a packet to a server; the bytes of what comes back as decimal numbers.
exchange() {
  {
    exec 3<>"/dev/udp/$1/$name_server_port" || return 0
    printf '%b' "$2" | dd bs=512 >&3 # in one piece
    timeout "$dns_answer_s" dd bs=4096 count=1 <&3 | od -An -v -tu1
  } 2>/dev/null || true
}

# read_answer TYPE ID: what a packet says. Spec: RFC 1035 §4, RFC 8659 §4.1
read_answer() {
  awk -v type="$1" -v id="$2" '
    function number(at) { return byte[at] * 256 + byte[at + 1] }
    function after_name(at) {
      while (at < count && byte[at] && byte[at] < 192) at += byte[at] + 1
      return at + (byte[at] ? 2 : 1)
    }
    function address(at,   i, text) {
      for (i = 0; i < 16; i += 2) text = text (i ? ":" : "") sprintf("%x", number(at + i))
      return shortest(text)
    }
    # RFC 5952: the longest run of zeros goes, so that it can be compared with what the system says.
    function shortest(text,   run, at) {
      for (run = "0:0:0:0:0:0:0:0"; length(run) > 1; run = substr(run, 3)) {
        at = index(":" text ":", ":" run ":")
        if (at) return substr(text, 1, at - 2) "::" substr(text, at + length(run) + 1)
      }
      return text
    }
    function value(at, size,   i, text, tag) {
      tag = byte[at + 1]
      for (i = at + 2; i < at + size; i++) text = text (i == at + 2 + tag ? " " : "") sprintf("%c", byte[i])
      return text
    }
    { for (i = 1; i <= NF; i++) byte[count++] = $i }
    END {
      if (count < 12 || number(0) != id) exit
      if (byte[3] % 16 != 0 && byte[3] % 16 != 3) { print "failed"; exit }
      print "fine"
      at = after_name(12) + 4
      for (left = number(6); left > 0 && at < count; left--) {
        at = after_name(at)
        found = number(at)
        size = number(at + 8)
        at += 10
        if (found == type && type == 1) print byte[at] "." byte[at + 1] "." byte[at + 2] "." byte[at + 3]
        if (found == type && type == 28) print address(at)
        if (found == type && type == 257) print value(at, size)
        at += size
      }
    }'
}
