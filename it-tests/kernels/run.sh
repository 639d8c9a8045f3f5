#!/bin/bash
# Boots one of Debian's kernels under QEMU with the built distribution, and runs guest/checks.py there.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
images=${IMAGES:-/var/tmp/pinholed-kernels}
dist=${DIST:-$here/../../agent/target/pinholed}

usage() {
  cat <<EOS
usage: run.sh KERNEL [CHECK ...]
  KERNEL  one that build.sh made
  CHECK   only these checks (the names that a run prints); without it, all
The last line is "N of M". Console and outputs go to $images/results/KERNEL. Needs root; 2 GB of memory; no KVM.
Environment: IMAGES, DIST (the distribution), CPUS (1), MEMORY (2048 MB), LIMIT (3000 s), NICE (10), APPEND (to the kernel's command line).
EOS
}
[ $# -gt 0 ] || { usage >&2; exit 2; }
case $1 in -h | --help) usage; exit 0 ;; esac
kernel=$1
shift
[ -f "$images/$kernel/initrd" ] || { echo "No image of $kernel: run build.sh $kernel first." >&2; exit 1; }
[ -x "$dist/bin/pinholed" ] || { echo "No distribution in $dist: build it first (mvn package)." >&2; exit 1; }
out=$images/results/$kernel
rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d)
root=$work/root
leave() {
  umount "$root"/{dev,tmp,proc,job} "$root" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap leave EXIT

mkdir -p "$work/job/out" "$root"
cp -aL "$dist" "$work/job/dist"
cp -a "$here/guest" "$work/job/guest"
echo "$*" >"$work/job/names"
# Archives of classes fit one path and one Java. Made for the guest's they save it 10 s at each start.
mount -o loop,ro "$images/root.img" "$root"
mount --bind "$work/job" "$root/job"
mount -t proc proc "$root/proc"
mount -t tmpfs tmp "$root/tmp"
mount --bind /dev "$root/dev"
chroot "$root" /job/dist/lib/make-archives || true
umount "$root"/{dev,tmp,proc,job} "$root"
truncate -s 500M "$work/job.img"
mke2fs -q -F -t ext4 -d "$work/job" "$work/job.img"

disk() { echo "file=$1,format=raw,if=virtio,$2"; }
timeout "${LIMIT:-3000}" nice -n "${NICE:-10}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m "${MEMORY:-2048}" -smp "${CPUS:-1}" \
  -nographic -no-reboot -nic none -kernel "$images/$kernel/vmlinuz" -initrd "$images/$kernel/initrd" \
  -drive "$(disk "$images/root.img" snapshot=on)" -drive "$(disk "$images/$kernel/modules.img" readonly=on)" \
  -drive "$(disk "$work/job.img" cache=unsafe)" \
  -append "console=ttyS0 panic=-1 loglevel=4 ${APPEND:-}" </dev/null 2>&1 | stdbuf -oL tr -d '\r' | tee "$out/console.log" || true
debugfs -R "rdump /out $out" "$work/job.img" >/dev/null 2>&1 && mv "$out"/out/* "$out"/ 2>/dev/null && rmdir "$out/out" || true
last=$(grep -E '^[0-9]+ of [0-9]+$' "$out/console.log" | tail -n 1)
echo "$kernel ($(cat "$images/$kernel/version")): ${last:-no result}"
[[ $last =~ ^([0-9]+)\ of\ ([0-9]+)$ && ${BASH_REMATCH[1]} = "${BASH_REMATCH[2]}" ]]
