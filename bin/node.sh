# Node for the programs beside this file, with this project's npm packages: installs what is missing, also on a fresh
# clone. Sourced with `root`, the absolute path of the project.
set -eu
: "${root:?}"
for tool in node npm; do
  command -v "$tool" >/dev/null || {
    echo "duet: cannot run $tool: it is not installed; do apt-get install nodejs npm" >&2
    exit 1
  }
done
# npm writes its own lock file last, so an install that was cut off is done again.
installed=$root/node_modules/.package-lock.json
if [ ! "$root/package-lock.json" -ot "$installed" ]; then
  exec 9<"$root/package-lock.json"
  flock 9
  if [ ! "$root/package-lock.json" -ot "$installed" ]; then
    echo "duet: install the npm packages" >&2
    # Not `npm ci`: it refuses a lock without the optional packages of other platforms, which not every registry has.
    (
      cd -- "$root"
      set -- npm install --no-save --no-audit --no-fund --loglevel=error
      # As whose checkout it is: root's files would be in that one's way.
      owner=$(stat -c %u .)
      home=$(getent passwd "$owner" | cut -d: -f6)
      if [ "$(id -u)" = 0 ] && [ "$owner" != 0 ] && [ -n "$home" ]; then
        set -- setpriv "--reuid=$owner" "--regid=$(stat -c %g .)" --init-groups env "HOME=$home" "$@"
      fi
      "$@" >&2 9<&-
    )
    touch -- "$installed"
  fi
  exec 9<&-
fi
PATH="$root/node_modules/node/bin:$PATH"
# All of it is TypeScript that Node itself strips: its compiled form is worth keeping.
NODE_COMPILE_CACHE="${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/duet/node"
# What is downloaded comes through the user's proxy, if there is one.
NODE_USE_ENV_PROXY=1
export PATH NODE_COMPILE_CACHE NODE_USE_ENV_PROXY
