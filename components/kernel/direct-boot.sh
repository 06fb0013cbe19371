# Has libvirt boot a kernel in a guest, once: what the guest boots by itself stays as it was, and is the fallback.
# Source: guide, step 10.
#
# `create` runs on the host, since it ends every connection to the guest; `facts` run in the guest.
. ../machine/step.sh
. ./direct.sh
. ./running.sh

create() {
  local before kernel line
  if [ "$(running)" != "$wanted" ] || ! is_direct; then
    require_built_in
    before=$(boot_id)
    line=$(in_guest 60 '' command_line "${parameters[@]}")
    kernel=$(upload_kernel)
    power_off
    start_once "$kernel" "$line"
    await_kernel "$before"
  fi
  result running "$release"
}

facts() { fact 'running kernel' "$(running_kernel)"; }

# There is no initial RAM disk from which anything could be loaded.
require_built_in() {
  local root symbol
  root=$(in_guest 60 '' root_type)
  for symbol in VIRTIO_PCI VIRTIO_BLK "${root^^}_FS"; do
    grep -qx "CONFIG_$symbol=y" -- "$build/.config" ||
      die "cannot boot kernel $release directly: CONFIG_$symbol is not built into it;" \
        "set it to y in duet:kernel.config, or leave \`boot\` out"
  done
}

# In the guest.
root_type() { findmnt -nvo FSTYPE /; }

run_step "$@"
