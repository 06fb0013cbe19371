# The menus of a kernel's configuration, with a copy of that which was built: what is built does not change by it.
: "${tree:?}" "${scratch:?}" "${configuration:?}" "${menu:?}"
: "${build_root?}" "${compiler:?}" "${directory:?}" "${uid:?}" "${gid:?}"
. ../components/kernel/toolchain.sh

set -euo pipefail
use_toolchain
as_developer cp -- "$configuration" "$scratch/.before"
as_developer cp -- "$configuration" "$scratch/.after"
# The compiler that is asked is that of the build: what it can do is part of a configuration.
become_developer
menus=("${become[@]}" env "TERM=${TERM-dumb}" make -s -C "$tree" "O=$scratch" "KCONFIG_CONFIG=$scratch/.after")
menus+=("CC=$compiler" "HOSTCC=$compiler" "$menu")
# The developer's code gets no terminal of root's: whoever has one can type into it. Source: ioctl_tty(2), TIOCSTI.
if [ "$EUID" != "$uid" ]; then menus=(script -qec "$(printf '%q ' "${menus[@]}")" /dev/null); fi
SHELL=/bin/bash "${menus[@]}"
