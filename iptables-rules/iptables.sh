#!/bin/sh
# The one rule that a default-drop iptables and ip6tables firewall needs for pinholed: accept what
# carries the mark of a pinhole's child. Exit codes: 0 done (check: the rule is there, in both),
# 1 refused or not there, 2 usage.
set -u

chain=FORWARD mark=0x40000000 tools='iptables ip6tables'

usage() {
  cat <<EOF
usage: iptables.sh [options] apply|check|remove
  --chain C     chain of the table filter: FORWARD, INPUT, OUTPUT or one of yours (default: $chain)
  --mark M      the agent's child bit, marks.child of its configuration (default: $mark)
  --ipv4-only   iptables only
  --ipv6-only   ip6tables only
apply puts the rule at the head of the chain unless it is there; remove takes it out, once or not.
EOF
}

while [ $# -gt 0 ]; do
  case $1 in
    --chain | --mark)
      [ $# -ge 2 ] || { usage >&2; exit 2; }
      case $2 in
        '' | *[!A-Za-z0-9_.-]*) echo "$1: '$2' (expected: letters, digits, _ . -)" >&2; exit 2 ;;
      esac
      case $1 in
        --chain) chain=$2 ;;
        --mark) mark=$2 ;;
      esac
      shift 2 ;;
    --ipv4-only) tools=iptables; shift ;;
    --ipv6-only) tools=ip6tables; shift ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "unknown option: $1" >&2; usage >&2; exit 2 ;;
    *) break ;;
  esac
done
[ $# -eq 1 ] || { usage >&2; exit 2; }
case $mark in 0x*[!0-9A-Fa-f]* | 0x) bad=1 ;; 0x*) bad=0 ;; *) bad=1 ;; esac
[ $bad = 0 ] || { echo "--mark: '$mark' (expected: hexadecimal, 0x40000000)" >&2; exit 2; }

# rule TOOL ACTION [COMMENT]: one command on the rule itself, so that it is the same in all three actions. By its comment
# "pinholectl firewall remove" finds it, too; an operator would write it without.
comment='-m comment --comment pinholed'
rule() {
  # shellcheck disable=SC2086 # the comment is words
  "$1" -w 5 "$2" "$chain" -m connmark --mark "$mark/$mark" ${3-} -j ACCEPT
}

there() {
  rule "$1" -C "$comment" 2>/dev/null || rule "$1" -C 2>/dev/null
}

case $1 in
  apply | check | remove) action=$1 ;;
  *) usage >&2; exit 2 ;;
esac
result=0
for tool in $tools; do
  refusal=$("$tool" -w 5 -S "$chain" 2>&1) || {
    echo "$tool: no chain $chain: $(printf '%s\n' "$refusal" | head -n 1)" >&2
    result=1
    continue
  }
  case $action in
    apply)
      there "$tool" || rule "$tool" -I "$comment" || result=1 ;;
    check)
      there "$tool" || {
        echo "not there; add it with: $tool -I $chain -m connmark --mark $mark/$mark -j ACCEPT"
        result=1
      } ;;
    remove)
      for each in "$comment" ''; do
        while rule "$tool" -C "$each" 2>/dev/null; do
          rule "$tool" -D "$each" || { result=1; break; }
        done
      done ;;
  esac
done
exit $result
