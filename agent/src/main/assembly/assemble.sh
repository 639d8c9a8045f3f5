#!/bin/sh
# Completes the distribution: assemble.sh SOURCE JAR DISTRIBUTION PROJECT. Maven calls it when the libraries are in DISTRIBUTION/lib.
# With PINHOLED_NO_ARCHIVES in the environment it leaves out the archives of classes, which take five seconds.
set -eu
source=$1
jar=$2
distribution=$3
project=$4
# Without it nothing starts where /tmp is mounted noexec.
for library in "$distribution"/lib/jni/*-Linux/libjffi*.so; do
  [ -f "$library" ] || { echo "assemble.sh: no libjffi in $distribution/lib/jni" >&2; exit 1; }
done
cp "$jar" "$distribution/lib/pinholed.jar"
for folder in bin etc lib; do
  mkdir -p "$distribution/$folder"
  cp "$source/$folder"/* "$distribution/$folder/"
done
cp "$project/LICENSE" "$project/NOTICE" "$distribution/"
chmod 755 "$distribution"/bin/*
[ -n "${PINHOLED_NO_ARCHIVES:-}" ] || "$distribution/lib/make-archives"
