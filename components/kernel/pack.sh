# Packs a kernel that was built for guests: linux-image-RELEASE, which they install, or the modules alone, and what is
# asked for beside it. Not by make's own bindeb-pkg: that packs all of it, and takes longer than the build of one
# changed file.
# Source: guide, step 9; setup.sh, -k and -g.
: "${build:?}" "${tree:?}" "${packages[*]-}" "${postinst:?}" "${postrm:?}" "${control:?}"
. ../machine/step.sh
. ../machine/lib/developer.sh

# The folder that becomes a package, the modules without one, and the packages that are there.
folder=$build/.package
modules=$build/modules.tar
packed=()

# Hands on where each is: of the image as `package`, and of another one under its own name.
pack() { # RELEASE BUILD-ID
  local release=$1 build_id=$2 architecture version kind initrd=No
  architecture=$(dpkg --print-architecture)
  version=${release%%+*}-1+${build_id:0:12}
  if grep -q '^CONFIG_BLK_DEV_INITRD=y' "$build/.config"; then initrd=Yes; fi
  for kind in "${packages[@]}"; do "pack_$kind"; done
  if [ "${#packed[@]}" = 0 ]; then return; fi
  find "$build" -maxdepth 1 -name 'linux-*.deb' | while IFS= read -r file; do
    case " ${packed[*]} " in *" $file "*) ;; *) rm -f -- "$file" ;; esac
  done
}

# The guest reads the build directory itself, over NFS, so the link `build` leads there. Its own depmod lists modules: a
# list from here would not have those that were installed there since.
pack_image() {
  local name=linux-image-$release
  begin_package
  install_modules "$folder" INSTALL_MOD_STRIP=1
  developer_does add_image add_image "$folder" "$build" "$release" "$(fill "$postinst")" "$(fill "$postrm")"
  end_package package "$name" "Linux kernel $release, built by Duet"
}

# The symbols, where perf and others look for them.
pack_debug() {
  local name=linux-image-$release-dbg
  begin_package
  install_modules "$folder/usr/lib/debug"
  developer_does add_symbols add_symbols "$folder" "$build" "$release"
  end_package debug "$name" "Symbols of Linux kernel $release, built by Duet"
}

# What builds a module without the sources.
pack_headers() {
  local name=linux-headers-$release
  begin_package
  developer_does add_headers add_headers "$folder" "$build" "$release" "$tree"
  end_package headers "$name" "What builds modules for Linux kernel $release, built by Duet"
}

begin_package() {
  rm -rf -- "$folder"
  as_developer mkdir "$folder"
}

# The modules for guests that boot the kernel directly: not as files, of which gdb would take some for those that were
# built, with their symbols.
pack_modules() {
  begin_package
  install_modules "$folder" INSTALL_MOD_STRIP=1
  developer_does '' close_modules "$folder/lib/modules/$release" "$modules"
  rm -rf -- "$folder"
}

install_modules() { # FOLDER WORD...
  make_kernel "INSTALL_MOD_PATH=$1" "${@:2}" DEPMOD=true modules_install </dev/null >&2
}

end_package() { # KEY NAME WHAT
  local file=$build/${2}_${version}_$architecture.deb
  developer_does close_package close_package "$folder" "$file" "$(fill "$control" "$2" "$3")"
  packed+=("$file")
  rm -rf -- "$folder"
  result "$1" "$file"
}

# A text with the values of a package.
fill() { # TEXT NAME WHAT
  local text=${1//@release@/"$release"}
  text=${text//@initrd@/"$initrd"}
  text=${text//@version@/"$version"}
  text=${text//@name@/"${2-}"}
  text=${text//@what@/"${3-}"}
  printf '%s' "${text//@architecture@/"$architecture"}"
}

add_image() { # FOLDER BUILD RELEASE POSTINST POSTRM
  cd -- "$1"
  rm -f -- "lib/modules/$3/build" "lib/modules/$3/source"
  ln -s -- "$2" "lib/modules/$3/build"
  mkdir boot DEBIAN
  cp -- "$2/arch/x86/boot/bzImage" "boot/vmlinuz-$3"
  cp -- "$2/System.map" "boot/System.map-$3"
  cp -- "$2/.config" "boot/config-$3"
  printf '%s\n' "$4" >DEBIAN/postinst
  printf '%s\n' "$5" >DEBIAN/postrm
  chmod 755 DEBIAN/postinst DEBIAN/postrm
}

add_symbols() { # FOLDER BUILD RELEASE
  cd -- "$1/usr/lib/debug/lib/modules/$3"
  rm -f -- build source modules.*
  cp -- "$2/vmlinux" vmlinux
}

# Source: scripts/package/builddeb of the kernel, deploy_kernel_headers.
add_headers() { # FOLDER BUILD RELEASE TREE
  local to=$1/usr/src/linux-headers-$3
  mkdir -p -- "$to"
  cd -- "$4"
  {
    find . -name Makefile -o -name 'Kconfig*' -o -name Kbuild -o -name Kbuild.platforms -o -name module.lds
    find arch/x86/include include scripts -type f -o -type l
  } | tar -c -T - | tar -x -C "$to"
  cd -- "$2"
  {
    printf '%s\n' .config Module.symvers
    find arch/x86/include include scripts -type f
    find tools/objtool -maxdepth 1 -name objtool 2>/dev/null || true
  } | tar -c -T - | tar -x -C "$to"
}

# A guest of another stack may be about to read them.
close_modules() { # FOLDER FILE
  tar -C "$1" --exclude=./build --exclude=./source -cf "$2.new" .
  mv -- "$2.new" "$2"
}

close_package() { # FOLDER PACKAGE CONTROL
  cd -- "$1"
  mkdir -p DEBIAN
  printf '%s\n' "$3" >DEBIAN/control
  # Read by the guest over NFS right after: not packing costs nothing and installs sooner.
  dpkg-deb --root-owner-group -Znone -b . "$2.new" >&2
  # A guest of another stack may be about to read it: there is one at any moment.
  mv -- "$2.new" "$2"
}
