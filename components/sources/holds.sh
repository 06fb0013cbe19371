# The sources directory is shared: by the user, by Duet, and by several stacks. So Duet notes in `.duet` below it who
# holds what (`holds/WHAT/STACK`) and which folders it has made (`made`), and gives back only those, once nobody holds
# anything there any more.
: "${directory:?}" "${what:?}" "${stack:?}"
. ../machine/step.sh
. ../machine/lib/lock.sh
. ../machine/lib/developer.sh
. ./disk.sh
. ./made.sh

duet=$directory/.duet
holders=$duet/holds/$what
# Which folders were made, while they are removed: what they hold goes before them.
made_before=$records/.made-folders

# Keeps other stacks' work on the same thing out until the script ends: two `up` at once never write to one tree. The
# lock goes with the last holder, so what was waited for may be gone: then all is made again, and locked there.
take_turn() {
  local path
  require_disk
  # What this step works on, whichever it is.
  for path in "${tree-}" "${build-}"; do
    if [ -n "$path" ]; then require_served "$path"; fi
  done
  until [ "$holders/.lock" -ef /proc/self/fd/7 ]; do
    make_sources_directory
    mkdir -p -- "$holders"
    lock_holders
  done
}

# Opens the lock, if it is there, and waits for it: for an hour, in which a kernel is built.
lock_holders() {
  exec 7<>"$holders/.lock" || return 0
  if ! lock 7 0; then
    say "another stack is at work on $what in $directory: waiting for it"
    lock 7 3600 || die "cannot take a turn at $what in $directory: another stack has been at work there for 3600 s;" \
      "end that, or give this stack a directory of its own"
  fi
}

# Makes the sources directory for the developer, if it is missing, and notes which folders were made.
make_sources_directory() {
  local made=''
  make_folder "$directory"
  case $made in "$directory"*) chown "$uid:$gid" "$directory" ;; esac
  mkdir -p -- "$duet"
  if [ -n "$made" ]; then printf '%s\n' "$made" >>"$duet/made"; fi
  # Their removal was cut off.
  if [ -e "$made_before" ]; then
    cat -- "$made_before" >>"$duet/made"
    rm -f -- "$made_before"
  fi
}

# Makes a folder and those above it, and adds them to `made`, the deepest first.
make_folder() { # FOLDER
  if [ ! -d "$1" ]; then
    make_folder "$(dirname -- "$1")"
    if mkdir -- "$1" 2>/dev/null; then made=$1${made:+$'\n'$made}; fi
    [ -d "$1" ]
  fi
}

# Gives what Duet has made to the developer of the spec, who may be another one than before.
give_to_developer() { # FOLDER...
  local folder
  for folder; do
    if [ -e "$folder" ] && [ "$(stat -c %u -- "$folder")" != "$uid" ]; then
      chown -Rh "$uid:$gid" -- "$folder"
    fi
  done
}

# Makes an empty scratch folder of the developer's, `scratch`, on the file system of the sources.
make_scratch() {
  scratch=$duet/$what.new
  rm -rf -- "$scratch"
  install -d -o "$uid" -g "$gid" -- "$scratch"
}

# Notes the hold. The last thing that `create` does.
take_hold() {
  note_disk
  : >"$holders/$stack"
}

# Gives the hold back, runs the function if nobody else has one, and in the end removes the folders that were made for
# it, if they are empty.
release_hold() { # FUNCTION
  cd /
  while [ -e "$holders/.lock" ] && [ ! "$holders/.lock" -ef /proc/self/fd/7 ]; do lock_holders; done
  rm -f -- "$holders/$stack"
  if [ -z "$(ls -- "$holders" 2>/dev/null)" ]; then
    "$1"
    rm -rf -- "$holders" "$duet/$what.new"
  fi
  # What waits there is found again, and the note of what was made with it.
  if [ -d "$duet" ] && [ -z "$(find "$duet"/{holds,cache} -mindepth 1 -print -quit 2>/dev/null)" ]; then
    if [ -e "$duet/made" ]; then cat -- "$duet/made" >>"$made_before"; fi
    rm -rf -- "$duet"
  fi
  if [ ! -d "$duet" ] && [ -e "$made_before" ]; then
    remove_made "$made_before"
  fi
}
