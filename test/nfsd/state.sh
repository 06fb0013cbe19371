# Prints what Duet gives back on a host: exports, by file and at work, fstab, mounts, and the folders for them.
set -euo pipefail

for file in /etc/exports /etc/exports.d /etc/exports.d/* /etc/fstab /export /export/* /var/lib/duet /var/lib/duet/*; do
  if [ -e "$file" ]; then stat -c '%n %a %U:%G' -- "$file"; fi
done
for file in /etc/exports /etc/exports.d/* /etc/fstab; do
  if [ -f "$file" ]; then printf '%s:\n' "$file" && cat -A -- "$file" && echo; fi
done
exportfs -s
findmnt --raw --noheadings --output TARGET,SOURCE,FSTYPE | grep -vE '^/(dev|proc|run|sys)/' | sort
