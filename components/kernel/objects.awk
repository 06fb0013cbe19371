# Prints how many objects make has to make for a configuration, as the Makefiles of the tree list them: about, since what
# stands below an `if` of make's is taken for granted. Source: Documentation/kbuild/makefiles.rst, sections 3.1 to 3.6.
# Usage: tree=TREE awk -f objects.awk CONFIG

BEGIN {
  tree = ENVIRON["tree"]
  arch = "x86"
}

/^CONFIG_/ {
  at = index($0, "=")
  config[substr($0, 1, at - 1)] = substr($0, at + 1)
}

END {
  # Top and architecture name folders from the top of the tree.
  read_list(tree "/Makefile", "")
  read_list(tree "/Kbuild", "")
  read_list(tree "/arch/" arch "/Makefile", "")
  visit("arch/" arch "/")
  visit("arch/" arch "/boot/")
  visit("arch/" arch "/boot/compressed/")
  while (done < wanted) read_folder(folder[++done])
  print count + 0
}

function visit(path) {
  if (!(path in known)) {
    known[path] = 1
    folder[++wanted] = path
  }
}

function read_folder(path) {
  split("", members)
  split("", parts)
  if (!read_list(tree "/" path "Kbuild", path)) read_list(tree "/" path "Makefile", path)
  for (member in members) count += member in parts ? parts[member] : 1
}

# Reads the lists of a Makefile: obj-y, obj-$(CONFIG_X), and those of an object that is linked of others.
function read_list(file, path, line, more, state, left, name, condition, words, i, n) {
  while ((state = (getline more < file)) > 0) {
    found = 1
    line = line more
    if (sub(/\\$/, " ", line)) continue
    if (match(line, /^[ \t]*[A-Za-z0-9_-]+-([ym]|objs|\$\([^=]*CONFIG_[A-Z0-9a-z_]+\)+)[ \t]*[:+]?=/)) {
      left = substr(line, RSTART, RLENGTH)
      words = substr(line, RSTART + RLENGTH)
      sub(/#.*/, "", words)
      gsub(/[ \t:+=]+/, "", left)
      condition = left
      sub(/.*-/, "", condition)
      name = substr(left, 1, length(left) - length(condition) - 1)
      if (match(left, /CONFIG_[A-Za-z0-9_]+/)) {
        condition = config[substr(left, RSTART, RLENGTH)]
        name = left
        sub(/-\$.*/, "", name)
      }
      if (condition ~ /^([ym]|objs)$/) {
        n = split(words, word, " ")
        for (i = 1; i <= n; i++) add(name, word[i], path)
      }
    }
    line = ""
  }
  close(file)
  return state == 0
}

function add(name, word, path, is_list, other) {
  sub(/^\$\(obj\)\//, "", word)
  is_list = name ~ /^(obj|lib|init|core|drivers|net|libs|virt|setup|vmlinux-objs)$/
  if (word ~ /^\$\([A-Za-z0-9_-]+-y\)$/) {
    other = parts[substr(word, 3, length(word) - 5)]
    if (is_list) count += other
    else parts[name] += other
  } else if (word ~ /[$()]/) return
  else if (!is_list) parts[name] += word ~ /\.o$/
  else if (word ~ /\/$/) visit(path word)
  else if (word ~ /\.o$/) members[substr(word, 1, length(word) - 2)] = 1
}
