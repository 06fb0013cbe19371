# A clone. What is there already is the user's: it is never reset or cleaned, nor switched while it has changes.
# Source: guide, step 3.
: "${url:?}" "${branch?}" "${submodules?}"
. ../machine/step.sh
. ../machine/lib/apt.sh
. ./source.sh

create() {
  take_turn
  if is_there; then
    cd -- "$tree"
    require_clone
    if [ -n "$branch" ]; then switch; fi
  else
    clone
    cd -- "$tree"
  fi
  bring_submodules
  hand_on "$(git_as_developer rev-parse HEAD)"
}

facts() {
  content_fact
  if cd -- "$tree"; then
    if [ -n "$branch" ]; then fact "branch of $tree" "$(branch_now)"; fi
    if [ -n "$submodules" ]; then fact "missing submodules of $tree" "$(missing_submodules | paste -sd' ')"; fi
  fi
}

look() { cd -- "$tree" && content_of content_of_tree; }

identity() { echo "clone $tree of $directory"; }

delete() { release_hold true; }

# The branch of the clone, or its commit if it is on none.
branch_now() { git_as_developer symbolic-ref --short -q HEAD || git_as_developer rev-parse HEAD; }

require_clone() {
  local found
  [ -e .git ] || die "cannot clone $url to $tree: that is there and no clone; move it away, or ask for { tree: $tree }"
  found=$(git_as_developer config --get remote.origin.url) || true
  [ "$(place_of "$found")" = "$(place_of "$url")" ] ||
    die "cannot clone $url to $tree: that is a clone of $found; move it away, or ask for its own URL"
}

# Prints host and path of a URL: one repository is reached in several ways. Source: git-clone(1), "GIT URLS".
place_of() { # URL
  local place=${1%/}
  case $place in
    *://*) place=${place#*://} ;;
    /* | ./*) ;;
    *:*) place=${place/:/\/} ;;
  esac
  place=${place%.git}
  # Without the user, and without a port.
  sed -E -e 's|^[^/@]*@||' -e 's|^([^/]*):[0-9]+/|\1/|' <<<"$place"
}

# git, where the internet is reached.
fetch_as_developer() { # WORD...
  local enter=(${fetch_namespace:+nsenter "--net=$fetch_namespace"})
  git_as_developer "$@"
}

# What is checked out may be a commit, which git clone takes for no branch.
clone() {
  make_scratch
  {
    fetch_as_developer clone --progress ${branch:+--no-checkout} -- "$url" "$scratch/tree" &&
      { [ -z "$branch" ] || { cd -- "$scratch/tree" && check_out; }; }
  } </dev/null 2>&1 | in_tenths ||
    die "cannot clone $url${branch:+ at $branch}: see git's lines above;" \
      "correct the URL, the branch or the developer's access to it"
  put_tree "$scratch/tree"
  rm -rf -- "$scratch"
}

# Hands on what git says of its progress: a line for each tenth of what may take half an hour.
in_tenths() {
  stdbuf -oL tr '\r' '\n' | sed -u -n -E -e '/[0-9]% \(/!p' -e 's/^(.*[^0-9][0-9]*0%) \(.*/\1/p' | stdbuf -oL uniq >&2
}

# Checks out what is asked for. A commit that is on no branch of the origin is not among what clone and fetch bring.
check_out() {
  {
    git_as_developer rev-parse -q --verify "$branch^{commit}" ||
      git_as_developer rev-parse -q --verify "origin/$branch" ||
      { fetch_as_developer fetch --tags origin && fetch_as_developer fetch origin "$branch"; }
  } >/dev/null || true
  git_as_developer checkout -q "$branch" --
}

# Whether the clone is at the branch, the tag or the commit.
is_at_branch() { # NOW
  local now=$1
  [ "$now" = "$branch" ] || {
    [ "$(git_as_developer rev-parse -q --verify "$branch^{commit}")" = "$now" ] &&
      [ -z "$(git_as_developer symbolic-ref -q HEAD)" ]
  }
}

# Whether nobody but make has written to the clone. What is in git's way it names itself.
is_as_checked_out() { [ "$(content_of content_of_tree)" = "$(git_as_developer rev-parse HEAD | digest)" ]; }

switch() {
  local now dirty
  now=$(branch_now)
  if is_at_branch "$now"; then return; fi
  dirty=$(git_as_developer status --porcelain | cut -c4- | sed -n 1,5p | paste -sd' ')
  [ -z "$dirty" ] || is_as_checked_out ||
    die "cannot switch $tree to $branch: it is on $now with changes of your own in $dirty;" \
      "commit or stash them, or ask for the branch that it is on"
  check_out </dev/null >&2 ||
    die "cannot switch $tree to $branch: neither it nor its origin has that; ask for one that is there"
  update_submodules
}

# The parts that are missing. Those that are there are the user's, at whatever commit.
bring_submodules() {
  local missing
  if [ -z "$submodules" ]; then return; fi
  mapfile -t missing < <(missing_submodules)
  if [ "${#missing[@]}" -gt 0 ]; then update_submodules "${missing[@]}"; fi
}

missing_submodules() { git_as_developer submodule status | sed -n 's/^-[0-9a-f]* //p'; }

# Brings the parts to the commits that the tree names. One on this disk may have others there.
update_submodules() { # PATH...
  local allow=()
  if [ -z "$submodules" ]; then return; fi
  case $url in /* | file://*) allow=(-c protocol.file.allow=always) ;; esac
  fetch_as_developer "${allow[@]}" submodule update --init --recursive -- "$@" </dev/null >&2 ||
    die "cannot bring the submodules of $tree: see git's lines above; correct the developer's access to them," \
      "or ask for none"
}

run_step "$@"
