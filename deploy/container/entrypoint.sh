#!/bin/sh
# What the image runs: the agent with these options, or, if the first word is the name of a program of ours, that program.
set -eu
case ${1-} in
  pinholed | pinholectl)
    program=$1
    shift ;;
  *) program=pinholed ;;
esac
exec "/opt/pinholed/bin/$program" "$@"
