#!/bin/sh
# Makes target/pinholed-VERSION-linux-ARCHITECTURE.tar.gz and target/pinholed_VERSION_ARCHITECTURE.deb of the agent's
# distribution: packages.sh PROJECT VERSION. Both bring a Java of their own, cut down to what the programs use, so that they
# need none on the machine. Where there is no dpkg-deb, only the tar.gz is made, and that is said.
set -eu
umask 022
project=$1
version=$2
here=$project/packages
target=$here/target
distribution=$project/agent/target/pinholed
java=${JAVA_HOME:?the Java to build with}
machine=$(uname -m)

fail() {
  echo "packages.sh: $1" >&2
  exit 1
}
[ -x "$distribution/bin/pinholed" ] || fail "no distribution in agent/target/pinholed"

# 1. One tree for both, as it is unpacked.
tree=$target/tree/pinholed
rm -rf "$target/tree" "$target/deb"
mkdir -p "$tree/lib/jni" "$tree/share/man/man8" "$tree/share/completions"
cp -r "$distribution/bin" "$distribution/etc" "$tree/"
cp "$distribution"/lib/*.jar "$distribution/lib/launch.sh" "$distribution/lib/make-archives" "$tree/lib/"
# libffi for this kind of machine alone.
[ -d "$distribution/lib/jni/$machine-Linux" ] || fail "no libffi for $machine in $distribution/lib/jni"
cp -r "$distribution/lib/jni/$machine-Linux" "$tree/lib/jni/"
cp "$project/LICENSE" "$project/NOTICE" "$tree/"
cp "$target/pinholed-bom.json" "$tree/share/bom.json"
for page in "$target"/man/*.8; do
  gzip -9 -n -c "$page" >"$tree/share/man/man8/${page##*/}.gz"
done

# jdeps tells the modules, but also two that libraries name for what is not used here (jackson-databind and micrometer:
# java.desktop, java.sql); with them the image were twice as large. PackageIT runs every command on what is left.
"$java/bin/jlink" --add-modules java.base,java.logging,java.management,jdk.httpserver,jdk.management,jdk.unsupported \
  --no-header-files --no-man-pages --dedup-legal-notices=error-if-not-same-content --output "$tree/runtime"
# For a start before make-archives was run, as in a container.
"$tree/runtime/bin/java" -Xshare:dump -XX:+UseSerialGC >/dev/null 2>&1 || fail "no archive of classes of the Java"
for shell in bash zsh fish; do
  "$tree/bin/pinholectl" completion $shell >"$tree/share/completions/pinholectl.$shell"
