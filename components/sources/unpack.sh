# A Debian source package, unpacked; or taken back from the cache with the times that its build knows.
# Source: guide, step 3.
: "${package:?}"
. ../machine/step.sh
. ./aside.sh
. ./source.sh

create() {
  local waits
  take_turn
  refuse_foreign "package $package"
  if is_ours; then drop_other; fi
  waits=$(aside source)
  if ! is_ours && [ -e "$waits/.duet-source" ]; then
    # It may take a while, and is in use from now on.
    touch -c -- "$cache"
    put_tree "$waits"
  fi
  if ! is_ours; then unpack; fi
  give_to_developer "$tree"
  read_note
  hand_on "$commit"
}

facts() { content_fact; }

look() {
  local known
  cd -- "$tree" || return
  # A kernel's 80,000 files take a third of a second to list. What is changed, replaced, removed or added leaves a file
  # or a folder that was changed since, whatever its time says.
  if [ -e "$record" ] && [ -z "$(find . -cnewer "$record" -print -quit 2>&1)" ]; then
    known=$(recorded "content of $tree: ")
    printf '%s\n' "${known#"content of $tree: "}"
  else
    content_by_time
  fi
}

identity() { echo "package $tree of $directory"; }

delete() { release_hold keep; }

# A package of another name that nobody has edited makes room.
drop_other() {
  read_note
  if [ "$origin" = "$package" ]; then return; fi
  is_pristine content_by_time ||
    die "cannot unpack $package to $tree: that holds $origin with changes of your own; move it away"
  rm -rf -- "$tree"
}

unpack() {
  local tarball=/usr/src/$package.tar.xz version
  [ -r "$tarball" ] || die "cannot unpack $package: there is no $tarball; ask for a linux-source package"
  make_scratch
  # The files get the present time: they are newer than any object that was built from another version.
  as_developer mkdir "$scratch/tree"
  as_developer tar -xJmf "$tarball" --no-same-owner --strip-components=1 -C "$scratch/tree"
  # shellcheck disable=SC2016 # dpkg-query's own variables.
  version=$(dpkg-query -W -f='${Package}-${Version}' "$package" | sha256sum | cut -c1-12)
  settle "$package" "$version" content_by_time
}

# An unedited tree waits in the cache, with its times, for the next stack. Any other is the user's and stays.
keep() {
  if is_pristine content_by_time; then put_aside "$tree" source; fi
}

run_step "$@"
