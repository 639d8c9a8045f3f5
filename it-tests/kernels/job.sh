#!/bin/bash
# Makes the folder that the guest has as /job: the distribution, the test classes of all modules with what they need, the sources
# that scenarios read, and archives of classes, which save an emulated processor 10 s at each start of a virtual machine.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
project=$here/../..
modules='it-tests agent native-bindings'

usage() {
  cat <<EOS
usage: job.sh FOLDER
  FOLDER  is made anew
Needs root, the root image (build.sh), and a build with the profile "it" (mvn -Pit -DskipTests package).
EOS
}
[ $# = 1 ] || { usage >&2; exit 2; }
case $1 in -h | --help) usage; exit 0 ;; esac
job=$1
for module in $modules; do
  [ -f "$project/$module/target/test-classpath" ] ||
    { echo "There is no $module/target/test-classpath: mvn -Pit -DskipTests package" >&2; exit 1; }
done
rm -rf "$job"
mkdir -p "$job"/{lib,out,tests,source}
cp -aL "$project/agent/target/pinholed" "$job/dist"
cp -a "$here/guest" "$job/guest"
tar -C "$project" --exclude=target --exclude=./.git -cf - . | tar -C "$job/source" -xf -
mkdir -p "$job/source/agent/target"
ln -s /job/dist "$job/source/agent/target/pinholed"

# A class path is what all modules have in common, from where the archive of classes takes them, and then the module's own.
# Archives of classes need jars, so folders become some.
common=/job/lib/console.jar
cp "$project/it-tests/target/console/junit-platform-console-standalone.jar" "$job/lib/console.jar"
for module in $modules; do
  own=
  for entry in "$project/$module/target"/{test-classes,classes} $(tr ':' ' ' <"$project/$module/target/test-classpath"); do
    case $entry in
      *.jar) name=${entry##*/} ;;
      */test-classes) name=$(basename "${entry%/target/test-classes}")-tests.jar ;;
      *) name=$(basename "${entry%/target/classes}")-classes.jar ;;
    esac
    [ -e "$entry" ] || continue # it-tests has tests only
    case $name in junit-*) continue ;; esac # the console brings it
    if [ ! -f "$job/lib/$name" ]; then
      if [ -d "$entry" ]; then jar -c -f "$job/lib/$name" -C "$entry" .; else cp "$entry" "$job/lib/$name"; fi
    fi
    case $entry in
      */target/*) own+=:/job/lib/$name ;;
      *) case :$common: in *:/job/lib/$name:*) ;; *) common+=:/job/lib/$name ;; esac ;;
    esac
  done
  echo "$own" >"$job/lib/$module.own"
done
for module in $modules; do
  echo "$common$(cat "$job/lib/$module.own")" >"$job/lib/$module.classpath"
  # The tests themselves, as the options of the console name them.
  unzip -Z1 "$job/lib/$module-tests.jar" | sed -n 's,/,.,g; s,\.class$,,p' | grep -v '\$' >"$job/lib/$module.classes"
done

# Archives fit one path and one Java, so they are made where the guest will be.
work=$(mktemp -d)
leave() {
  umount "$work"/{dev,tmp,proc,job} "$work" 2>/dev/null || true
  rmdir "$work" || true
}
trap leave EXIT
mount -o loop,ro "$("$here/build.sh" --root-image)" "$work"
mount --bind "$job" "$work/job"
mount -t proc proc "$work/proc"
mount -t tmpfs tmp "$work/tmp"
mount --bind /dev "$work/dev"
chroot "$work" /job/dist/lib/make-archives || true
# What a run loads, found out by a run in small.
chroot "$work" /bin/bash /job/guest/junit.sh -XX:ArchiveClassesAtExit=/job/lib/junit.jsa it-tests /tmp/reports \
  -c org.pinholed.it.LabRulesTest >"$job/archives.log" 2>&1 || true
