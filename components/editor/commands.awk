# Makes of what make has noted of its commands, in files `.NAME.o.cmd`, the entries of a compilation database, a line
# each: for a C file the command with which gcc compiles it. Source: the kernel's scripts/Kbuild.include, and for the form
# clang.llvm.org/docs/JSONCompilationDatabase.html. The variable `build` is where make runs its commands; `objects` is
# where it finds the sources of `tree`.

# Options that only gcc knows, or that clang refuses: clangd calls each an error, in every file. None changes what a
# source means.
BEGIN {
  gccs = " (--param[= ]|-(Wp,-MM?D,|ftrivial-auto-var-init=|mpreferred-stack-boundary=|mrecord-mcount|mskip-rax-setup"
  gccs = gccs "|mno-fp-ret-in-387|mindirect-branch|mfunction-return=|mharden-sls=|fconserve-stack"
  gccs = gccs "|f(no-)?allow-store-data-races|f(no-)?var-tracking|fno-ipa-|fno-partial-inlining"
  gccs = gccs "|fno-inline-functions-called-once|fmin-function-alignment=|femit-struct-debug|fplugin"
  gccs = gccs "|fsanitize=bounds-strict))[^ ]*"
}

FNR == 1 && /^(saved)?cmd_[^ ]*\.o := / && match($0, / [^ ]*\.c *(;|$)/) {
  file = substr($0, RSTART + 1, RLENGTH - 1)
  sub(/ *;?$/, "", file)
  if (objects != tree && index(file, objects "/") == 1) file = tree substr(file, length(objects) + 1)
  command = substr($0, 1, RSTART) file
  sub(/^[^=]*:= /, "", command)
  sub(/^ccache /, "", command)
  # make writes a hash in one of these ways, as it begins a remark there.
  gsub(/\$\(pound\)|\\#/, "#", command)
  gsub(gccs, "", command)
  printf "{\"directory\": \"%s\", \"file\": \"%s\", \"command\": \"%s\"}\n",
    quoted(build), quoted(file ~ /^\// ? file : build "/" file), quoted(command)
}

function quoted(text) {
  gsub(/\\/, "&&", text)
  gsub(/"/, "\\\"", text)
  return text
}
