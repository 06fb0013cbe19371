# A clone. What is there already is the user's: it is never reset or cleaned, nor switched while it has changes.
# Source: guide, step 3.
: "${url:?}" "${branch?}"
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
  hand_on "$(git_as_developer rev-parse HEAD)" content_of content_of_tree
}

facts() {
  if cd -- "$tree"; then
    fact "content of $tree" "$(content_of content_of_tree)"
    if [ -n "$branch" ]; then fact "branch of $tree" "$(branch_now)"; fi
  else
    fact "content of $tree" missing
  fi
}

identity() { echo "clone $tree of $directory"; }

delete() { release_hold true; }

# The branch of the clone, or its commit if it is on none.
branch_now() { git_as_developer symbolic-ref --short -q HEAD || git_as_developer rev-parse HEAD; }

require_clone() {
  local found
  [ -e .git ] || die "cannot clone $url to $tree: that is there and no clone; move it away, or ask for { tree: $tree }"
  found=$(git_as_developer config --get remote.origin.url) || true
  [ "$found" = "$url" ] ||
    die "cannot clone $url to $tree: that is a clone of $found; move it away, or ask for its own URL"
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
    fetch_as_developer clone ${branch:+--no-checkout} -- "$url" "$scratch/tree" &&
      { [ -z "$branch" ] || git_as_developer -C "$scratch/tree" checkout -q "$branch" --; }
  } </dev/null >&2 ||
    die "cannot clone $url${branch:+ at $branch}: see git's lines above;" \
      "correct the URL, the branch or the developer's access to it"
  put_tree "$scratch/tree"
  rm -rf -- "$scratch"
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
  git_as_developer rev-parse -q --verify "$branch^{commit}" >/dev/null ||
    fetch_as_developer fetch --tags origin </dev/null >&2 || true
  git_as_developer checkout -q "$branch" -- </dev/null >&2 ||
    die "cannot switch $tree to $branch: neither it nor its origin has that; ask for one that is there"
}

run_step "$@"
