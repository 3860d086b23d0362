#!/bin/bash
# Everything that must pass before a commit. `--fix` first applies the fixes ruff knows.
# CHECK_COVERAGE=1 also measures what the tests reach, which takes longer.
# All steps run even if one fails; the summary of the tests comes last. ./install.sh test
# prepares .venv and calls this.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Hundreds of tests start a Python; where this is set each of them compiles all modules anew.
unset PYTHONDONTWRITEBYTECODE
readonly bin=.venv/bin
readonly coverage_floor=90
failed=()
coverage=()
if [[ -n ${CHECK_COVERAGE:-} ]]; then
  coverage=(--cov --cov-report=term:skip-covered "--cov-fail-under=$coverage_floor")
fi

step() { # step NAME COMMAND...
  local name=$1
  shift
  printf '==> %s\n' "$name"
  "$@" || failed+=("$name")
}

case ${1:-} in
  --fix)
    $bin/ruff check --quiet --fix
    $bin/ruff format --quiet
    ;;
  '') ;;
  *)
    echo "Usage: tests/check.sh [--fix]" >&2
    exit 2
    ;;
esac

step "ruff check" $bin/ruff check
step "ruff format" $bin/ruff format --check
step "mypy" $bin/mypy
step "lint-imports" $bin/lint-imports --no-logo
step "pytest" $bin/python -m pytest -q -n "${CHECK_WORKERS:-2}" --dist loadgroup "${coverage[@]}"

if ((${#failed[@]})); then
  printf 'FAILED: %s\n' "${failed[*]}"
  exit 1
fi
echo "All checks passed."
