# A disk of the user's own, with the sources directory on it.
: "${name:?}" "${disk:?}" "${directory:?}" "${uid:?}" "${gid:?}"
set -euo pipefail

echo "/dev/disk/by-id/virtio-$name $disk $name nofail,x-systemd.device-timeout=60s 0 0" >>/etc/fstab
systemctl daemon-reload
mkdir -p -- "$disk"
mount -- "$disk"
install -d -o "$uid" -g "$gid" -- "$directory"
echo sources >"$directory/file"
install -m 666 /dev/null "$directory/lock"
install -d -m 1777 -- "$directory/open"
