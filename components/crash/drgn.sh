# drgn, in a virtual environment of the project's own. Source: drgn.readthedocs.io, "Installation".
: "${drgn:?}" "${python:?}" "${requirements:?}" "${noted:?}" "${fetch_namespace?}"
. ../machine/step.sh
. ../machine/lib/files.sh
. ../machine/lib/lock.sh

create() {
  local said
  mkdir -p -- "${drgn%/*}"
  # Another stack may be at it.
  exec {held}<>"${drgn%/*}/.lock"
  lock "$held" 600 || die "cannot bring drgn: another stack has been at it for 600 s; end that one, then run this again"
  if ! is_there; then
    rm -rf -- "$drgn"
    # Without it a crash is told by its console, which is no reason to do without a guest.
    said=$(make_environment 2>&1) ||
      say "drgn cannot be brought, so reports of crashes go without what is in memory: $(tail -n 1 <<<"$said");" \
        "from tomorrow on, pulumi up tries again"
  fi
  printf '%s\n' "$drgn" | replace_file "$noted"
}

facts() { fact drgn "$(if is_there; then echo there; else printf 'missing, asked for on %(%F)T' -1; fi)"; }

# It stays in the cache.
delete() { rm -f -- "$noted"; }

# A Python that is gone has taken it along.
is_there() { [ -e "$drgn/bin/python" ] && [ -e "$drgn/complete" ]; }

# By the Python of the system: the developer, who may not enter the home of whoever runs this, reads dumps with it.
# Nothing is installed that has not one of the known sums.
make_environment() {
  "$python" -m venv "$drgn" &&
    ${fetch_namespace:+nsenter "--net=$fetch_namespace"} timeout 300 "$drgn/bin/python" -m pip install --quiet \
      --disable-pip-version-check --no-cache-dir --only-binary :all: --require-hashes -r <(printf %s "$requirements") \
      </dev/null &&
    : >"$drgn/complete"
}

run_step "$@"
