# shellcheck shell=bash
# How the installer talks at a terminal: what is usual stands in [brackets], a wrong answer is explained at
# once and asked for again, and Ctrl-C ends it with a word about what has been done.

# Whether there is somebody to ask.
can_ask() {
  [[ $assume_yes == no && -t 0 ]]
}

# Text as wide as the terminal, broken between words and indented like its first line; as it is where no
# terminal shows it.
wrapped() {
  local line rest first more
  while IFS= read -r line; do
    rest=${line#"${line%%[![:space:]]*}"}
    if ((columns == 0 || ${#line} <= columns)) || [[ $rest =~ ^(sudo|\./install\.sh)\  ]]; then # commands are copied
      printf '%s\n' "$line"
      continue
    fi
    first=${line:0:${#line}-${#rest}} more=$first
    [[ ! $rest =~ ^(BAD|warn)\  ]] || more='      '
    [[ ! $rest =~ ^(- |==> |[0-9] |Note: |PROBLEM: ) ]] || more+='  '
    fold -s -w "$((columns - ${#more}))" <<<"$rest" | sed -e 's/ *$//' -e "1s/^/$first/" -e "2,\$s/^/$more/"
  done
}

# How many columns the terminal has; 0 where there is none.
columns=0
if [[ -t 1 ]]; then
  columns=$(stty size </dev/tty 2>/dev/null) || columns=0
  columns=${columns##* }
  ((columns >= 40)) || columns=0
fi

say() {
  wrapped <<<"==> $*"
}

# What is wrong with an answer.
explain() {
  wrapped <<<"  $1"
}

# ask VARIABLE QUESTION [USUAL [CHECK]]: have a good value in the variable. What it holds already is not asked
# for if it is good. USUAL is what Enter means. CHECK prints what is wrong with its argument, and may print in a
# second line what was probably meant, which is the usual answer from then on.
ask() {
  local -n asked=$1
  local question=$2 usual=${3-} check=${4-:} answer=$asked complaint
  while :; do
    if [[ -n $answer ]]; then
      complaint=$("$check" "$answer")
      [[ -n $complaint ]] || break
      explain "${complaint%%$'\n'*}"
      [[ $complaint != *$'\n'* ]] || usual=${complaint#*$'\n'}
    fi
    ask_line "$question${usual:+ [$usual]}: "
    [[ -n $answer || -n $usual ]] || explain "There is no usual answer to this one; it has to be typed."
    answer=${answer:-$usual}
  done
  asked=$answer
}

# Into `answer`, without what stands around it.
ask_line() {
  read -e -r -p "$1" answer || end_of_answers
  answer=${answer#"${answer%%[![:space:]]*}"}
  answer=${answer%"${answer##*[![:space:]]}"}
}

# ask_secret VARIABLE QUESTION [USUAL]: the same without showing it.
ask_secret() {
  local -n secret=$1
  local hint="not shown${3:+; Enter: as before}"
  while [[ -z $secret ]]; do
    # In a shell of its own: one that watches for Ctrl-C would go on reading.
    secret=$(trap - INT && read -r -s -p "$2 ($hint): " line && printf '%s' "$line") || end_of_secret $?
    echo
    secret=${secret:-${3-}}
  done
}

# end_of_secret STATUS: Ctrl-C may end the shell that reads before this one has heard of it.
end_of_secret() {
  (($1 != 130)) || interrupted INT
  end_of_answers
}

# ask_choice VARIABLE QUESTION USUAL CHOICE…: one of the choices, by its name or its number.
ask_choice() {
  local -n chosen=$1
  local question=$2 usual=$3 answer number
  shift 3
  chosen=''
  while [[ -z $chosen ]]; do
    ask_line "$question [$usual]: "
    answer=${answer:-$usual}
    answer=${answer,,}
    for ((number = 1; number <= $#; number++)); do
      [[ $answer != "$number" && $answer != "${!number}" ]] || chosen=${!number}
    done
    [[ -n $chosen ]] || explain "\"$answer\" is none of them. Type one of: $*"
  done
}

# Whether the answer to a question is yes; Enter means no.
says_yes() {
  local answer
  while :; do
    ask_line "$1 [y/N] "
    case ${answer,,} in
      y | yes | j | ja) return 0 ;;
      '' | n | no | nein) return 1 ;;
    esac
    explain "Type y for yes, or n for no."
  done
}

end_of_answers() {
  echo
  fail "no answer; $(what_was_done)."
}

what_was_done() {
  if [[ $acting == no ]]; then
    echo "nothing was changed"
  else
    echo "what is shown above was done. Start this again, and it goes on from there"
  fi
}

# Ctrl-C, whenever it comes: the terminal shows again what is typed, and nobody wonders what was done.
watch_for_interruptions() {
  [[ ! -t 0 ]] || terminal_before=$(stty -g 2>/dev/null) || true
  trap 'interrupted INT' INT
  trap 'interrupted TERM' TERM
}

interrupted() {
  trap - "$1"
  [[ -z ${terminal_before-} ]] || stty "$terminal_before" 2>/dev/null || true
  printf '\ninstall.sh: ended here; %s.\n' "$(what_was_done)" >&2
  kill -s "$1" $$
}

# What is wrong with a host name, an e-mail address, a sender or a place for backups: what the checks of the
# machine would say of it.
wrong_hostname() {
  local name=$1
  # An address that was copied from a browser has the name in it.
  if [[ $name =~ ^[a-zA-Z]+://([^/:]+) || $name =~ ^([^/:]+)[/:] ]]; then
    printf 'Only the name is wanted, without https://, port and path.\n%s' "${BASH_REMATCH[1]}"
    return
  fi
  complaint_about "${name,,}" someone@example.org
}

wrong_email() {
  complaint_about pds.example.com "$1" ''
}

# The first problem with host name $1 and e-mail address $2, where host name $3 is known.
complaint_about() {
  # shellcheck disable=SC2034 # for check_hostname
  local hostname=${1%.} email=$2 known_hostname=${3-$known_hostname} smtp_url='' problems=()
  check_hostname
  ((${#problems[@]} == 0)) || printf '%s' "${problems[0]}"
}

# Like pds@example.com or My PDS <pds@example.com>.
wrong_sender() {
  local address=$1
  [[ $address != *'<'*'>' ]] || address=${address##*<} address=${address%>}
  wrong_email "$address"
}

wrong_host() {
  local host=$1
  [[ $host =~ ^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$ ]] ||
    echo "\"$host\" is no host name; write it like mail.example.com, without port and smtp://"
}

wrong_port() {
  [[ $1 =~ ^[0-9]{1,5}$ ]] && ((10#$1 >= 1 && 10#$1 <= 65535)) ||
    echo "\"$1\" is no port; mail servers have 465, 587 or 25"
}

wrong_backup_place() {
  local backup_to=$1 problems=() remarks=()
  [[ $backup_to != none ]] || return 0
  check_backup
  ((${#problems[@]} == 0)) || printf '%s' "${problems[0]}"
}
