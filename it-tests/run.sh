#!/bin/bash
# Everything: the build with its checks, the unit tests, and the scenarios with real FTP, SIP and DCE-RPC peers in
# network namespaces. Needs root (Debian or Ubuntu); installs what is missing. Ends with a summary.
set -uo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$root/deploy/common.sh"

usage() {
  cat <<EOF
usage: it-tests/run.sh [--scenario NAMES] [MAVEN-ARGUMENT ...]
  --scenario NAMES  only these scenarios, as in OneShotPinholeIT,KillIT
  MAVEN-ARGUMENT    goes to Maven as it is, as in -o
EOF
}
scenarios_only=
case ${1-} in
  -h | --help) usage; exit 0 ;;
  --scenario)
    [ $# -ge 2 ] || { usage >&2; exit 2; }
    scenarios_only=$2
    shift 2 ;;
esac
need_root "$@"

begin=$SECONDS
install_build_tools
install_missing ip:iproute2 sysctl:procps nft:nftables iptables:iptables conntrack:conntrack \
  tcpdump:tcpdump curl:curl wget:wget lftp:lftp tnftp:tnftp vsftpd:vsftpd openssl:openssl \
  systemctl:systemd nsenter:util-linux python3:python3 python/pyftpdlib:python3-pyftpdlib jq:jq socat:socat modprobe:kmod \
  sipp:sip-tester baresip:baresip-core kamailio:kamailio \
  prometheus:prometheus promtool:prometheus samba:samba rpcclient:smbclient smbtorture:samba-testsuite python/impacket:python3-impacket \
  /usr/share/samba/setup:samba-ad-provision '/usr/lib/*/samba/ldb/samldb.so:samba-dsdb-modules' \
  '/usr/lib/*/samba/vfs/dfs_samba4.so:samba-vfs-modules'
cd "$root" || exit 1

# Reports of an older run must not be counted as this one's.
stamp=$(mktemp)
trap 'rm -f "$stamp"' EXIT
# The agent is built and tested first; its scenarios never run against one of an earlier build.
if [ -n "$scenarios_only" ]; then
  build_agent "$root"
  result=0
else
  rm -rf agent/target/pinholed
  mvn -B -ntp -Pit --fail-at-end -pl '!it-tests' verify "$@" </dev/null
  result=$?
fi
if [ -x agent/target/pinholed/bin/pinholed ]; then
  # The agents of the scenarios hear SIGHUP, also where who started this does not (nohup).
  env --default-signal=HUP mvn -B -ntp -Pit -pl it-tests verify ${scenarios_only:+"-Dit.test=$scenarios_only"} "$@" \
    </dev/null || result=1
else
  say "The agent was not built: its scenarios are not run."
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
if [ $bad -gt 0 ]; then
  printf '\nfailed:\n'
  # shellcheck disable=SC2086
  awk '/<testcase / { match($0, /name="[^"]*"/); test = substr($0, RSTART + 6, RLENGTH - 7);
                      match($0, /classname="[^"]*"/); class = substr($0, RSTART + 11, RLENGTH - 12) }
       /<(failure|error)[ >]/ { print "  " class " " test }' $reports
fi
if [ $result = 0 ] && [ $scenarios = 0 ]; then
  say "No scenario ran: that is a failure, too."
  result=1
fi
printf '\n%d tests (%d of them scenarios with real peers), %d failed, %d:%02d min: ' \
  $total $scenarios $bad $(((SECONDS - begin) / 60)) $(((SECONDS - begin) % 60))
if [ $result = 0 ]; then say PASSED; else say FAILED; fi
exit $result
