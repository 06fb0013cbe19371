# Makes the disk from the tree: partition table, file system, GRUB in the gap before the first partition. No loop device
# and no mount. Values: its size in MiB, and its signature, eight hex digits.
: "${size:?}" "${disk_id:?}"
set -euo pipefail

# Of the partition, in MiB.
offset=1

rm -f disk.raw
truncate -s "${size}M" disk.raw
sfdisk --quiet disk.raw <<END
label: dos
label-id: 0x$disk_id
start=${offset}MiB, type=83, bootable
END
features=^metadata_csum_seed
extended=offset=$((offset * 1024 * 1024)),root_owner=0:0
# mke2fs 1.46 knows neither, and does not do what the first one forbids.
if printf '%s\n' 1.47 "$(mke2fs -V 2>&1 | sed -n 's/^mke2fs \([0-9.]*\).*/\1/p')" | sort -V -C; then
  features+=,^orphan_file
  extended+=,assume_storage_prezeroed=1
fi
mke2fs -q -t ext4 -F -L root -m 1 -d root -O "$features" -U "$disk_id-0000-4000-8000-000000000001" -E "$extended" \
  disk.raw "$(((size - offset) * 1024))k"
grub-mkimage -O i386-pc -o core.img -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 normal linux
[ "$(stat -c %s core.img)" -lt $(((offset * 2048 - 1) * 512)) ]
dd if=/usr/lib/grub/i386-pc/boot.img of=disk.raw bs=440 count=1 conv=notrunc status=none
dd if=core.img of=disk.raw bs=512 seek=1 conv=notrunc status=none
