# A kernel that libvirt boots from its build, without a boot loader: a volume of the stack's pool, and a command line.
# Source: guide, step 10.
: "${pool:?}" "${release:?}" "${build:?}" "${build_id:?}" "${parameters[0]:?}"
. ../guest/own-kernel.sh

# What ends the name of such a volume: components/names.ts.
suffix=-kernel
volume=$guest-${build_id:0:16}$suffix

# Brings the kernel into the pool, and prints its path. One that the domain has came up from there.
upload_kernel() {
  local image=$build/arch/x86/boot/bzImage kernel
  if kernel=$(path_of "$volume") && [ "$(own_kernel | head -n 1)" = "$kernel" ]; then
    printf '%s\n' "$kernel"
    return
  fi
  "${virsh[@]}" vol-delete --pool "$pool" --vol "$volume" >/dev/null 2>&1 || true
  {
    "${virsh[@]}" vol-create-as "$pool" "$volume" "$(stat -c %s -- "$image")B" --format raw &&
      "${virsh[@]}" vol-upload --pool "$pool" --vol "$volume" --file "$image"
  } >&2 || die "cannot bring kernel $release to $guest: see libvirt's lines above"
  path_of "$volume"
}

path_of() { "${virsh[@]}" vol-path --pool "$pool" --vol "$1" 2>/dev/null; }

# Removes the kernels of the guest from the pool, but one.
forget_kernels() { # [VOLUME]
  local name
  while read -r name _; do
    if [[ $name =~ ^"$guest"-[0-9a-f]{16}"$suffix"$ && $name != "${1-}" ]]; then
      "${virsh[@]}" vol-delete --pool "$pool" --vol "$name" >&2
    fi
  done < <("${virsh[@]}" vol-list --pool "$pool" 2>/dev/null)
}

# In the guest: the command line of the kernel that runs, and what is wanted of it besides. Without an initial RAM disk
# a kernel finds its root by the partition.
command_line() { # PARAMETER...
  local device root words kept=() word
  device=$(findmnt -nvo SOURCE /)
  if root=$(blkid -s PARTUUID -o value -- "$device") && [ -n "$root" ]; then device=PARTUUID=$root; fi
  read -ra words </proc/cmdline
  for word in "${words[@]}" "$@"; do
    case $word in
      BOOT_IMAGE=* | initrd=* | root=*) ;;
      *) case " ${kept[*]} " in *" $word "*) ;; *) kept+=("$word") ;; esac ;;
    esac
  done
  printf 'root=%s %s\n' "$device" "${kept[*]}"
}
