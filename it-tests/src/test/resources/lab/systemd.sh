#!/bin/bash
# A systemd of its own, with one service: systemd.sh CGROUP OVERRIDES [DISTRIBUTION SERVICE CONFIG]. Runs in the network
# namespace of its caller, in new namespaces of processes, mounts, host name and control groups. It sees a copy of /etc, an
# empty /opt, /run and /var/log, and /usr and /var under a layer that takes what is written: nothing of the machine is changed.
# The layers of /etc, /usr and /var are in /run/written. Without a distribution nothing is installed. Writes the service's
# output to /run/agent.log.
set -eu
if [ "${mounts-}" != own ]; then
  mounts=own exec unshare --mount bash "$0" "$@"
fi
if [ $$ != 1 ]; then
  mount -t cgroup2 none /sys/fs/cgroup
  mkdir "/sys/fs/cgroup/$1"
  echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"
  exec unshare --cgroup --mount --pid --uts --fork --kill-child --mount-proc bash "$0" "$@"
fi
overrides=$2 distribution=${3-} service=${4-} config=${5-}

mount --make-rprivate /
umount /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/lock /run/etc /run/systemd/system
# A copy: what is only in the layer above it cannot be mistaken for the machine's own.
cp -a /etc/. /run/etc
for folder in etc usr var; do
  written=/run/written/$folder work=/run/work/$folder lower=/$folder
  [ $folder != etc ] || lower=/run/etc
  mkdir -p "$written" "$work"
  mount -t overlay none -o "lowerdir=$lower,upperdir=$written,workdir=$work" "/$folder"
done
mount -t tmpfs -o mode=755 none /var/log
mount -t tmpfs -o mode=755 none /opt
# It forbids packages to start what they bring.
rm -f /usr/sbin/policy-rc.d
if [ -n "$distribution" ]; then
  mkdir /opt/pinholed /etc/pinholed
  cp -a "$distribution/." /opt/pinholed
  chown -R root: /opt/pinholed
  install -m 644 "$config" /etc/pinholed/pinholed.yaml
  install -m 644 "$service" /etc/systemd/system/pinholed.service
fi
install -m 644 -D "$overrides" /etc/systemd/system/pinholed.service.d/lab.conf
# /tmp is the machine's own, and systemd would clear it as at a boot.
ln -s /dev/null /etc/systemd/system/systemd-tmpfiles-setup.service
# Nothing of the machine's own targets is wanted here.
printf '[Unit]\nDefaultDependencies=no\n' >/run/systemd/system/lab.target

exec env -i container=lab PATH="$PATH" ${JAVA_HOME:+JAVA_HOME="$JAVA_HOME"} /lib/systemd/systemd --system \
  --unit=lab.target --log-target=console --log-level=info --show-status=no
