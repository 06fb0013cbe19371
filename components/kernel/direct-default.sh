# Has a guest boot, from now on, the kernel that has come up in it. Source: guide, step 10.
: "${uuid?}" # Another domain has none yet.
. ../machine/step.sh
. ../machine/lib/ssh.sh
. ./direct.sh

create() {
  local kernel line
  line=$(in_guest 60 '' command_line "${parameters[@]}")
  kernel=$(upload_kernel)
  define_kernel "$kernel" "$line"
  forget_kernels "$volume"
}

facts() {
  local kernel line state=gone
  { read -r kernel && read -r line; } < <(own_kernel)
  if "${virsh[@]}" vol-info -- "$kernel" >/dev/null; then state=there; fi
  fact kernel "$kernel, $state"
  fact 'command line' "$line"
}

# Without a domain there is nothing that has a kernel.
delete() {
  if own_kernel >/dev/null 2>&1; then define_kernel '' ''; fi
  forget_kernels
}

run_step "$@"
