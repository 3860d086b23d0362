# shellcheck shell=bash
# The only ways in which the installer changes the machine. Before `acting=yes` they only tell.

acting=no
changes_made=0

# change TEXT COMMAND [ARGUMENT…]: do something, or say that it would be done.
change() {
  changes_made=$((changes_made + 1))
  if [[ $acting == no ]]; then
    wrapped <<<"  - $1"
    return
  fi
  say "$1"
  shift
  "$@"
}

# Whether file $1 has the content $2, the mode $3 and the owner $4 (user:group).
is_as_wanted() {
  [[ -f $1 && ! -L $1 && $(stat -c '%a %U:%G' "$1") == "$3 $4" ]] &&
    [[ $(cat "$1" && printf x) == "${2}x" ]]
}

# put_file FILE MODE OWNER CONTENT [NOTE]: bring a file to that, all at once or not at all.
put_file() {
  local file=$1 mode=$2 owner=$3 content=$4 note=${5-} what=write
  put_anything=no
  ! is_as_wanted "$file" "$content" "$mode" "$owner" 2>/dev/null || return 0
  [[ ! -e $file ]] || what=change
  put_anything=yes
  change "$what $file (mode $mode, $owner)${note:+: $note}" write_file "$file" "$mode" "$owner" "$content"
}

write_file() {
  local file=$1 mode=$2 owner=$3 content=$4 new
  rm -f "$file".new-?????? # what an interrupted run has left
  new=$(mktemp "$file.new-XXXXXX")
  printf '%s' "$content" >"$new"
  chown "$owner" "$new"
  chmod "$mode" "$new"
  sync "$new"
  mv -f "$new" "$file"
}

# put_folder FOLDER MODE OWNER
put_folder() {
  [[ ! -d $1 || $(stat -c '%a %U:%G' "$1") != "$2 $3" ]] || return 0
  change "make folder $1 (mode $2, $3)" make_folder "$@"
}

make_folder() {
  mkdir -p "$1"
  chown "$3" "$1"
  chmod "$2" "$1"
}

# put_link LINK TARGET: a symbolic link, switched in one step.
put_link() {
  [[ $(readlink "$1" 2>/dev/null) != "$2" ]] || return 0
  change "link $1 to $2" switch_link "$1" "$2"
}

switch_link() {
  ln -sfn "$2" "$1.new"
  mv -fT "$1.new" "$1"
}

# The text of a template with @NAME@ replaced, without its last line's end. fill FILE NAME VALUE [NAME VALUE…]
fill() {
  local text
  text=$(cat "$1")
  shift
  while (($#)); do
    text=${text//"@$1@"/"$2"}
    shift 2
  done
  printf '%s' "$text"
}

# Whether package $1 is installed.
has_package() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

apt_get() {
  env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

install_packages_from_apt() {
  dpkg --configure -a # what an installation left that was cut off
  apt_get update
  apt_get install -y --no-install-recommends "$@" ||
    fail "apt could not install $*; the lines above say why. Then start this again."
}
