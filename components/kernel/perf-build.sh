# perf, built by the developer from the kernel's own sources: one program that needs no library, so that it runs in a
# guest of any age. Source: guide, "Using perf with Duet"; tools/perf/Makefile.perf, the lines "Define …".
: "${tree:?}" "${build:?}" "${ccache:?}" "${commit:?}"
: "${sources:?}" # Others may have another perf.
. ../machine/step.sh
. ../machine/lib/make.sh
. ../sources/holds.sh
. ./toolchain.sh

folder=$build/tools/perf
program=$folder/perf
log=$folder/duet-build.log
# Of which commit it is built.
built_of=$folder/.duet-commit
libraries=$folder/static

# What perf does without: other languages, C++, names of events of each processor, and what guests cannot have.
without=(NO_LIBPERL=1 NO_LIBPYTHON=1 NO_DEMANGLE=1 NO_JEVENTS=1 NO_JVMTI=1 NO_PERF_READ_VDSO32=1)
without+=(NO_PERF_READ_VDSOX32=1 NO_LIBUNWIND=1 NO_LIBNUMA=1 NO_LIBCAP=1 NO_LIBCRYPTO=1 NO_LIBBABELTRACE=1)
without+=(NO_LIBBFD=1 NO_LIBBPF=1 NO_LIBDEBUGINFOD=1 NO_LIBZSTD=1)

create() {
  take_turn
  use_toolchain
  [ -e "$tree/tools/perf/Makefile.perf" ] ||
    die "cannot build perf: there is none in $tree; ask for duet:tools: { perf: package }"
  if ! is_current; then
    install -d -o "$uid" -g "$gid" -- "$build/tools" "$folder" "$libraries"
    # What was cut off is made again.
    rm -f -- "$built_of" "$program"
    name_needs
    make_logged perf "$log" make_perf
    require_features
    as_developer strip -- "$program"
    as_developer tee -- "$built_of" <<<"$commit" >/dev/null
  fi
  result perf "$(sha256sum <"$program" | cut -c1-16)"
}

facts() { stat -c '%n: %s bytes' -- "$program"; }

# Whether it is newer than all that it is made from. make itself takes seconds to say so: it looks for each library.
is_current() {
  local parts=("$tree"/tools/{arch,build,include,lib,perf,scripts})
  [ -x "$program" ] && [ "$(cat -- "$built_of" 2>/dev/null)" = "$commit" ] &&
    [ -z "$(find "${parts[@]}" -newer "$program" -print -quit 2>/dev/null)" ]
}

# A static library says nothing of others that it needs, and not each Makefile of perf's knows them: libebl is part of
# libdw since elfutils 0.177, libelf unpacks with zstd since 0.189, and S-Lang calculates. Linker scripts that are found
# before them say it. Source: ld(1), "Implicit Linker Scripts".
name_needs() {
  need ebl "$(static ebl)" -lz -llzma -lbz2 "$(static zstd)"
  need slang "$(static slang)" -lm -ldl
}

need() { # LIBRARY WORD...
  printf 'GROUP ( %s )\n' "${*:2}" | as_developer tee -- "$libraries/lib$1.a" >/dev/null
}

# Prints the path of a static library; nothing if the toolchain has none of that name.
static() { # LIBRARY
  local path
  path=$(as_developer "$compiler" "-print-file-name=lib$1.a" </dev/null 2>/dev/null) || true
  case $path in /*) printf '%s' "$path" ;; esac
}

# No more of it: what a perf loads as it runs is nothing for a static one. Its Makefile runs as many compilers as there
# are processors, and gives way to the guests that boot meanwhile: nothing waits for perf.
make_perf() {
  as_developer nice -n 19 env "CCACHE_DIR=$ccache" make -C "$tree/tools/perf" "O=$folder" \
    "CC=ccache $compiler" "HOSTCC=ccache $compiler" "LDFLAGS=-static -L$libraries" WERROR=0 \
    "${without[@]}" "$program"
}

# It is built without what it does not find, and its log says that in a hundred lines.
require_features() {
  local options
  options=$(as_developer "$program" version --build-options </dev/null 2>/dev/null) || true
  grep -qE '^ *(dwarf|libdw): \[ on' <<<"$options" ||
    die "cannot build perf: it found no static libdw, by which it knows functions and call paths; install the" \
      "libraries that \`grep -m 1 -i libdw $log\` names, or ask for duet:tools: { perf: package }"
}

run_step "$@"
