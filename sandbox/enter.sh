# Turns a fresh mount namespace into the sandbox's view of the machine, and becomes the command.
#
# libvirtd's paths are compiled in, so its folders are mounted over them. /dev is a private one, in `dev`, whose
# /dev/kvm is either absent or owned as udev would leave it: the machine's own node keeps its owner, and libvirtd does
# not probe QEMU again at every call, as it does if its QEMU user cannot open the node. `kvm` is "yes" or empty.
: "${mark:?}" "${dev:?}" "${kvm?}" "${etc:?}" "${lib:?}" "${cache:?}" "${log:?}" "${run:?}" "${command[0]:?}"
set -euo pipefail
umask 022

mount -n -t tmpfs -o mode=0755,size=1m "$mark" "$dev"
mkdir "$dev/net" "$dev/pts" "$dev/shm"
for device in null zero full random urandom tty ptmx net/tun vhost-net; do
  if [ -c "/dev/$device" ]; then cp -a "/dev/$device" "$dev/$device"; fi
done
if [ -n "$kvm" ]; then
  major=$(stat -c %t /dev/kvm)
  minor=$(stat -c %T /dev/kvm)
  mknod -m 0660 "$dev/kvm" c "$((16#$major))" "$((16#$minor))"
  chown root:kvm "$dev/kvm"
fi
ln -s /proc/self/fd "$dev/fd"
mount -n --rbind /dev/pts "$dev/pts"
mount -n --rbind /dev/shm "$dev/shm"
mount -n --rbind "$dev" /dev
mount -n --bind "$etc" /etc/libvirt
mount -n --bind "$lib" /var/lib/libvirt
mount -n --bind "$cache" /var/cache/libvirt
mount -n --bind "$log" /var/log/libvirt
mount -n --bind "$run" /run
exec "${command[@]}"
