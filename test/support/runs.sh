# Runs of vitest, whose true counts one line closes with.
: "${reports:?}" # The folder of their reports.

runs=()

run_tests() { # NAME WORDS-OF-VITEST...
  local report=$reports/$1.json status=0
  shift
  vitest run "$@" --reporter json --outputFile.json="$report" || status=$?
  runs+=("$status" "$report")
}

# Fails if a test has failed, or a run without any.
close_with_counts() { node test/support/counts.ts "${runs[@]}"; }
