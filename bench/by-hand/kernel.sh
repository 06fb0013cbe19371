# One line of the kernel by hand: make as the developer, and a direct boot of what it made. Whoever calls this waits for
# the guest. Source: guide, step 9; libvirt, "Direct kernel boot".
: "${tree:?}" "${build:?}" "${compiler:?}" "${uri:?}" "${guest:?}" "${command_line:?}"
set -euo pipefail

release=$(<"$build/include/config/kernel.release")
setpriv --reuid "$(stat -c %u -- "$tree")" --regid "$(stat -c %g -- "$tree")" --clear-groups \
  env KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC' KBUILD_BUILD_VERSION=1 KBUILD_BUILD_USER=duet \
  KBUILD_BUILD_HOST=duet make -s "-j$(nproc)" -C "$tree" "O=$build" "LOCALVERSION=+${release#*+}" \
  "CC=$compiler" "HOSTCC=$compiler" bzImage >&2

virsh=(virsh -q -c "$uri")
os="<kernel>$build/arch/x86/boot/bzImage</kernel><cmdline>$command_line</cmdline></os>"
definition=$("${virsh[@]}" dumpxml --inactive -- "$guest" |
  sed -e '/<kernel>/d' -e '/<cmdline>/d' -e "s|</os>|${os//&/\\&}|")
"${virsh[@]}" destroy -- "$guest"
"${virsh[@]}" create /dev/stdin <<<"$definition" >&2
