# The user's own tree, used in place. Source: guide, step 3.
. ../machine/step.sh
. ./source.sh

create() {
  local commit
  take_turn
  case $(realpath -m -- "$tree")/ in
    "$(realpath -m -- "$directory")"/?*) ;;
    *) die "cannot use the tree $tree: it is not below $directory, which is what guests see; move it there" ;;
  esac
  cd -- "$tree" || die "cannot use the tree $tree: there is no such folder; make it, or ask for { git: … }"
  # Without a commit its name comes from its Makefile, so that it outlives edits.
  { [ -e .git ] && commit=$(git_as_developer rev-parse -q --verify HEAD); } ||
    commit=$({ printf '%s\n' "$tree" && { cat Makefile 2>/dev/null || true; }; } | sha256sum)
  hand_on "$commit"
}

facts() { content_fact; }

look() { cd -- "$tree" && content_of content_of_tree; }

identity() { echo "tree $tree of $directory"; }

delete() { release_hold true; }

run_step "$@"
