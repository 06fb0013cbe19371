# Installs the packages of the embedded host. None of their services starts: `policy` is the file that says so, and
# `target` is where invoke-rc.d looks for it. It is no step and has no record, whatever apt.sh asks for.
: "${packages[0]:?}" "${policy:?}" "${target:?}"
set -euo pipefail
umask 022
# shellcheck disable=SC2034 # For step.sh, which apt.sh sources.
title='install packages' step=packages records=/nonexistent
. ../components/machine/lib/apt.sh

# A policy that a kill has left is known by its text; anybody else's stays.
remove_own_policy() {
  if cmp -s -- "$policy" "$target"; then rm -f -- "$target"; fi
}

put_policy() {
  install -m 755 -- "$policy" "$target.duet"
  mv -- "$target.duet" "$target"
}

# At the next boot systemd would start a web console that listens on every address; the sandbox starts its own.
finish() {
  remove_own_policy
  case " ${packages[*]} " in
    *' cockpit-ws '*) if [ -e /lib/systemd/system/cockpit.socket ]; then systemctl disable cockpit.socket >&2; fi ;;
  esac
}

# The terminal's signal reaches apt too, which ends by itself: what is left is done here.
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

remove_own_policy
if [ ! -e "$target" ]; then put_policy; fi
install_packages "${packages[@]}"
