# Where the processors of a guest stand that does not answer. Source: QEMU's monitor, info registers.
: "${uri:?}" "${guest:?}" "${build:?}"
. ./developer.sh
. ./virsh.sh

# Prints it in half a sentence, after a semicolon; nothing if QEMU does not tell. Guests have no KASLR.
standing() {
  local address privilege places='' place
  while read -r address privilege; do
    place=$(standing_in "$address" "$privilege")
    if [[ "$places, " != *", $place, "* ]]; then places+=", $place"; fi
  done < <(
    virsh_in_time qemu-monitor-command --hmp -- "$guest" 'info registers -a' 2>/dev/null |
      sed -En 's/^[RE]IP=([0-9a-f]+) .* CPL=([0-3]) .*/\1 \2/p'
  )
  if [ -n "$places" ]; then printf '; it stands in %s' "${places#, }"; fi
}

standing_in() { # ADDRESS PRIVILEGE
  local line
  case $2$1 in
    3*) echo 'a program' ;;
    0ffffffff[89]*)
      line=$(as_developer timeout 60 addr2line -pfe "$build/vmlinux" "0x$1" 2>/dev/null) || true
      case $line in '' | '??'*) line="the kernel at 0x$1" ;; *) line="${line/ at / (})" ;; esac
      printf '%s\n' "$line"
      ;;
    0ffff*) echo 'a module' ;;
    *) echo 'its firmware or boot loader' ;;
  esac
}
