# Makes the tree of the image's files in `root`, from the packages and from the files under `overlay`.
#
# Runs in mount and process namespaces of its own: what mmdebstrap mounts ends with it, whatever ends it.
: "${suite:?}" "${packages[@]:?}" "${mirror?}"
set -euo pipefail
umask 022
export work=$PWD

# Whatever the umask was under which they were written.
chmod -R u=rwX,go=rX overlay

# cloud-init checks its seed against the schemas if it has them, which costs seconds of translated Python.
excluded=(
  /usr/share/{man,doc,info,locale,lintian,zsh}/'*'
  '/usr/lib/python3/dist-packages/cloudinit/config/schemas/*.json'
)
included=$(printf ',%s' "${packages[@]}")

# shellcheck disable=SC2016 # mmdebstrap runs the hooks in a shell, and gives it the tree.
mmdebstrap --quiet --mode=root --variant=minbase --format=directory --dpkgopt=force-unsafe-io \
  "${excluded[@]/#/--dpkgopt=path-exclude=}" \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
  --aptopt='Acquire::Retries "3"' --aptopt='Acquire::PDiffs "false"' \
  --skip=cleanup/apt --include="${included#,}" \
  --extract-hook='mkdir -p "$1/etc" && cp -r "$work/overlay/etc/tiny-initramfs" "$1/etc/"' \
  --customize-hook='cp -r "$work/overlay/." "$1/"' \
  --customize-hook='cp "$work/finish.sh" "$1/finish.sh" && chroot "$1" bash /finish.sh && rm "$1/finish.sh"' \
  "$suite" root ${mirror:+"$mirror"}
