# A kernel, built out of tree as the developer, with its gdb scripts and the package that guests install.
# Source: guide, step 9.
: "${tree:?}" "${build:?}" "${ccache:?}" "${jobs?}" "${commit:?}" "${postinst:?}" "${postrm:?}" "${control:?}"
: "${sources:?}" "${configuration:?}" # Others are built again.
. ../machine/step.sh
. ../machine/lib/make.sh
. ../sources/holds.sh
. ./toolchain.sh

log=$build/duet-build.log
# What ccache keeps at most: a dozen kernels like the sandbox's.
ccache_size=5G

create() {
  local release build_id
  take_turn
  use_toolchain
  install -d -o "$uid" -g "$gid" -- "$build" "$ccache"
  compile
  release=$(make_kernel -s kernelrelease </dev/null 2>/dev/null)
  build_id=$(readelf -n "$build/vmlinux" 2>/dev/null | sed -n 's/^ *Build ID: //p' | head -n 1)
  pack
  result release "$release"
  result build-id "$build_id"
  result package "$package"
}

# What has to be there for a guest to run the kernel and for gdb to know it.
facts() {
  local package
  cd -- "$build" || return
  stat -c '%n: %s bytes' vmlinux vmlinux-gdb.py Module.symvers
  for package in linux-image-*.deb; do fact package "$package"; done
}

# The same source and configuration give the same bytes, whoever builds them.
make_kernel() { # WORD...
  as_developer env "CCACHE_DIR=$ccache" "CCACHE_MAXSIZE=$ccache_size" \
    KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC' KBUILD_BUILD_VERSION=1 \
    KBUILD_BUILD_USER=duet KBUILD_BUILD_HOST=duet \
    make -C "$tree" "O=$build" "LOCALVERSION=+duet-$commit" \
    "CC=ccache $compiler" "HOSTCC=ccache $compiler" "$@"
}

# The lines of the build stream. Not through a pipe: make has to be this shell's own child, or it would not end with it.
compile() {
  local status=0 tee targets=(bzImage modules)
  : >"$log"
  exec 8> >(tee -a -- "$log" >&2)
  tee=$!
  # Before Linux 5.1 the scripts of gdb are made with all others, and no target has that name.
  if grep -q '^scripts_gdb:' -- "$tree/Makefile"; then targets+=(scripts_gdb); fi
  make_kernel "-j${jobs:-$(nproc)}" "${targets[@]}" </dev/null >&8 2>&1 8>&- || status=$?
  # The log is whole when tee has ended, unless there was no room for it.
  exec 8>&-
  wait "$tee" || [ "$status" = 0 ] ||
    die "cannot build the kernel: the disk of $build is full, also for the log; free some of it, then run this again"
  [ "$status" = 0 ] || die "cannot build the kernel: $(first_error "$log" -n); make ended with status $status," \
    "and the whole log is $log"
}

# Packs the kernel as linux-image-RELEASE, `package`. Not by make's own bindeb-pkg: that also packs headers, libc's
# headers and the debug information, which takes longer than the build of one changed file. The guest reads the build
# directory itself, over NFS, so the link `build` leads there.
pack() {
  local architecture version initrd=No folder=$build/.package
  architecture=$(dpkg --print-architecture)
  version=${release%%+*}-1+${build_id:0:12}
  package=$build/linux-image-${release}_${version}_$architecture.deb
  if grep -q '^CONFIG_BLK_DEV_INITRD=y' "$build/.config"; then initrd=Yes; fi
  rm -rf -- "$folder"
  as_developer mkdir "$folder"
  # The guest's own depmod lists modules: a list from here would not have those that were installed there since.
  make_kernel "INSTALL_MOD_PATH=$folder" INSTALL_MOD_STRIP=1 DEPMOD=true modules_install </dev/null >&2
  developer_does fill_package fill_package "$folder" "$build" "$package" "$release" \
    "$(fill "$postinst")" "$(fill "$postrm")" "$(fill "$control")"
  rm -rf -- "$folder"
}

# A text with the values of this package.
fill() { # TEXT
  local text=${1//@release@/"$release"}
  text=${text//@initrd@/"$initrd"}
  text=${text//@version@/"$version"}
  printf '%s' "${text//@architecture@/"$architecture"}"
}

fill_package() { # FOLDER BUILD PACKAGE RELEASE POSTINST POSTRM CONTROL
  local build=$2 package=$3 release=$4
  cd -- "$1"
  rm -f -- "lib/modules/$release/build" "lib/modules/$release/source"
  ln -s -- "$build" "lib/modules/$release/build"
  mkdir boot DEBIAN
  cp -- "$build/arch/x86/boot/bzImage" "boot/vmlinuz-$release"
  cp -- "$build/System.map" "boot/System.map-$release"
  cp -- "$build/.config" "boot/config-$release"
  printf '%s\n' "$5" >DEBIAN/postinst
  printf '%s\n' "$6" >DEBIAN/postrm
  printf '%s\n' "$7" >DEBIAN/control
  chmod 755 DEBIAN/postinst DEBIAN/postrm
  # Read by the guest over NFS right after: not packing costs nothing and installs sooner.
  dpkg-deb --root-owner-group -Znone -b . "$package.new" >&2
  # A guest of another stack may be about to read it: there is one at any moment.
  mv -- "$package.new" "$package"
  find "$build" -maxdepth 1 -name 'linux-image-*.deb' ! -path "$package" -delete
}

run_step "$@"
