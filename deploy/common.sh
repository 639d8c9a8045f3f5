# Shared by quickstart.sh, it-tests/run.sh and it-tests/bench.sh; sourced by bash, does nothing by
# itself.

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

need_root() {
  [ "$(id -u)" = 0 ] || die "This makes network namespaces and so needs root: sudo $0 $*"
}

# A command of that name, or with python/ before it a module of Debian's Python, or with / a file that fits.
is_there() {
  case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    python/*) /usr/bin/python3 -c "import ${1#python/}" 2>/dev/null ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

# install_missing COMMAND:PACKAGE ... installs the packages whose command is not there.
install_missing() {
  local pair packages=()
  for pair in "$@"; do
    is_there "${pair%%:*}" || packages+=("${pair#*:}")
  done
  [ ${#packages[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null 2>&1 ||
    die "Missing: ${packages[*]}. Install them; there is no apt-get here to do it."
  say "Installing: ${packages[*]}"
  # A freshly installed server must not start to serve this machine, nor push out another one
  # that does (the packages conflict): hence --no-remove below.
  local policy=/usr/sbin/policy-rc.d ours=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && ours=yes
  fi
  local failed=
  { apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "${packages[@]}"; } \
    >/dev/null </dev/null || failed=yes
  [ -z "$ours" ] || rm -f "$policy"
  [ -z "$failed" ] || die "apt-get could not install: ${packages[*]}"
  case " ${packages[*]} " in
    *' vsftpd '*)
      [ ! -d /run/systemd/system ] || systemctl disable --quiet vsftpd.service || true ;;
  esac
  case " ${packages[*]} " in
    *' kamailio '*)
      [ ! -d /run/systemd/system ] || systemctl disable --quiet kamailio.service || true ;;
  esac
  case " ${packages[*]} " in
    *' prometheus '*)
      [ ! -d /run/systemd/system ] || systemctl disable --quiet prometheus.service || true ;;
  esac
  case " ${packages[*]} " in
    *' docker.io '*)
      [ ! -d /run/systemd/system ] ||
        systemctl disable --quiet docker.service docker.socket containerd.service || true ;;
  esac
  # They would write this machine's firewall at its next boot.
  local program
  for program in firewalld shorewall6 ufw; do
    case " ${packages[*]} " in
      *" $program "*)
        [ ! -d /run/systemd/system ] || systemctl disable --quiet "$program.service" || true ;;
    esac
  done
  case " ${packages[*]} " in
    *' samba '*)
      [ ! -d /run/systemd/system ] ||
        systemctl disable --quiet smbd.service nmbd.service samba-ad-dc.service || true ;;
  esac
}

# A javac of 17 or later and a Maven, installed if missing.
install_build_tools() {
  local version
  version=$(javac -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p')
  if [ "${version:-0}" -lt 17 ]; then
    install_missing "javac-17-is-missing:openjdk-17-jdk-headless"
  fi
  install_missing mvn:maven
}

# build_agent ROOT [packages] makes agent/target/pinholed, and packages/target, unless they are newer than all sources.
build_agent() {
  local root=$1 module=${2-agent} dist=$1/agent/target/pinholed
  if [ -x "$dist/bin/pinholed" ] && { [ "$module" = agent ] || compgen -G "$root/packages/target/*.deb" >/dev/null; } &&
    [ -z "$(find "$root"/pom.xml "$root"/{native-bindings,helpers,agent}/{pom.xml,src/main} \
      -newer "$dist/bin/pinholed" -print -quit)" ]; then
    return 0
  fi
  say "Building the agent (about a minute the first time)"
  (cd "$root" && mvn -q -B -DskipTests -pl "$module" -am package </dev/null) ||
    die "The build failed."
  touch "$dist/bin/pinholed"
}

# lab_up CLIENT ROUTER SERVER makes three network namespaces of these names:
#   client c0 198.51.100.2 -- r0 .1 router .1 r1 -- 203.0.113.2 s0 server
#             2001:db8:1::2      ::1         ::1      2001:db8:2::2
lab_up() {
  local client=$1 router=$2 server=$3 name
  for name in "$client" "$router" "$server"; do
    ip netns add "$name"
    ip netns exec "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 \
      net.ipv6.conf.default.accept_dad=0
    ip -n "$name" link set lo up
  done
  lab_join "$client" c0 "$router" r0 198.51.100 2001:db8:1:
  lab_join "$server" s0 "$router" r1 203.0.113 2001:db8:2:
  ip netns exec "$router" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

lab_join() {
  local host=$1 device=$2 router=$3 far=$4 net4=$5 net6=$6
  ip link add "$device" netns "$host" type veth peer name "$far" netns "$router"
  ip -n "$router" addr add "$net4.1/24" dev "$far"
  ip -n "$router" addr add "$net6:1/64" dev "$far" nodad
  ip -n "$router" link set "$far" up
  ip -n "$host" addr add "$net4.2/24" dev "$device"
  ip -n "$host" addr add "$net6:2/64" dev "$device" nodad
  ip -n "$host" link set "$device" up
  ip -n "$host" route add default via "$net4.1"
  ip -n "$host" -6 route add default via "$net6:1"
}

# lab_down NAME... deletes namespaces; what is not there is no error.
lab_down() {
  local name
  for name in "$@"; do
    ip netns del "$name" 2>/dev/null || true
  done
}

# await SECONDS COMMAND... repeats a command until it succeeds or the time is over.
await() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.05
  done
}

# serve_vsftpd NAMESPACE FOLDER serves FOLDER/served to anonymous users; the process id is in
# FOLDER/vsftpd.pid. Waits until it listens.
serve_vsftpd() {
  local namespace=$1 folder=$2
  mkdir -p "$folder/served/upload" "$folder/empty"
  chmod 755 "$folder" "$folder/served"
  chmod 777 "$folder/served/upload"
  cat >"$folder/vsftpd.conf" <<EOF
listen=NO
listen_ipv6=YES
background=NO
anonymous_enable=YES
local_enable=NO
write_enable=YES
anon_upload_enable=YES
anon_umask=022
anon_root=$folder/served
secure_chroot_dir=$folder/empty
connect_from_port_20=NO
xferlog_enable=NO
seccomp_sandbox=NO
pasv_min_port=40000
pasv_max_port=49999
EOF
  ip netns exec "$namespace" vsftpd "$folder/vsftpd.conf" </dev/null >"$folder/vsftpd.log" 2>&1 &
  echo $! >"$folder/vsftpd.pid"
  await 10 ip netns exec "$namespace" bash -c 'exec 3<>/dev/tcp/203.0.113.2/21' ||
    die "vsftpd does not start: $(cat "$folder/vsftpd.log")"
}
