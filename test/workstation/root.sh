# The root of a workstation in a container: a Debian with systemd, sudo, and all that Duet installs, since the container
# has no network. Values: the suite, the packages, and the folder that is to be made.
: "${suite:?}" "${packages[0]:?}" "${target:?}" "${setup:?}"
set -euo pipefail
umask 022

included=$(printf ',%s' "${packages[@]}")
rm -rf --one-file-system -- "$target.new"
# shellcheck disable=SC2016 # mmdebstrap runs the hook in a shell, and gives it the tree.
SETUP=$setup mmdebstrap --quiet --mode=root --variant=minbase --format=directory --dpkgopt=force-unsafe-io \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --include="${included#,}" \
  --customize-hook='cp "$SETUP" "$1/setup.sh" && chroot "$1" bash /setup.sh && rm "$1/setup.sh"' \
  "$suite" "$target.new"
mv -T -- "$target.new" "$target"
