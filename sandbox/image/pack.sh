# Turns the raw disk into the qcow2 that guests put their overlays on, and prints its SHA-256.
set -euo pipefail

qemu-img convert -q -f raw -O qcow2 -m 4 -W disk.raw debian-12.qcow2
sha256sum debian-12.qcow2
