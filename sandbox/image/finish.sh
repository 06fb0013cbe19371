# Finishes the image's tree from inside: tree.sh runs it in a chroot there.
: "${kept[@]:?}" "${enabled[@]:?}" "${masked[@]:?}"
set -euo pipefail

# A repository of its own, of the kept packages and what they depend on: its lists are short, and no network is asked.
repository=/var/lib/duet/packages
mkdir -p "$repository"
apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
  --no-pre-depends "${kept[@]}" | grep '^[a-z0-9]' | cut -d: -f1 | sort -u >/tmp/names
dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\t${Priority}\n' >/tmp/installed
awk -F '\t' 'NR == FNR { wanted[$1]; next } ($1 in wanted) && $4 != "required"' /tmp/names /tmp/installed >/tmp/kept
while read -r name version architecture _; do
  file="${name}_${version/:/%3a}_$architecture.deb"
  # The base system's archives are gone by now; nobody removes those.
  [ -e "/var/cache/apt/archives/$file" ] || continue
  mv "/var/cache/apt/archives/$file" "$repository/"
  apt-cache show --no-all-versions "$name=$version" | sed "s|^Filename: .*|Filename: ./$file|"
  echo
done </tmp/kept | cat -s >"$repository/Packages"
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /tmp/names /tmp/installed /tmp/kept
mv /etc/apt/sources.list /tmp/sources.list
echo "deb [trusted=yes] file:$repository ./" >/etc/apt/sources.list.d/duet.list
apt-get update -qq
mv /tmp/sources.list /etc/apt/sources.list

systemctl --quiet enable "${enabled[@]}"
systemctl --quiet mask "${masked[@]}"
mkdir -p /etc/systemd/system-generators
ln -sf /dev/null /etc/systemd/system-generators/cloud-init-generator
rm -rf /etc/ssh/ssh_host_*_key* /etc/update-motd.d/* /var/log/*.log /var/log/apt/* /etc/cloud/cloud.cfg.d/*
rm -f /etc/resolv.conf

mkdir -p /boot/grub
cp -r /usr/lib/grub/i386-pc /boot/grub/
grub-editenv /boot/grub/grubenv create
kernel=$(ls /boot/vmlinuz-*)
version=${kernel#/boot/vmlinuz-}
sed -i "s|@version@|$version|g" /boot/grub/grub.cfg
