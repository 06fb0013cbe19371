# The modules of a kernel in one guest, which has no package of it. Source: guide, step 10.
: "${packed:?}" "${release:?}" "${build:?}" "${build_id:?}"
. ../machine/step.sh
. ../machine/lib/developer.sh

all=/lib/modules
modules=$all/$release
# Says of which build they are.
mark=$modules/.duet-build

create() {
  local fresh=$modules.new
  rm -rf -- "$fresh"
  mkdir -p -- "$fresh"
  # Over NFS root is nobody: the developer reads.
  as_developer cat -- "$packed" | tar --no-same-owner -xf - -C "$fresh"
  ln -s -- "$build" "$fresh/build"
  # What others have put there for this release.
  if [ -d "$modules/updates" ]; then cp -a -- "$modules/updates" "$fresh/"; fi
  printf '%s\n' "$build_id" >"$fresh/${mark##*/}"
  rm -rf -- "$modules"
  mv -- "$fresh" "$modules"
  timeout 120 depmod "$release" </dev/null >&2
  forget_but "$release" "$(uname -r)"
}

facts() {
  local id=none
  if [ -e "$modules/modules.dep" ]; then read -r id <"$mark"; fi
  fact 'modules of build' "$id"
}

# Those of the kernel that runs stay.
delete() { forget_but "$(uname -r)"; }

# Removes the modules that this step has brought, but those of some releases, and of those that a package has since.
forget_but() { # RELEASE...
  local file folder
  for file in "$all"/*/"${mark##*/}"; do
    folder=${file%/*}
    case " $* " in *" ${folder##*/} "*) continue ;; esac
    if dpkg -S "$folder" >/dev/null 2>&1; then rm -f -- "$file"; else rm -rf -- "$folder"; fi
  done
}

run_step "$@"
