#!/bin/bash
# The scenarios and kernel tests on Debian's own kernels, each booted under QEMU with the built distribution in it.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$root/deploy/common.sh"
here=$root/it-tests/kernels
# The oldest and the newest that is supported, and the one that most run.
oldest=6.1 newest=7.3 all=(6.1 6.12 7.3)

usage() {
  cat <<EOS
usage: it-tests/kernels.sh [--short | --groups LIST | --only TESTS] [--images] [VERSION ...]
       it-tests/kernels.sh --table [VERSION ...]
  VERSION       a series of Debian's kernels, as in 6.1; without it ${all[*]} (--short: $oldest and $newest)
  --short       one test of each kind, in place of all of the file it-tests/kernels/tests
  --groups LIST some groups of that file, as in ftp,life; the reports of the other groups stay
  --only TESTS  tests of choice of one module, as in OneShotPinholeIT,KillIT or 'LabIT#method()'
  --images      only makes what is booted: root file system and kernels, from Debian's archive, kept in ${IMAGES:-/var/tmp/pinholed-kernels}
  --table       prints what the last runs found, and writes it into docs/kernel.md; what did not run stays there as it was
Reports of JUnit, and the console of each kernel, are in it-tests/target/linux-VERSION-reports, those of --short and --only in
linux-VERSION-short-reports and linux-VERSION-only-reports. Needs root (Debian or Ubuntu); installs
QEMU and what else is missing. Builds when sources are newer than what is built (MAVEN_OPTIONS: as in -o). GUESTS (2) run at a time, each for LIMIT
(28800) seconds at most. Exit code 3: nothing ran, because QEMU cannot be installed, or Debian's archive cannot be reached or has no such kernel;
the reason is printed.
EOS
}
form=all only='' images_only=''
arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --short) form=short; shift ;;
    --images) images_only=yes; shift ;;
    --table) form=table; shift ;;
    --groups)
      [ $# -ge 2 ] || { usage >&2; exit 2; }
      form=groups
      IFS=, read -r -a groups <<<"$2"
      shift 2 ;;
    --only)
      [ $# -ge 2 ] || { usage >&2; exit 2; }
      form=only only=$2
      shift 2 ;;
    -*) usage >&2; exit 2 ;;
    *) break ;;
  esac
done
versions=("$@")
if [ $# = 0 ]; then
  case $form in short) versions=("$oldest" "$newest") ;; *) versions=("${all[@]}") ;; esac
fi

if [ $form = table ]; then
  cd "$root/it-tests/target"
  folders=("${versions[@]/#/linux-}")
  exec "$here/table.py" --write "${folders[@]/%/-reports}"
fi
need_root "${arguments[@]}"

(install_missing qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap mke2fs:e2fsprogs debugfs:e2fsprogs cpio:cpio depmod:kmod unxz:xz-utils unzip:unzip) ||
  { echo "skipped: the scenarios on Debian's kernels, because QEMU cannot be installed" >&2; exit 3; }
"$here/build.sh" "${versions[@]}"
[ -z "$images_only" ] || exit 0

cd "$root"
if [ ! -f it-tests/target/test-classpath ] || [ ! -x agent/target/pinholed/bin/pinholed ] ||
  [ -n "$(find pom.xml {native-bindings,helpers,agent,it-tests}/{pom.xml,src} -newer it-tests/target/test-classpath -print -quit)" ]; then
  install_build_tools
  say "Building"
  # shellcheck disable=SC2086 # options are words
  mvn ${MAVEN_OPTIONS:-} -q -B -Pit -DskipTests package </dev/null
  touch it-tests/target/test-classpath # Maven does not write again what would be the same
fi

case $form in
  groups) export KEEP=yes ;;
  only) groups=("only=$only") ;;
  short) mapfile -t groups < <(sed -n 's/^\(short[^ ]*\) .*/\1/p' "$here/tests" | uniq) ;;
  *) mapfile -t groups < <(sed -n 's/^\([a-z][^ ]*\) .*/\1/p' "$here/tests" | grep -v '^short' | uniq) ;;
esac
reports_of() { echo "it-tests/target/linux-$1$kind-reports"; }
kind=''
case $form in short | only) kind=-$form ;; esac
job=$(mktemp -d /var/tmp/pinholed-job.XXXXXX)
begin=$SECONDS pids=() result=0
leave() {
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf "$job"
}
trap leave EXIT
"$here/job.sh" "$job/job"
# Two processors serve two guests.
for version in "${versions[@]}"; do
  if [ ${#pids[@]} -ge "${GUESTS:-2}" ]; then
    wait "${pids[0]}" || result=1
    pids=("${pids[@]:1}")
  fi
  "$here/run.sh" "$version" "$job/job" "$(reports_of "$version")" "${groups[@]}" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || result=1; done
pids=()
for version in "${versions[@]}"; do
  # Those of other groups are older.
  ran=$(find "$(reports_of "$version")" -name 'TEST-*.xml' -newer "$job/job" -exec cat {} + 2>/dev/null) || true
  printf 'Linux %s: %d tests, %d failed, %d skipped\n' "$(cat "${IMAGES:-/var/tmp/pinholed-kernels}/$version/version")" \
    "$(grep -c '<testcase ' <<<"$ran")" "$(grep -cE '<(failure|error)[ >]' <<<"$ran")" "$(grep -c '<skipped' <<<"$ran")"
done
printf '%d:%02d min\n' $(((SECONDS - begin) / 60)) $(((SECONDS - begin) % 60))
exit $result
