# Leases of what a host has each only once: a port, a subnet. A folder for each kind, a file for each lease, which is
# named for what is leased and holds its owner: `stack`, or `stack/guest`. It outlives a crash, since it is a file.
: "${leases:?}" "${owner:?}"
. ../step.sh
. ./lock.sh

# Prints the leases that the owner has, a line each.
own_leases() { { grep -lxF -e "$owner" -- "$leases"/* 2>/dev/null || true; } | sed 's|.*/||'; }

# Keeps other claims out until the shell ends. Whoever gives back the last lease removes the folder, lock and all, while
# this may wait for that lock: then it is nobody else's, and the one in the new folder counts.
lock_leases() {
  until [ "$leases/.lock" -ef /proc/self/fd/9 ]; do
    install -d -m 755 -- "$leases"
    exec 9<>"$leases/.lock"
    lock 9 60 || die "cannot lock the leases in $leases: another claim has them for 60 s; end it, and run this again"
  done
}

# Takes a lease and prints it. One that the owner has is kept; else the first candidate that nobody has is taken, and
# what the owner had is given back. Calls `taken CANDIDATE`, which prints who uses it beside the leases, or nothing.
# All of it is under one lock, so two `up` at once never get the same.
claim() { # WHAT CANDIDATE...
  local what=$1 candidate lease user why='' held
  shift
  lock_leases
  held=$(own_leases | grep -xF -m 1 -f <(printf '%s\n' "$@") || true)
  for candidate in ${held:+"$held"} "$@"; do
    lease=$leases/$candidate
    if [ -e "$lease" ] && [ "$(<"$lease")" != "$owner" ]; then
      why="stack $(<"$lease") has leased it"
      continue
    fi
    user=$(taken "$candidate")
    if [ -n "$user" ]; then
      why="$user uses it"
      continue
    fi
    printf '%s\n' "$owner" >"$lease.new"
    mv -- "$lease.new" "$lease"
    printf '%s\n' "$candidate"
    drop_leases "$candidate"
    return
  done
  if [ "$#" -gt 1 ]; then what+="s $1 to"; fi
  die "cannot lease $what ${*: -1} for $owner: $why; choose another one, or end what uses it"
}

# Gives back the owner's leases, but one.
drop_leases() { # BUT
  local lease
  own_leases | while IFS= read -r lease; do
    if [ "$lease" != "$1" ]; then rm -f -- "$leases/$lease"; fi
  done
}

# Prints the lease that the owner has, as a fact.
lease_fact() { # WHAT
  own_leases | while IFS= read -r lease; do fact "$1" "$lease"; done
}

# Gives back what the owner has, and nothing of anybody else's.
release() {
  [ -d "$leases" ] || return 0
  lock_leases
  drop_leases ''
  if [ -z "$(ls -- "$leases")" ]; then
    rm -rf -- "$leases"
    give_back_folder "$(dirname -- "$leases")"
  fi
}
