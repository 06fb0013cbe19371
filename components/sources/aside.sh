# What waits while no stack has it, with the times that make knows: in the cache or, if that is on another disk, beside
# the sources, so that gigabytes stay where they are.
: "${cache:?}"
. ../sources/holds.sh

beside=$duet/cache/${cache##*/}
# Days after which what waits beside the sources is removed, as what waits in the cache.
days=30

# Puts something aside under a name.
put_aside() { # PATH NAME
  local place=$cache
  if [ ! -d "$1" ]; then return; fi
  # A folder that is made for it and stays empty would keep the sources directory.
  if mountpoint -q -- "$1"; then die "cannot put $1 aside: something is mounted there; umount it and run this again"; fi
  rm -rf -- "${cache:?}/$2" "${beside:?}/$2"
  mkdir -p -- "$cache"
  if [ "$(stat -c %d -- "$cache")" != "$(stat -c %d -- "$1")" ]; then
    rmdir -- "$cache" 2>/dev/null || true
    place=$beside
    mkdir -p -- "$place"
    find "$duet/cache" -mindepth 1 -maxdepth 1 ! -path "$place" -ctime "+$days" -exec rm -rf -- {} +
  fi
  mv -T -- "$1" "$place/$2"
}

# Where something waits under a name; nothing if it does not.
aside() { # NAME
  local place
  for place in "$cache" "$beside"; do
    if [ -d "$place/$1" ]; then printf '%s' "$place/$1" && return; fi
  done
}

# Takes it back to its path, unless there is something.
take_back() { # NAME PATH
  local place
  place=$(aside "$1")
  if [ -e "$2" ] || [ -z "$place" ]; then return; fi
  mkdir -p -- "$(dirname "$2")"
  mv -T -- "$place" "$2"
  # What is in use has no empty folder there.
  if [ "$place" = "$beside/$1" ]; then rmdir -p -- "$beside" 2>/dev/null || true; fi
}
