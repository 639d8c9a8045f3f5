#!/bin/sh
# The one rule that a default-drop nftables firewall needs for pinholed: accept what carries the
# mark of a pinhole's child. Exit codes: 0 done (check: the rule is there), 1 refused or not there,
# 2 usage.
set -u

family=inet table=filter chain=forward mark=0x40000000

usage() {
  cat <<EOF
usage: nftables.sh [options] apply|check|remove
  --family F   address family of the table: inet, ip or ip6 (default: $family)
  --table T    table of the firewall (default: $table)
  --chain C    its filter chain; name forward, input or output as it is called there (default: $chain)
  --mark M     the agent's child bit, marks.child of its configuration (default: $mark)
apply puts the rule at the head of the chain unless it is there; remove takes it out, once or not.
EOF
}

while [ $# -gt 0 ]; do
  case $1 in
    --family | --table | --chain | --mark)
      [ $# -ge 2 ] || { usage >&2; exit 2; }
      case $2 in
        '' | *[!A-Za-z0-9_.-]*) echo "$1: '$2' (expected: letters, digits, _ . -)" >&2; exit 2 ;;
      esac
      case $1 in
        --family) family=$2 ;;
        --table) table=$2 ;;
        --chain) chain=$2 ;;
        --mark) mark=$2 ;;
      esac
      shift 2 ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "unknown option: $1" >&2; usage >&2; exit 2 ;;
    *) break ;;
  esac
done
[ $# -eq 1 ] || { usage >&2; exit 2; }
case $family in inet | ip | ip6) ;; *) echo "--family: '$family' (expected: inet, ip, ip6)" >&2; exit 2 ;; esac
case $mark in 0x*[!0-9A-Fa-f]* | 0x) bad=1 ;; 0x*) bad=0 ;; *) bad=1 ;; esac
[ $bad = 0 ] || { echo "--mark: '$mark' (expected: hexadecimal, 0x40000000)" >&2; exit 2; }

# The comment, not the rule's text, is how we find it again: nft versions print masks differently.
comment="pinholed: children of pinholes, mark $mark"

handles() {
  nft -a list chain "$family" "$table" "$chain" |
    sed -n "s/.*comment \"$comment\" # handle \([0-9][0-9]*\)\$/\1/p"
}

# Tells a chain that is not there (refused) from a rule that is not there.
listing=$(nft list chain "$family" "$table" "$chain" 2>&1) || {
  echo "no chain $family $table $chain: $(printf '%s\n' "$listing" | head -n 1)" >&2
  exit 1
}

case $1 in
  apply)
    [ -z "$(handles)" ] || exit 0
    nft insert rule "$family" "$table" "$chain" \
      ct mark and "$mark" != 0 counter accept comment "\"$comment\"" || exit 1 ;;
  check)
    if [ -z "$(handles)" ]; then
      echo "not there; add it with: nft insert rule $family $table $chain 'ct mark & $mark != 0 counter accept'"
      exit 1
    fi ;;
  remove)
    for handle in $(handles); do
      nft delete rule "$family" "$table" "$chain" handle "$handle" || exit 1
    done ;;
  *) usage >&2; exit 2 ;;
esac
