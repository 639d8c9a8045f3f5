#!/bin/bash
# Everything: the build with its checks, the unit tests, and the scenarios with real FTP, SIP and DCE-RPC peers in network namespaces,
# some of them also in containers, and on the oldest and the newest supported kernel. Needs root (Debian or Ubuntu); installs what is
# missing. Ends with a summary.
set -uo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$root/deploy/common.sh"

usage() {
  cat <<EOF
usage: it-tests/run.sh [--scenario NAMES [--in-containers]] [MAVEN-ARGUMENT ...]
  --scenario NAMES  only these scenarios, as in OneShotPinholeIT,KillIT
  --in-containers   these also in containers, as far as they run there
  MAVEN-ARGUMENT    goes to Maven as it is, as in -o
EOF
}
scenarios_only='' in_containers=yes
case ${1-} in
  -h | --help) usage; exit 0 ;;
  --scenario)
    [ $# -ge 2 ] || { usage >&2; exit 2; }
    scenarios_only=$2 in_containers=
    shift 2 ;;
esac
case ${1-} in
  --in-containers)
    in_containers=yes
    shift ;;
esac
need_root "$@"

begin=$SECONDS
install_build_tools
install_missing ip:iproute2 sysctl:procps nft:nftables iptables:iptables conntrack:conntrack \
  tcpdump:tcpdump wg:wireguard-tools curl:curl wget:wget lftp:lftp tnftp:tnftp vsftpd:vsftpd openssl:openssl \
  systemctl:systemd nsenter:util-linux python3:python3 python/pyftpdlib:python3-pyftpdlib jq:jq socat:socat modprobe:kmod \
  man:man-db col:bsdextrautils adduser:adduser logrotate:logrotate sipp:sip-tester baresip:baresip-core kamailio:kamailio \
  prometheus:prometheus promtool:prometheus zsh:zsh fish:fish samba:samba rpcclient:smbclient smbtorture:samba-testsuite python/impacket:python3-impacket \
  /usr/share/samba/setup:samba-ad-provision '/usr/lib/*/samba/ldb/samldb.so:samba-dsdb-modules' \
  '/usr/lib/*/samba/vfs/dfs_samba4.so:samba-vfs-modules'
# What writes firewalls; these packages push each other out on some machines, and the scenarios do with what is there.
for pair in dbus-daemon:dbus firewalld:firewalld shorewall6:shorewall6 ufw:ufw; do
  (install_missing "$pair")
done
cd "$root" || exit 1

# Reports of an older run must not be counted as this one's.
stamp=$(mktemp)

# The laboratory in containers has an engine, and hosts that are made while the agent is built and tested.
engine=/var/lib/pinholed-lab-engine
engine_log=$(mktemp) hosts_log=$(mktemp) kernels_log=$(mktemp)
hosts_pid='' kernels_pid='' skipped='' kernels_skipped=''
leave() {
  [ -z "$hosts_pid" ] || kill "$hosts_pid" 2>/dev/null
  [ -z "$kernels_pid" ] || kill "$kernels_pid" 2>/dev/null
  [ -z "$in_containers" ] || it-tests/containers/engine.sh stop "$engine"
  rm -f "$stamp" "$engine_log" "$hosts_log" "$kernels_log"
}
trap leave EXIT
if [ -n "$in_containers" ]; then
  if DOCKER_HOST=$(it-tests/containers/engine.sh start "$engine" 2>"$engine_log"); then
    export DOCKER_HOST
    docker compose version >/dev/null 2>&1 || install_missing docker-compose:docker-compose mmdebstrap:mmdebstrap
    nice -n 10 it-tests/containers/images.sh hosts </dev/null >"$hosts_log" 2>&1 &
    hosts_pid=$!
  else
    unset DOCKER_HOST
    skipped=$(cat "$engine_log")
  fi
fi

# So have the guests that run other kernels.
if [ -z "$scenarios_only" ]; then
  nice -n 10 it-tests/kernels.sh --short --images </dev/null >"$kernels_log" 2>&1 &
  kernels_pid=$!
fi

# The agent is built and tested first; its scenarios never run against one of an earlier build.
if [ -n "$scenarios_only" ]; then
  build_agent "$root" packages
  result=0
else
  rm -rf agent/target/pinholed
  mvn -B -ntp -Pit --fail-at-end -pl '!it-tests' verify "$@" </dev/null
  result=$?
