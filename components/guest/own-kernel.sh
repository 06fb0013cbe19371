# A domain's own kernel, which libvirt boots in the place of the one on its disk. Source: libvirt, "Direct kernel boot".
: "${kernel_stylesheet:?}"
. ./shutdown.sh

definition_with() { # MODE [KERNEL COMMAND-LINE]
  "${virsh[@]}" dumpxml --inactive -- "$guest" |
    xsltproc --nonet --stringparam mode "$1" --stringparam kernel "${2-}" --stringparam cmdline "${3-}" \
      <(printf '%s' "$kernel_stylesheet") -
}

# Prints the path of the kernel that the domain is to boot next, and its command line, a line each; nothing for none.
own_kernel() { definition_with tell; }

# Has the domain boot a kernel from the next start on; if that is the empty word, what is on its disk.
define_kernel() { # KERNEL COMMAND-LINE
  local text
  text=$(definition_with give "$@")
  "${virsh[@]}" define -- /dev/stdin <<<"$text" >&2
}

# Starts the domain, which is off, with a kernel for this once: the next start is as it would have been.
start_once() { # KERNEL COMMAND-LINE
  local text why
  text=$(definition_with give "$@")
  forget_panic
  why=$("${virsh[@]}" create -- /dev/stdin <<<"$text" 2>&1) || not_started "$why"
}

# A kernel that is gone would keep the domain from starting.
drop_lost_kernel() {
  local kernel
  read -r kernel < <(own_kernel) || return 0
  if "${virsh[@]}" vol-info -- "$kernel" >/dev/null 2>&1 || [ -e "$kernel" ]; then return; fi
  say "the kernel of $guest, $kernel, is gone: it starts with the one on its disk"
  define_kernel '' ''
}
