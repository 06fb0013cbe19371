# Makes a workstation of a guest: the services of NFS are on, of which Duet's image has no need; what a client has had
# counts for 20 s, so that nobody waits long for one that is gone; and each disk has a file system, by its name.
: "${disks[0]:?}" "${uid:?}" "${gid:?}"
set -euo pipefail

systemctl --quiet unmask rpcbind.service rpcbind.socket rpc-statd.service rpc-statd-notify.service
mkdir -p /etc/nfs.conf.d
printf '[nfsd]\ngrace-time=20\nlease-time=20\n' >/etc/nfs.conf.d/short.conf
groupadd --gid "$gid" dev
useradd --uid "$uid" --gid "$gid" --create-home dev
for disk in "${disks[@]}"; do "mkfs.$disk" -q "/dev/disk/by-id/virtio-$disk"; done
systemctl restart nfs-server
mkdir -p /srv/theirs
echo theirs >/srv/theirs/file
