#!/bin/bash
# Makes the images that run.sh boots, each once: root.img (Debian 12 with Java 17 and the FTP peers), and for each kernel
# KERNEL/{vmlinuz,initrd,modules.img,config,version} from Debian's archive.
set -euo pipefail
images=${IMAGES:-/var/tmp/pinholed-kernels}

usage() {
  cat <<EOS
usage: build.sh KERNEL ...
  KERNEL  a series, as in 6.1, 6.12 or 7.3: Debian's newest kernel for virtual machines of that series;
          with -full behind it Debian's usual kernel, which has more devices (PPP) and takes longer
Needs root, and the packages qemu-system-x86 mmdebstrap e2fsprogs cpio kmod. IMAGES names another folder than $images.
EOS
}
[ $# -gt 0 ] || { usage >&2; exit 2; }
case $1 in -h | --help) usage; exit 0 ;; esac
mkdir -p "$images"
cd "$images"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

packages=openjdk-17-jre-headless,nftables,iptables,iproute2,conntrack,iputils-ping,kmod,python3,procps,curl,lftp,vsftpd,tcpdump,util-linux,wireguard-tools,ppp
if [ ! -f root.img ]; then
  mmdebstrap --variant=minbase --include=$packages bookworm "$work/root.tar"
  mkdir "$work/root"
  tar -C "$work/root" -xf "$work/root.tar"
  mkdir -p "$work/root/job" "$work/root/lib/modules"
  # What process 1 does comes with each job, so the image need not be made again when it changes.
  printf '%s\n' '#!/bin/bash' 'mount -t devtmpfs dev /dev' 'mount /dev/vdc /job' 'exec bash /job/guest/init' >"$work/root/init"
  chmod 755 "$work/root/init"
  truncate -s 1800M root.tmp
  mke2fs -q -F -t ext4 -d "$work/root" root.tmp
  mv root.tmp root.img
  rm -rf "$work/root" "$work/root.tar"
fi

# Package lists of our own: the machine's stay as they are, and kernels of other releases are found.
apt=$images/apt
mkdir -p "$apt"/{lists/partial,cache/archives/partial}
options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache")
if [ ! -f "$apt/sources.list" ]; then
  archive=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
    sed -n 's,^URIs: *\(https*://[^ ]*/debian\)/*$,\1,p; s,^deb .*\(https*://[^ ]*/debian\)/* .*,\1,p' | sed -n 1p) || true
  : "${archive:?no Debian archive in the sources of apt}"
  key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  for suite in bookworm bookworm-backports trixie trixie-backports; do echo "deb $key $archive $suite main"; done >"$work/sources.list"
  for suite in bookworm trixie; do echo "deb $key $archive-security $suite-security main"; done >>"$work/sources.list"
  apt-get -o "Dir::Etc::sourcelist=$work/sources.list" "${options[@]:2}" -qq update
  mv "$work/sources.list" "$apt/sources.list"
fi

# newest SERIES SUFFIX prints the name of the newest kernel package of a series.
newest() {
  apt-cache "${options[@]}" search --names-only "^linux-image-${1//./\\.}[.-][^-]*(-[0-9]+)?$2\$" | cut -d' ' -f1 | sort -V | tail -n 1
}

for kernel; do
  [ ! -f "$kernel/initrd" ] || continue
  case $kernel in
    *-full) image=$(newest "${kernel%-full}" -amd64) ;;
    *) image=$(newest "$kernel" -cloud-amd64) ;;
  esac
  [ -n "$image" ] || { echo "The archive has no kernel of series $kernel." >&2; exit 1; }
  version=${image#linux-image-}
  k=$work/$kernel
  mkdir -p "$k"/{debs,root,m/lib/modules,i/bin,i/dev,i/proc,i/sys,i/m,i/root} "$kernel"
  # From 7.2 on kernel and modules are packages of their own.
  for package in "$image" "linux-binary-$version" "linux-modules-$version" busybox-static; do
    (cd "$k/debs" && apt-get "${options[@]}" -qq download "$package" 2>/dev/null) || true
  done
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
  echo "$version" >"$kernel/version"
  (cd "$k/i" && find . | cpio -o -H newc --quiet | gzip -1) >"$k/initrd"
  mv "$k/initrd" "$kernel/initrd"
  rm -rf "$k"
  echo "$kernel: $version"
done
