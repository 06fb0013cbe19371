# gdb at a guest, as the developer, and not as root who calls it: gdb runs Python from beside the sources, which the
# developer writes. The developer gets nothing of root's by that: no environment, no file but the commands, and no
# terminal, since whoever has one can type into it. Options of gdb's may follow. Source: ioctl_tty(2), TIOCSTI.
: "${uid:?}" "${gid:?}" "${enter[*]-}" "${directory:?}" "${command_file:?}"
set -euo pipefail

user='' home=''
IFS=: read -r user _ _ _ _ home _ < <(getent passwd "$uid") || true
# What root's shell has open besides is not the developer's. Of bash's own 255 nothing is handed on.
for file in /proc/"$$"/fd/*; do
  descriptor=${file##*/}
  case $descriptor in [012] | 255) ;; *) exec {descriptor}>&- ;; esac
done
# It is handed over open: its folder is root's, and nobody else enters that.
exec 3<"$command_file"
gdb=(env -i "PATH=$PATH" "TERM=${TERM-dumb}" "LANG=${LANG-C}" "HOME=${home:-/}" "USER=$user" "LOGNAME=$user")
gdb+=(setpriv --reuid "$uid" --regid "$gid" --clear-groups --pdeathsig TERM)
gdb+=(gdb -iex "add-auto-load-safe-path $directory" -x /proc/self/fd/3 "$@")
if [ -t 0 ]; then
  # On a terminal of its own making. Source: script(1).
  SHELL=/bin/bash exec "${enter[@]}" script -qec "$(printf '%q ' "${gdb[@]}")" /dev/null
fi
"${enter[@]}" setsid --wait "${gdb[@]}" 2>&1 | cat
