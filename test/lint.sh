#!/usr/bin/env bash
# Reads every shell script of the project: shellcheck at all levels, shfmt, and the rules of the house. Prints what it
# finds, and fails if that is anything. Installs the two programs if they lack.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

missing=()
for tool in shellcheck shfmt; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ "${#missing[@]}" != 0 ]; then node sandbox/cli.ts packages "${missing[@]}" >&2; fi

mapfile -t scripts < <(
  git ls-files --cached --others --exclude-standard '*.sh' 'bin/*' test/run 'test/*/run' .ci/run ':!samples' |
    while IFS= read -r file; do if [ -e "$file" ]; then printf '%s\n' "$file"; fi; done
)
# These carry a script into another interpreter, and no others may.
carriers='^components/machine/(lib/.*|step\.sh)$'
mapfile -t others < <(printf '%s\n' "${scripts[@]}" | grep -vE -- "$carriers")

status=0
# It takes a second of one core for each script.
printf '%s\0' "${scripts[@]}" | xargs -0 -n 20 -P "$(nproc)" shellcheck --severity=style -- || status=1
shfmt -d -- "${scripts[@]}" || status=1
if grep -nE -e '(^|[^-])\beval\b' -e 'bash -c "\$' -- "${others[@]}"; then
  echo 'These lines carry a value into another interpreter: call as_developer, developer_does or in_guest.'
  status=1
fi
if grep -nE -e '^.{121,}' -- "${scripts[@]}"; then
  echo 'These lines have more than 120 columns.'
  status=1
fi
exit "$status"
