#!/bin/bash
# What Duet's own does for the tools. Nothing here calls it.
cd -- "$(dirname -- "$0")" || exit
while getopts :tT option; do
  case $option in
    t) make -C duet-progs && make -C dummy_task ;;
    T) sudo make -C duet-progs install ;;
    *) echo "Usage: $0 -t|-T" >&2 && exit 1 ;;
  esac
done
