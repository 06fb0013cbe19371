# A pool of libvirt with the disk of a guest, which is an overlay of an image in another folder.
: "${pool:?}" "${images:?}" "${volume:?}"
set -euo pipefail

mkdir -p -- "$images" /srv/images
qemu-img create -q -f qcow2 /srv/images/image.qcow2 16M
qemu-img create -q -f qcow2 -b /srv/images/image.qcow2 -F qcow2 "$images/$volume"
virsh -q pool-create-as "$pool" dir --target "$images"
