#!/bin/bash
# A systemd of its own, with one service: systemd.sh CGROUP DISTRIBUTION SERVICE CONFIG OVERRIDES. Runs in the network
# namespace of its caller, in new namespaces of processes, mounts, host name and control groups. It sees copies of /etc and
# /opt, and an empty /run and /var/log: nothing of the machine is changed. Writes the service's output to /run/agent.log.
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
distribution=$2 service=$3 config=$4 overrides=$5

mount --make-rprivate /
umount /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=755 none /var/log
mkdir -p /run/lock /run/etc /run/systemd/system
cp -a /etc/. /run/etc
mount --bind /run/etc /etc
mount -t tmpfs -o mode=755 none /opt
mkdir /opt/pinholed /etc/pinholed
cp -a "$distribution/." /opt/pinholed
chown -R root: /opt/pinholed
install -m 644 "$config" /etc/pinholed/pinholed.yaml
install -m 644 "$service" /etc/systemd/system/pinholed.service
install -m 644 -D "$overrides" /etc/systemd/system/pinholed.service.d/lab.conf
# /tmp is the machine's own, and systemd would clear it as at a boot.
ln -s /dev/null /etc/systemd/system/systemd-tmpfiles-setup.service
# Nothing of the machine's own targets is wanted here.
printf '[Unit]\nDefaultDependencies=no\n' >/run/systemd/system/lab.target

exec env -i container=lab PATH="$PATH" ${JAVA_HOME:+JAVA_HOME="$JAVA_HOME"} /lib/systemd/systemd --system \
  --unit=lab.target --log-target=console --log-level=info --show-status=no
