# libvirt, which may not answer.
: "${uri:?}"

virsh_in_time() { timeout -k 5 30 virsh -q -c "$uri" "$@" </dev/null; }