fi
if [ -x agent/target/pinholed/bin/pinholed ]; then
  profiles=it
  if [ -n "$hosts_pid" ]; then
    if wait "$hosts_pid" && it-tests/containers/images.sh product; then
      profiles=it,containers
    else
      cat "$hosts_log"
      say "The images were not made: no scenario runs in containers."
      result=1
    fi
    hosts_pid=''
  fi
  # The agents of the scenarios hear SIGHUP, also where who started this does not (nohup).
  env --default-signal=HUP mvn -B -ntp "-P$profiles" -pl it-tests verify ${scenarios_only:+"-Dit.test=$scenarios_only"} "$@" \
    </dev/null || result=1
else
  say "The agent was not built: its scenarios are not run."
fi

if [ -n "$kernels_pid" ]; then
  if wait "$kernels_pid" && [ -x agent/target/pinholed/bin/pinholed ]; then
    it-tests/kernels.sh --short </dev/null || result=1
  elif [ $? = 3 ]; then
    kernels_skipped=$(tail -n 1 "$kernels_log")
  else
    cat "$kernels_log"
    say "The images of other kernels were not made: no scenario runs on them."
    result=1
  fi
  kernels_pid=''
fi

reports=$(find . -path '*/target/*-reports/TEST-*.xml' -newer "$stamp" | sort)
total=0 bad=0 scenarios=0
printf '\n%-66s %6s %6s %8s\n' 'test class' tests failed seconds
for report in $reports; do
  name=${report##*/TEST-}
  # Counted, not read from the head: the head leaves nested classes out.
  tests=$(grep -c '<testcase ' "$report")
  failed=$(grep -cE '<(failure|error)[ >]' "$report")
  time=$(sed -n 's/.*<testsuite .* time="\([0-9.,]*\)".*/\1/p' "$report" | head -n 1)
  printf '%-66s %6s %6s %8s\n' "${name%.xml}" "$tests" "$failed" "$time"
  total=$((total + tests)) bad=$((bad + failed))
  case $report in ./it-tests/*) scenarios=$((scenarios + tests)) ;; esac
done
# those_with ELEMENTS: the tests whose report has one of these elements, each with why it was skipped: by an annotation
# (an attribute) or by an assumption that failed (an exception, whose text may begin on the line below).
those_with() {
  # shellcheck disable=SC2086
  awk -v wanted="<($1)[ />]" '
    function tell(why) { print "  " class " " test (why == "" ? "" : ": " why); open = 0 }
    /<testcase / { match($0, /name="[^"]*"/); test = substr($0, RSTART + 6, RLENGTH - 7);
                   match($0, /classname="[^"]*"/); class = substr($0, RSTART + 11, RLENGTH - 12) }
    $0 ~ wanted  { open = 1
                   if (!/<skipped/) tell("")
                   else if (match($0, /message="[^"]*/)) {
                     why = substr($0, RSTART + 9, RLENGTH - 9)
                     gsub(/&gt;/, ">", why); gsub(/&lt;/, "<", why); gsub(/&quot;/, "\"", why); gsub(/&amp;/, "\\&", why)
                     tell(why) } }
    open && match($0, /Assumption failed: /) { why = substr($0, RSTART + RLENGTH); sub(/\]\]>.*/, "", why); tell(why) }
    open && /<\/skipped>|<\/testcase>/       { tell("no reason given") }' $reports
}
left_out=$([ -z "$reports" ] || those_with skipped)
if [ $bad -gt 0 ]; then
  printf '\nfailed:\n'
  those_with 'failure|error'
fi
[ -z "$left_out" ] || printf '\nskipped, each with its reason:\n%s\n' "$left_out"
if [ $result = 0 ] && [ $scenarios = 0 ]; then
  say "No scenario ran: that is a failure, too."
  result=1
fi
[ -z "$skipped" ] || printf '\nskipped: the scenarios in containers, because %s\n' "$skipped"
[ -z "$kernels_skipped" ] || printf '\n%s\n' "$kernels_skipped"
printf '\n%d tests (%d of them scenarios with real peers), %d failed, %d:%02d min: ' \
  $total $scenarios $bad $(((SECONDS - begin) / 60)) $(((SECONDS - begin) % 60))
if [ $result = 0 ]; then say PASSED; else say FAILED; fi
exit $result
