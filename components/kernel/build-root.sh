# A Debian of its own with the compiler of its time, for kernels that today's does not build. Source: mmdebstrap(1).
: "${suite:?}" "${mirror?}" "${packages[0]:?}" "${target:?}" "${owner?}" "${noted:?}" "${fetch_namespace?}"
. ../machine/step.sh
. ../machine/lib/apt.sh
. ../machine/lib/files.sh

create() {
  if [ ! -d "$target" ]; then make_root; fi
  printf '%s\n' "$target" | replace_file "$noted"
  if [ -n "$owner" ]; then chown "$owner" -- "$noted" "$target" "$(dirname "$target")"; fi
  result root "$target"
}

facts() { fact "build root of $suite" "$(if [ -d "$target" ]; then echo there; fi)"; }

# It stays in the cache.
delete() { rm -f -- "$noted"; }

# In namespaces of its own: what is mounted there ends with it, whatever ends it. The keys of archived suites are in
# another file than those of today.
make_root() {
  local included status=0
  log=$(mktemp)
  trap 'rm -f -- "$log"' EXIT
  included=$(printf ',%s' "${packages[@]}")
  mkdir -p -- "$(dirname "$target")"
  rm -rf --one-file-system -- "$target.new"
  in_namespace unshare --mount --pid --fork --kill-child mmdebstrap --mode=root --variant=minbase --format=directory \
    --dpkgopt=force-unsafe-io --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --aptopt='Acquire::Retries "3"' --aptopt='Acquire::Check-Valid-Until "false"' --keyring=/usr/share/keyrings \
    --include="${included#,}" "$suite" "$target.new" ${mirror:+"$mirror"} > >(tee -- "$log" >&2) 2>&1 || status=$?
  # The last line is what is wrong.
  wait "$!" || true
  [ "$status" = 0 ] || die "cannot make a build root of $suite: $(first_apt_error <"$log"); correct" \
    "duet:kernel.toolchain (an archived suite needs the mirror that has it), or mend that"
  rm -rf -- "$target.new"/var/{cache,lib}/apt
  if [ -n "$owner" ]; then chown -Rh "$owner" -- "$target.new"; fi
  mv -T -- "$target.new" "$target"
}

run_step "$@"
