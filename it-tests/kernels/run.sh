#!/bin/bash
# Boots one of Debian's kernels under QEMU and runs tests there; the reports are JUnit's XML.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
images=${IMAGES:-/var/tmp/pinholed-kernels}

usage() {
  cat <<EOS
usage: run.sh KERNEL JOB REPORTS GROUP ...
  KERNEL   one that build.sh made
  JOB      a folder that job.sh made
  REPORTS  a folder, made anew: gets TEST-linux-KERNEL-GROUP.xml, console.log and what else the guest left
  GROUP    of the file tests; or as NAME=TEST,TEST... tests of choice, as in mine=OneShotPinholeIT,KillIT
A TEST is Class, Class#method(parameter types) or, of a parameterized method, Class#method(...)[0..3], counted from 0.
A group that gives no report counts as a failed test. Needs root; 2 GB of memory; no KVM.
Environment: IMAGES, CPUS (1), MEMORY (2048 MB), LIMIT (28800 s), NICE (10), PATIENCE (5, times as long as usual), APPEND (to the
kernel's command line), KEEP (if set, the reports of groups that do not run stay, if they are of the same kernel package).
EOS
}
case ${1-} in -h | --help) usage; exit 0 ;; esac
[ $# -ge 4 ] || { usage >&2; exit 2; }
kernel=$1 job=$2 out=$3
shift 3
[ -f "$images/$kernel/initrd" ] || { echo "No image of $kernel: run build.sh $kernel first." >&2; exit 1; }
work=$(mktemp -d)
# The guest ends with this script, also where that is told to end before it.
leave() {
  [ ! -f "$work/guest" ] || kill "$(cat "$work/guest")" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap leave EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# option TEST prints the console's option that selects it, and its module.
option() {
  local class=${1%%#*} rest module full
  rest=${1#"$class"}
  for module in it-tests agent native-bindings; do
    full=$(grep -E "(^|\.)${class//./\\.}\$" "$job/lib/$module.classes") || continue
    case $rest in
      '') option=--select-class=$full ;;
      *']') option=--select-iteration=method:$full$rest ;;
      *) option=--select-method=$full$rest ;;
    esac
    of_module=$module
    return 0
  done
  echo "There is no test class $class." >&2
  return 1
}

mkdir "$work/tests"
groups=() number=10
for group; do
  case $group in
    *=*) name=${group%%=*} tests=$(sed 's/,\([A-Z]\)/\n\1/g' <<<"${group#*=}") ;; # types of parameters begin with their package
    *) name=$group tests=$(sed -n "s/^$group  *\([^ ]*\) *\$/\1/p" "$here/tests") ;;
  esac
  [ -n "$tests" ] || { echo "There is no group $group." >&2; exit 2; }
  module=
  while read -r test; do
    option "$test"
    [ "${module:=$of_module}" = "$of_module" ] || { echo "group $name: $test is not of $module" >&2; exit 2; }
    echo "$option"
  done <<<"$tests" >"$work/options"
  { echo "$module"; cat "$work/options"; } >"$work/tests/$number-$name"
  groups+=("$name")
  number=$((number + 1))
done

[ -n "${KEEP:-}" ] && cmp -s "$images/$kernel/version" "$out/version" || rm -rf "$out"
mkdir -p "$out"
cp "$images/$kernel/version" "$out/version"
for name in "${groups[@]}"; do rm -f "$out/TEST-linux-$kernel-$name.xml"; done

# The folder of the job serves several guests; only the list of tests is this one's.
size=$(($(du -sm "$job" | cut -f1) + 300))
truncate -s ${size}M "$work/job.img"
# Without a journal, so that what was written can be read from outside.
mke2fs -q -F -t ext4 -O ^has_journal -d "$job" "$work/job.img"
for file in "$work"/tests/*; do echo "write $file /tests/${file##*/}"; done | debugfs -w -f - "$work/job.img" >/dev/null 2>&1

disk() { echo "file=$1,format=raw,if=virtio,$2"; }
root_image=$("$here/build.sh" --root-image)
limit=${LIMIT:-28800}
# The kernel hands what it does not know to process 1 as its environment.
boot() {
  timeout "$limit" nice -n "${NICE:-10}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m "${MEMORY:-2048}" -smp "${CPUS:-1}" \
    -nographic -no-reboot -nic none -kernel "$images/$kernel/vmlinuz" -initrd "$images/$kernel/initrd" \
    -drive "$(disk "$root_image" snapshot=on)" -drive "$(disk "$images/$kernel/modules.img" readonly=on)" \
    -drive "$(disk "$work/job.img" cache=unsafe)" \
    -append "console=ttyS0 panic=-1 loglevel=4 PATIENCE=${PATIENCE:-5} ${APPEND:-}" </dev/null 2>&1 &
  echo $! >"$work/guest"
  wait $!
}
# In the background, since a signal is heard while this waits, and not while a command runs.
boot | stdbuf -oL tr -d '\r' | tee "$out/console.log" | sed -u "s/^/$kernel | /" &
code=0
wait $! || code=$?
rm "$work/guest"
[ $code != 124 ] || echo "$kernel: ended after $limit s (LIMIT), before its tests did" >&2
debugfs -R "rdump /out $work" "$work/job.img" >/dev/null 2>&1 || true

result=0
for name in "${groups[@]}"; do
  report=$out/TEST-linux-$kernel-$name.xml
  if [ -s "$work/out/$name/TEST-junit-jupiter.xml" ]; then
    # As failsafe writes them: the kernel behind the class, and the reason of a skipped one as an attribute.
    sed -E -e "s/(<testcase [^>]*classname=\"[^\"]*)\"/\1(linux-$kernel)\"/" \
      -e 's/<skipped><!\[CDATA\[(.*Exception: )?(Assumption failed: )?([^]"<>&]*)/<skipped message="\3"><![CDATA[\3/' "$work/out/$name/TEST-junit-jupiter.xml" >"$report"
  else
    printf '%s\n' '<?xml version="1.0" encoding="UTF-8"?>' '<testsuite name="kernels" tests="1" errors="1" time="0">' \
      "<testcase name=\"$name\" classname=\"kernels(linux-$kernel)\"><error message=\"the guest gave no report, see console.log\"/></testcase>" \
      '</testsuite>' >"$report"
  fi
  [ "$(cat "$work/out/$name/exit" 2>/dev/null)" = 0 ] || result=1
done
[ ! -d "$work/out" ] || find "$work/out" -maxdepth 1 -type f -exec cp {} "$out" \;
exit $result
