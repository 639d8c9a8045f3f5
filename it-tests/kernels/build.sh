#!/bin/bash
# Makes the images that run.sh boots, each once: root-HASH.img (Debian 12 with Java and the peers of the scenarios), and for
# each kernel KERNEL/{vmlinuz,initrd,modules.img,config,version} from Debian's archive. What is there is left as it is.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
images=${IMAGES:-/var/tmp/pinholed-kernels}

usage() {
  cat <<EOS
usage: build.sh [--root-image] KERNEL ...
  KERNEL        a series, as in 6.1, 6.12 or 7.3: Debian's newest kernel for virtual machines of that series;
                with -full behind it Debian's usual kernel, which has more devices (PPP) and takes longer
  --root-image  only prints the name of the root image that belongs to the list of packages
Needs root, and the packages qemu-system-x86 mmdebstrap e2fsprogs cpio kmod xz-utils. IMAGES names another folder than $images;
for a newer kernel of a series remove its folder there. Exit code 3: Debian's archive cannot be reached, or has no such kernel (any more).
EOS
}
[ $# -gt 0 ] || { usage >&2; exit 2; }
case $1 in -h | --help) usage; exit 0 ;; esac
packages=$(sed 's/#.*//' "$here/packages" | tr -s ' \n' '\n' | sed '/^$/d' | paste -sd,)
root_image=$images/root-$(echo "$packages" | sha256sum | cut -c1-12).img
[ "$1" != --root-image ] || { echo "$root_image"; exit 0; }
mkdir -p "$images"
cd "$images"
# Who comes while another one makes them waits for them.
exec 9>"$images/lock"
flock 9
work=$(mktemp -d "$images/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# again COMMAND...: a download that breaks is tried three times.
again() {
  local try
  for try in 1 2 3; do
    "$@" && return 0
    [ "$try" = 3 ] || { echo "once more: $1" >&2; sleep 5; }
  done
  return 1
}

# archive_of NAME prints the first archive of that name in apt's sources, or in a list of mirrors that they name.
archive_of() {
  local lists
  mapfile -t lists < <(sed -n 's,.*mirror+file:\(/[^ ]*\).*,\1,p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null)
  sed -nE "/^#/d; s,^(.*[ =])?(https?://[^ ]*/$1)/*([[:space:]].*)?\$,\2,p" \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list "${lists[@]}" 2>/dev/null | sed -n 1p
}
archive=$(archive_of debian) || true
security=$(archive_of debian-security) || true
security=${security:-$archive-security}
key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'

leave_out() { echo "skipped: the scenarios on Debian's kernels, because $1" >&2; exit 3; }
# Only asked where something has to be fetched.
need_archive() { [ -n "$archive" ] || leave_out "the sources of apt name no archive of Debian"; }

# Package lists of our own: the machine's stay as they are, and kernels of other releases are found.
apt=$images/apt
mkdir -p "$apt"/{lists/partial,cache/archives/partial}
options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache")
update() {
  for suite in bookworm bookworm-backports trixie trixie-backports; do echo "deb $key $archive $suite main"; done >"$apt/sources.list"
  for suite in bookworm trixie; do echo "deb $key $security $suite-security main"; done >>"$apt/sources.list"
  apt-get "${options[@]}" -qq -o APT::Update::Error-Mode=any update
}

make_root() {
  rm -f "$work/root.tar"
  mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$work/root.tar" "deb $key $archive bookworm main" \
    "deb $key $security bookworm-security main" </dev/null
}
if [ ! -f "$root_image" ]; then
  need_archive
  again make_root || {
    again update || leave_out "$archive cannot be reached"
    echo "The root file system cannot be made." >&2
    exit 1
  }
  mkdir "$work/root"
  tar -C "$work/root" -xf "$work/root.tar"
  mkdir -p "$work/root/job" "$work/root/lib/modules"
  # What process 1 does comes with each job, so the image need not be made again when it changes.
  printf '%s\n' '#!/bin/bash' 'mount -t devtmpfs dev /dev' 'mount /dev/vdc /job' 'exec bash /job/guest/init' >"$work/root/init"
  chmod 755 "$work/root/init"
  rm -rf "$work/root/var/cache/apt" "$work/root/var/lib/apt/lists"
  truncate -s 2500M "$work/root.img"
  mke2fs -q -F -t ext4 -d "$work/root" "$work/root.img"
  # A new image takes away those of older lists that were made a week ago or more.
  find . -maxdepth 1 -name 'root*.img' -mtime +7 -delete
  mv "$work/root.img" "$root_image"
  rm -rf "$work/root" "$work/root.tar"
fi

# newest SERIES SUFFIX prints the name of the newest kernel package of a series.
newest() {
  apt-cache "${options[@]}" search --names-only "^linux-image-${1//./\\.}[.-][^-]*(-[0-9]+)?$2\$" | cut -d' ' -f1 | sort -V | tail -n 1
}

# fetch KERNEL FOLDER downloads its packages. Lists that name a version which is no longer in the archive are read anew.
fetch() {
  local image package
  reached=
  update || return 1
  reached=yes
  case $1 in
    *-full) image=$(newest "${1%-full}" -amd64) ;;
    *) image=$(newest "$1" -cloud-amd64) ;;
  esac
  [ -n "$image" ] || leave_out "$archive has no kernel of series $1 (any more)"
  version=${image#linux-image-}
  rm -rf "$2"
  mkdir -p "$2"
  # From 7.2 on kernel and modules are packages of their own.
  for package in "$image" "linux-binary-$version" "linux-modules-$version" busybox-static; do
    apt-cache "${options[@]}" show "$package" >/dev/null 2>&1 || continue
    (cd "$2" && apt-get "${options[@]}" -qq download "$package") || return 1
  done
}

for kernel; do
  [ ! -f "$kernel/initrd" ] || continue
  need_archive
  k=$work/$kernel
  mkdir -p "$k"/{root,m/lib/modules,i/bin,i/dev,i/proc,i/sys,i/m,i/root} "$kernel"
  version=
  again fetch "$kernel" "$k/debs" || {
    [ -n "$reached" ] || leave_out "$archive cannot be reached"
    echo "The kernel of series $kernel cannot be fetched from $archive." >&2
    exit 1
  }
  for deb in "$k"/debs/*.deb; do dpkg -x "$deb" "$k/root"; done
  cp "$(find "$k/root" -name 'vmlinuz*' -type f)" "$kernel/vmlinuz"
  find "$k/root" \( -name "config-$version" -o -path "*/$version/config" \) -exec cp {} "$kernel/config" \;
  cp -a "$(find "$k/root" -path "*/lib/modules/$version" -prune)" "$k/m/lib/modules/"
  # No graphics and no sound: most of a usual kernel's modules.
  rm -rf "$k/m/lib/modules/$version"/{vmlinuz,kernel/drivers/gpu,kernel/drivers/media,kernel/drivers/net/wireless,kernel/sound}
  find "$k/m" -name '*.ko.xz' -exec unxz {} +
  depmod -b "$k/m" "$version"

  # The initrd has what is needed to find the disks, and no more.
  cp "$(find "$k/root" -name busybox -type f -perm -100)" "$k/i/bin/busybox"
  {
    echo '#!/bin/busybox sh'
    echo '/bin/busybox mount -t devtmpfs dev /dev'
    for module in virtio_pci virtio_blk ext4 crc32c_generic; do
      modprobe -d "$k/m" -S "$version" --show-depends $module 2>/dev/null | sed -n 's/^insmod //p' || true
    done | awk '!seen[$1]++ { print $1 }' | while read -r file; do
      cp "$file" "$k/i/m/"
      echo "/bin/busybox insmod /m/${file##*/}"
    done
    echo 'for try in 1 2 3 4 5 6 7 8 9; do [ -b /dev/vdc ] && break; /bin/busybox sleep 1; done'
    echo '/bin/busybox mount -t ext4 /dev/vda /root'
    echo 'exec /bin/busybox switch_root /root /init'
  } >"$k/i/init"
  chmod 755 "$k/i/init"
  truncate -s $(($(du -sm "$k/m" | cut -f1) * 5 / 4 + 32))M "$kernel/modules.img"
  mke2fs -q -F -t ext4 -d "$k/m/lib/modules" "$kernel/modules.img"
  # That of the package: the name of the series' first one has no third number.
  dpkg-deb -f "$(find "$k/debs" -name 'linux-*.deb' | head -n 1)" Version >"$kernel/version"
  (cd "$k/i" && find . | cpio -o -H newc --quiet | gzip -1) >"$k/initrd"
  mv "$k/initrd" "$kernel/initrd"
  rm -rf "$k"
  echo "$kernel: $version, $(cat "$kernel/version")"
done
