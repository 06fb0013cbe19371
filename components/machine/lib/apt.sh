# Debian packages.
: "${fetch_namespace?}"
. ../step.sh

# Runs words where the internet is reached, if that takes another network namespace.
in_namespace() { # WORD...
  if [ -n "$fetch_namespace" ]; then nsenter "--net=$fetch_namespace" "$@"; else "$@"; fi
}

# Prints the fact `package NAME`: installed, or missing. One process: in a guest without KVM each costs 25 ms.
package_facts() { # PACKAGE...
  local known package
  # Without names dpkg-query would print all that there are.
  if [ "$#" = 0 ]; then return; fi
  # shellcheck disable=SC2016 # dpkg-query's own variables.
  known=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' -- "$@" 2>/dev/null || true)
  for package; do
    case $'\n'$known$'\n' in
      *$'\n'"$package installed"$'\n'*) fact "package $package" installed ;;
      *) fact "package $package" missing ;;
    esac
  done
}

# Puts those of the packages that are not installed into the array `missing`.
find_missing() { # PACKAGE...
  mapfile -t missing < <(package_facts "$@" | sed -n 's/^package \(.*\): missing$/\1/p')
}

# Waits until nobody holds dpkg's lock, one of fcntl(2), five minutes at most: dpkg itself does not wait.
wait_for_dpkg() {
  local inode
  inode=$(stat -c %i /var/lib/dpkg/lock-frontend 2>/dev/null) || return 0
  for _ in $(seq 300); do
    grep -q ":$inode " /proc/locks || return 0
    sleep 1
  done
}

# Completes a dpkg that was cut off: what is half installed, and what apt calls interrupted, which no audit tells.
complete_dpkg() {
  [ -z "$(
    dpkg --audit
    ls -A /var/lib/dpkg/updates 2>/dev/null
  )" ] || DEBIAN_FRONTEND=noninteractive dpkg --configure -a --force-confold
}

apt() { # WORD...
  in_namespace env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none apt-get -q -y \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 -o Acquire::http::Timeout=30 "$@"
}

# Lists that are older than the archive name files that are gone: then they are updated.
install_missing() {
  local install=(install --no-install-recommends "${missing[@]}")
  wait_for_dpkg
  complete_dpkg || return
  apt "${install[@]}" || { apt update && apt "${install[@]}"; }
}

# Installs the packages that are missing, and does nothing if none is.
install_packages() { # PACKAGE...
  local missing said
  find_missing "$@"
  if [ "${#missing[@]}" = 0 ]; then return; fi
  command -v apt-get >/dev/null ||
    die "cannot install ${missing[*]}: there is no apt-get here; install them by hand and run this again"
  said=$(install_missing </dev/null 2>&1 | tee >(cat >&2)) ||
    die "cannot install ${missing[*]}: $(first_apt_error <<<"$said"); see above, and run this again"
}

first_apt_error() {
  local said
  said=$(cat)
  grep -m 1 -E -e '^(E|dpkg|tar):|[Ee]rror|No space left' <<<"$said" || tail -n 1 <<<"$said"
}