done
cp "$project/deploy/pinholed.service" "$tree/share/"
cp "$project/deploy/logrotate/pinholed" "$tree/share/pinholed.logrotate"
# Read by the agent's own user, whatever the umask of the copies was.
chmod -R u=rwX,go=rX "$tree"
chmod 755 "$tree"/bin/* "$tree/lib/make-archives"

tar --create --gzip --file "$target/pinholed-$version-linux-$machine.tar.gz" --directory "$target/tree" \
  --sort=name --owner=0 --group=0 --numeric-owner pinholed

# 2. The Debian package: the same tree where Debian wants it.
if ! command -v dpkg-deb >/dev/null 2>&1; then
  echo "packages.sh: no dpkg-deb here: the Debian package is not made" >&2
  exit 0
fi
root=$target/deb
home=$root/usr/lib/pinholed
share=$root/usr/share
mkdir -p "$home" "$root/DEBIAN" "$root/etc/pinholed" "$root/etc/logrotate.d" "$root/usr/sbin" "$root/usr/bin" "$root/lib/systemd/system" \
  "$share/doc/pinholed" "$share/man" "$share/bash-completion/completions" "$share/fish/vendor_completions.d"
cp -r "$tree/bin" "$tree/lib" "$tree/runtime" "$home/"
ln -s ../lib/pinholed/bin/pinholed "$root/usr/sbin/pinholed"
ln -s ../lib/pinholed/bin/pinholectl "$root/usr/bin/pinholectl"
cp -r "$tree/share/man/man8" "$share/man/"
cp "$tree/share/completions/pinholectl.bash" "$share/bash-completion/completions/pinholectl"
cp "$tree/share/completions/pinholectl.fish" "$share/fish/vendor_completions.d/"
# That of zsh is to be sourced: what zsh loads by itself has another form.
cp "$tree/share/completions/pinholectl.zsh" "$share/doc/pinholed/"
cp "$tree/NOTICE" "$tree/share/bom.json" "$share/doc/pinholed/"
cp "$tree/LICENSE" "$share/doc/pinholed/copyright"
gzip -9 -n -c "$project/CHANGELOG.md" >"$share/doc/pinholed/changelog.gz"
sed 's:/opt/pinholed/:/usr/lib/pinholed/:g' "$project/deploy/pinholed.service" >"$root/lib/systemd/system/pinholed.service"

cp "$project/deploy/logrotate/pinholed" "$root/etc/logrotate.d/pinholed"

# As the distribution has it, but with the group that the package makes, and so that an upgrade loses nothing.
conf=$root/etc/pinholed/pinholed.yaml
sed -e 's/^#control:$/control:/' -e 's/^#  group: adm$/  group: pinholed/' "$tree/etc/pinholed.yaml" >"$conf"
cat >>"$conf" <<EOF

# A stop leaves rules and pinholes in the kernel, so that a restart and an upgrade lose nothing.
fail:
  onStop: keep
EOF
grep -q '^  group: pinholed$' "$conf" || fail "etc/pinholed.yaml has no control.group to change"
"$tree/bin/pinholed" --config "$conf" --check-config >/dev/null

# What the Java and libffi are linked with, in the versions of this machine or later.
needs=$(find "$home/runtime" "$home/lib/jni" -type f \( -name '*.so' -o -path '*/bin/java' \) -exec ldd {} + |
  sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p' | sort -u | grep -v "^$home/" |
  while read -r library; do
    # A file is known by the path that its package installed it with, before or after the merge of /usr.
    real=$(readlink -f "$library")
    package=$(dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null) || fail "no package has $library"
    package=${package%%:*}
    full=$(dpkg-query -W -f '${Version}\n' "$package" | head -n 1)
    echo "$package (>= ${full%%[-+]*})"
  done | sort -u | paste -s -d , | sed 's/,/, /g')
[ -n "$needs" ] || fail "ldd names no library of the Java"

# 1.0-SNAPSHOT is older than 1.0 (deb-version(7)).
debian=$(echo "$version" | sed 's/-SNAPSHOT/~snapshot/')
architecture=$(dpkg --print-architecture)
cp "$here"/src/main/deb/p* "$root/DEBIAN/"
printf '%s\n' /etc/pinholed/pinholed.yaml /etc/logrotate.d/pinholed >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/control" <<EOF
Package: pinholed
Version: $debian
Architecture: $architecture
Maintainer: pinholed <root@localhost>
Section: net
Priority: optional
Installed-Size: $(du -sk --exclude DEBIAN "$root" | cut -f 1)
Depends: $needs, adduser, init-system-helpers, nftables
Recommends: conntrack, kmod
Suggests: prometheus, conntrackd
Description: session helpers for Linux firewalls, in user space
 Opens the data connections that FTP, SIP and DCE-RPC announce inside their
 control channels, each exactly and for as long as it is needed, beside the
 firewall that is there. Packets are diverted by NFQUEUE and read strictly;
 every pinhole is tied to its parent flow and can be explained.
 .
 Brings a Java runtime of its own.
EOF
chmod -R u=rwX,go=rX "$root"
chmod 755 "$root"/DEBIAN/p*
(cd "$root" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
chmod 644 "$root/DEBIAN/md5sums"
dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$target/pinholed_${debian}_$architecture.deb" >/dev/null
