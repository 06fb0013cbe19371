# The module, built by the developer at the path that host and guests share, which is where gdb looks for its lines.
# Source: guide, step 12.
: "${tree:?}" "${build:?}" "${module:?}"
: "${sources:?}" "${kernel:?}" # Others are built again.
. ../machine/step.sh
. ../machine/lib/build-id.sh
. ../machine/lib/since.sh
. ./make.sh

object=$tree/$module.ko
symbols=$build/Module.symvers

create() {
  [ -e "$tree/Makefile" ] || [ -e "$tree/Kbuild" ] ||
    die "cannot build module $module: there is no Makefile in $tree; check duet:sources"
  [ -e "$symbols" ] || die "cannot build module $module: the kernel in $build is not built; run pulumi up"
  fresh_sources "$tree" "$symbols" "$build/include/config/auto.conf"
  make_as_developer "module $module" "$symbols" -C "$build" "M=$tree" modules
  [ -e "$object" ] || die "cannot build module $module: make in $tree made no $module.ko; check duet:module.name"
  result build-id "$(build_id_of "$object")"
}

facts() {
  if newer_than_record "$object"; then fact built "$(build_id_of "$object")"; else recorded built; fi
}

run_step "$@"
