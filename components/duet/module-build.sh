# The module, built by the developer at the path that host and guests share, which is where gdb looks for its lines.
# Source: guide, step 12.
: "${build:?}" "${objects:?}" "${module:?}" "${debug?}"
: "${kernel:?}" # Another one needs another build.
. ../machine/step.sh
. ../machine/lib/build-id.sh
. ../machine/lib/since.sh
. ../kernel/toolchain.sh
. ./make.sh
. ./module-file.sh
. ./module-links.sh

symbols=$build/Module.symvers

create() {
  local object
  can_read "$tree/Makefile" "$tree/Kbuild" ||
    die "cannot build module $module: there is no Makefile in $tree that uid $uid can read; correct duet:sources," \
      "or the rights there"
  use_toolchain
  [ -e "$symbols" ] || die "cannot build module $module: the kernel in $build is not built; run pulumi up"
  require_tools
  fresh_sources "$tree" "$symbols" "$build/include/config/auto.conf"
  # One of several kernels has a folder of its own for it.
  if [ "$objects" = "$tree" ]; then
    make_and_note make_module
  else
    link_sources
    make_module "-fdebug-prefix-map=$objects=$tree"
  fi
  object=$(find_object)
  [ -n "$object" ] ||
    die "cannot build module $module: make in $objects made no $module.ko, but: $(others); correct duet:module.name"
  result build-id "$(developer_does '' build_id_of "$object")"
}

# What make runs for a module was linked where the kernel was built: against a glibc that this machine may not have. Not
# each of them needs the newest of it. Programs that a kernel does not have need nothing.
programs=(scripts/basic/fixdep scripts/genksyms/genksyms scripts/mod/modpost tools/objtool/objtool)

require_tools() {
  local program said needs=''
  for program in "${programs[@]}"; do
    said=$(as_developer "$build/$program" </dev/null 2>&1) || true
    needs+=$(grep -o 'GLIBC_[0-9.]*' <<<"$said")$'\n' || true
  done
  needs=$(sort -V <<<"$needs" | tail -n 1)
  [ -z "$needs" ] || die "cannot build module $module here: the programs with which the kernel was built need" \
    "${needs/_/ }, which is newer than what this guest has; ask for duet:module: { build: host }"
}

# With `debug` as the target `debug` of Duet's Makefile does it. make builds anew what was built with other flags.
make_module() { # FLAG-OF-GCC
  make_as_developer "module $module" "$symbols" "-j$(nproc)" -C "$build" "M=$objects" "CC=$compiler" \
    ${debug:+KCPPFLAGS=-DDUET_DEBUG} ${1:+"KCFLAGS=$1" "KAFLAGS=$1"} modules
}

facts() {
  local object
  object=$(find_object)
  if newer_than_record "$object"; then
    fact built "$(developer_does '' build_id_of "$object")"
  else
    recorded built
  fi
}

# The modules that make has made.
others() {
  local names
  names=$(cd / && as_developer find "$objects" -name '*.ko' -printf '%f ' 2>/dev/null) || true
  printf '%s' "${names:-none}"
}

run_step "$@"
