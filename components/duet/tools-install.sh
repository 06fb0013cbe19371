# The tools in one guest, under /usr/local. Source: guide, step 14.
: "${programs:?}"
: "${built:?}" # Another build is installed again.
. ../machine/step.sh
. ../machine/lib/developer.sh
. ../machine/lib/since.sh

# What the Makefiles install, the sample's and Duet's own. A name that is not there is no error.
headers=/usr/local/include/duet
installed=(/usr/local/bin/duet /usr/local/bin/dummy_task)
installed+=(/usr/local/lib/libduet.so.1 /usr/local/lib/libduet.so /usr/local/lib/libduet.a)

create() {
  local lacks report
  make_install </dev/null >&2 || die "cannot install the tools: make install failed, see its lines above"
  ldconfig
  ldconfig -p | grep '^[[:space:]]*libduet\.so' >/dev/null ||
    die "cannot use libduet, installed under /usr/local/lib: the linker does not list it; see /etc/ld.so.conf.d"
  lacks=$(ldd /usr/local/bin/duet 2>&1 | grep 'not found' | tr -s '\t\n' ' ' || true)
  [ -z "$lacks" ] || die "cannot run the command duet: it lacks $lacks"
  report=$(timeout 60 /usr/local/bin/duet status report </dev/null 2>&1) ||
    die "cannot reach the module: \`duet status report\` fails: ${report%%$'\n'*}"
  printf '%s\n' "$report"
}

# Over NFS root is nobody. In a tree that only the developer may read, the developer installs to a folder.
make_install() {
  if [ -z "$(find "$programs" -name '.?*' -prune -o ! -type l ! -readable -print -quit 2>&1)" ]; then
    timeout 300 make -C "$programs" install
    return
  fi
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  chown "$uid" -- "$work"
  as_developer timeout 300 make -C "$programs" "DESTDIR=$work" install || return
  tar -C "$work" -cf - . | tar -C / --keep-directory-symlink --no-overwrite-dir --no-same-owner -xpf -
}

# What is installed, and whether the linker knows it.
facts() {
  local sum file name
  if ! newer_than_record "${installed[@]}" "$headers"/* /etc/ld.so.cache; then
    recorded ''
    return
  fi
  while read -r sum file; do fact "$file" "${sum:0:16}"; done \
    < <(sha256sum -- "${installed[@]}" "$headers"/* 2>/dev/null)
  while read -r name _ _ file; do fact "linker finds $name" "$file"; done < <(ldconfig -p | grep -F -e libduet.so)
}

# Sources and build stay.
delete() {
  rm -f -- "${installed[@]}" "$headers"/*.h
  if [ -d "$headers" ]; then rmdir --ignore-fail-on-non-empty -- "$headers"; fi
  ldconfig
}

run_step "$@"
