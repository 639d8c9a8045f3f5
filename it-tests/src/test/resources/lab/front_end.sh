#!/bin/bash
# front_end.sh NAME FOLDER COMMAND [ARGUMENT ...] runs a command of a program that writes the firewall: firewalld, shorewall or
# ufw. It finds its configuration in FOLDER, where the first call writes it, and an empty /run and /var/log: nothing of the
# machine is changed. Each lets control connections of FTP through, from the device r0 to r1, and nothing else.
set -eu
if [ "${mounts-}" != own ]; then
  mounts=own exec unshare --mount bash "$0" "$@"
fi
unset mounts
name=$1 folder=$2
shift 2
case $name in
  firewalld) places='/etc/firewalld' ;;
  shorewall) places='/etc/shorewall /etc/shorewall6 /var/lib/shorewall /var/lib/shorewall6' ;;
  ufw) places='/etc/ufw' ;;
esac

write_firewalld() {
  mkdir -p "$folder"/etc/firewalld/{zones,services,policies,helpers,icmptypes,ipsets}
  printf '%s\n' DefaultZone=public FirewallBackend=nftables >"$folder/etc/firewalld/firewalld.conf"
  cat >"$folder/etc/firewalld/policies/control.xml" <<END
<policy target="CONTINUE">
  <ingress-zone name="ANY"/>
  <egress-zone name="ANY"/>
  <port port="21" protocol="tcp"/>
</policy>
END
  cat >"$folder/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=$folder/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
END
}

write_shorewall() {
  local version etc
  for version in 4 6; do
    etc=$folder/etc/shorewall${version#4}
    mkdir -p "$etc" "$folder/var/lib/shorewall${version#4}"
    sed 's/^STARTUP_ENABLED=.*/STARTUP_ENABLED=Yes/' \
      "/usr/share/shorewall${version#4}/configfiles/shorewall${version#4}.conf" >"$etc/shorewall${version#4}.conf"
    printf '%s\n' 'fw firewall' "loc ipv$version" "net ipv$version" >"$etc/zones"
    printf '%s\n' '?FORMAT 2' 'loc r0' 'net r1' >"$etc/interfaces"
    printf '%s\n' 'all all REJECT' >"$etc/policy"
    printf '%s\n' '?SECTION NEW' 'ACCEPT loc net tcp 21' >"$etc/rules"
  done
}

write_ufw() {
  mkdir -p "$folder/etc/ufw/applications.d"
  cp /usr/share/ufw/*.rules /usr/share/ufw/*.init /usr/share/ufw/ufw.conf "$folder/etc/ufw"
  : >"$folder/etc/ufw/sysctl.conf"
}

# Of two calls at once the second finds all of it.
exec 9>"$folder.lock"
flock 9
if [ ! -d "$folder/etc" ]; then
  "write_$name"
fi
exec 9>&-
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=755 none /var/log
mkdir /run/lock
for place in $places; do
  mount --bind "$folder$place" "$place"
done
if [ "$name" = firewalld ]; then
  export DBUS_SYSTEM_BUS_ADDRESS="unix:path=$folder/bus"
  if [ "$1" = firewalld ]; then
    dbus-daemon --config-file="$folder/bus.conf" --nofork --nopidfile --nosyslog &
    until [ -S "$folder/bus" ]; do kill -0 $!; read -rt 0.05 <> <(:) || :; done
  fi
fi
exec "$@"
