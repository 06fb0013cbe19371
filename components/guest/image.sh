# The disk image of the guests, from where the spec says.
: "${path:?}" "${url?}" "${sha256?}" "${build[*]-}" "${fetch_namespace?}"
. ../machine/step.sh
. ../machine/lib/apt.sh

create() {
  if [ -n "$url" ] && [ ! -e "$path" ]; then fetch; fi
  if [ "${#build[@]}" != 0 ] && [ ! -e "$path" ]; then in_namespace "${build[@]}" >&2; fi
  [ -r "$path" ] || die "cannot use image $path: there is no such file; correct duet:image"
  if [ -n "$sha256" ]; then check; fi
}

facts() { stat -L -c 'image: %s bytes of %Y' -- "$path"; }

fetch() {
  mkdir -p -- "$(dirname "$path")"
  in_namespace curl -fsSL --retry 3 --connect-timeout 20 -o "$path.part" -- "$url" >&2 ||
    die "cannot fetch image $url: see above; correct duet:image, or repair the way to it"
  mv -- "$path.part" "$path"
}

check() {
  local found
  found=$(sha256sum -- "$path" | cut -d' ' -f1)
  [ "$found" = "$sha256" ] ||
    die "cannot use image $path: its SHA-256 is $found and not $sha256; remove the file, or correct duet:image"
}

run_step "$@"
