# gdb at the dump beside this file, with the symbols beside it. gdb reads no compressed dump: the first time it is made
# into another one, as large as the memory that was in use. Options of gdb's may follow.
: "${drgn:?}"
set -euo pipefail

folder=$(dirname -- "$(readlink -f -- "$0")")
# It is the last that is written of it.
if [ ! -s "$folder/core.gdb" ]; then
  printf 'makes the dump into one that gdb reads\n' >&2
  "$drgn/bin/python" -I "$folder"/{core.py,memory.kdump,vmlinux,core} "$folder"/*.ko
fi
exec gdb -x "$folder/core.gdb" "$@"
