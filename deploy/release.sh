#!/bin/bash
# Make a release of a commit: hearth-VERSION.tar.gz, and the install.sh that fetches it and knows its
# digest. The same commit gives the same bytes, each time and on every machine.
#   deploy/release.sh https://example.org/releases [COMMIT]     both go into ./dist
# Then put both files where the address says, the tar.gz first.
set -euo pipefail

fail() {
  printf 'release.sh: %s\n' "$*" >&2
  exit 1
}

[[ ${1:-} =~ ^https://[^#[:space:]\"\'\$\`\\]+$ ]] || fail "say where the files will be: deploy/release.sh https://example.org/releases [COMMIT]"
address=${1%/}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$here"
git rev-parse --git-dir >/dev/null || fail "this is made from a checkout, and there is none"
commit=$(git rev-parse --verify --quiet "${2:-HEAD}^{commit}") || fail "there is no commit ${2:-HEAD}"
[[ -n ${2:-} || -z $(git status --porcelain -- . ':!dist') ]] || fail "there are changes that are in no commit; commit them, or name a commit"

# shellcheck source=deploy/program.sh
source "$here/deploy/program.sh"
version=$(git show "$commit:pds/__init__.py" | sed -n 's/^__version__ = "\(.*\)"$/\1/p')
[[ $version =~ ^[0-9A-Za-z.+-]+$ ]] || fail "pds/__init__.py of $commit does not say its version"
name=hearth-$version
mkdir -p dist

# tar as git writes it: files in order, owned by root, with the time of the commit. gzip -n leaves out
# its own time; what it packs does not differ between its versions.
git -c core.autocrlf=false -c tar.umask=0022 archive --format=tar --prefix="$name/" "$commit" -- "${program_parts[@]}" |
  gzip -9 -n >"dist/$name.tar.gz"
digest=$(sha256sum "dist/$name.tar.gz" | cut -d' ' -f1)
git show "$commit:install.sh" |
  sed "s|^readonly release=\${HEARTH_RELEASE:-}\$|readonly release=\${HEARTH_RELEASE:-$address/$name.tar.gz#sha256=$digest}|" >dist/install.sh
grep -q "#sha256=$digest}" dist/install.sh || fail "install.sh of $commit has no line for the address of a release"
chmod 755 dist/install.sh

echo "Made from commit $commit:"
echo "  dist/$name.tar.gz  sha256 $digest"
echo "  dist/install.sh    fetches $address/$name.tar.gz"
echo "Anybody can check it: git checkout $commit && deploy/release.sh $address"
