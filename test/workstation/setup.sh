# Finishes that root from inside: two people with sudo and a password, and nothing that would touch the machine below.
set -euo pipefail

for user in alice bob; do
  useradd --create-home --shell /bin/bash --groups sudo "$user"
  echo "$user:duet" | chpasswd
done
# What sudo asks at, where there is no terminal: each call is noted.
cat >/usr/local/bin/askpass <<'END'
#!/bin/sh
echo asked >>"$HOME/asked"
echo duet
END
chmod 755 /usr/local/bin/askpass
# udev would replay the devices of the machine.
systemctl --quiet mask systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
  systemd-udev-trigger.service systemd-udev-settle.service getty@tty1.service console-getty.service \
  systemd-networkd-wait-online.service nfs-ganesha.service nfs-ganesha-lock.service nfs-server.service ssh.service \
  systemd-tmpfiles-clean.timer apt-daily.timer apt-daily-upgrade.timer rpcbind.service rpcbind.socket
# Its package starts it; here it is as if that came with the first stack.
systemctl --quiet disable cockpit.socket
echo workstation >/etc/hostname
echo '127.0.0.1 localhost workstation' >/etc/hosts
