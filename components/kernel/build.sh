# A kernel, built out of tree as the developer, with its gdb scripts and the packages that guests install.
# Source: guide, step 9.
: "${tree:?}" "${build:?}" "${ccache:?}" "${jobs?}" "${commit:?}"
: "${sources:?}" "${configuration:?}" # Others are built again.
: "${objects_awk:?}"
. ../machine/step.sh
. ../machine/lib/make.sh
. ../sources/holds.sh
. ./pack.sh
. ./toolchain.sh

log=$build/duet-build.log
# What ccache keeps at most: a dozen kernels like the sandbox's.
ccache_size=5G

create() {
  local release build_id
  take_turn
  use_toolchain
  install -d -o "$uid" -g "$gid" -- "$build" "$ccache" "$ccache/bin"
  ln -sfn -- /usr/bin/ccache "$ccache/bin/${compiler##*/}"
  tell_objects
  compile
  release=$(make_kernel -s kernelrelease </dev/null 2>/dev/null)
  build_id=$(readelf -n "$build/vmlinux" 2>/dev/null | sed -n 's/^ *Build ID: //p' | head -n 1)
  result release "$release"
  result build-id "$build_id"
  pack "$release" "$build_id"
}

# What has to be there for a guest to run the kernel and for gdb to know it.
facts() {
  local package
  cd -- "$build" || return
  stat -c '%n: %s bytes' vmlinux vmlinux-gdb.py Module.symvers
  case " ${packages[*]} " in
    *' modules '*) stat -c '%n: %s bytes' arch/x86/boot/bzImage modules.tar ;;
  esac
  # Where none is packed there may be those of another stack.
  if [ "${packages[*]}" = modules ]; then return; fi
  for package in linux-*.deb; do fact package "$package"; done
}

# The same source and configuration give the same bytes, whoever builds them. The compiler goes by its own name: to who
# types make in the tree nothing has changed then. So ccache is what PATH finds by that name, unless it is a path.
make_kernel() { # WORD...
  local cc=$compiler
  if [[ $compiler == /* ]]; then cc="ccache $compiler"; fi
  as_developer env "CCACHE_DIR=$ccache" "CCACHE_MAXSIZE=$ccache_size" "PATH=$ccache/bin:$PATH" \
    KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC' KBUILD_BUILD_VERSION=1 \
    KBUILD_BUILD_USER=duet KBUILD_BUILD_HOST=duet \
    make -C "$tree" "O=$build" "LOCALVERSION=+duet-$commit" \
    "CC=$cc" "HOSTCC=$cc" "$@"
}

# Says how many objects are to be made, for whoever shows the progress. What is made of an edit is not known beforehand.
tell_objects() {
  local all made
  all=$(tree=$tree awk "$objects_awk" "$build/.config" 2>/dev/null) || return 0
  made=$(find "$build" -name '.*.o.cmd' | wc -l)
  if [ "$((10 * made))" -lt "$((9 * all))" ]; then echo "objects to make: $((all - made))" >&2; fi
}

compile() {
  local targets=(bzImage modules)
  # Before Linux 5.1 the scripts of gdb are made with all others, and no target has that name.
  if grep -q '^scripts_gdb:' -- "$tree/Makefile"; then targets+=(scripts_gdb); fi
  make_logged 'the kernel' "$log" make_kernel "-j${jobs:-$(nproc)}" "${targets[@]}"
}

run_step "$@"
