#!/bin/bash
# The agent with the laboratory's own protocol: build.sh DISTRIBUTION FOLDER compiles it against the jars of the distribution
# and writes FOLDER/pinholed, which is the distribution's start script with another class path and another main class, so
# that the virtual machine has the same options. FOLDER may be copied elsewhere.
set -euo pipefail
[ $# = 2 ] || { echo "usage: build.sh DISTRIBUTION FOLDER" >&2; exit 2; }
sources=$(dirname "$(readlink -f "$0")")/java distribution=$(readlink -f "$1") folder=$2

mkdir -p "$folder/classes"
"${JAVA_HOME:+$JAVA_HOME/bin/}javac" -proc:none -Xlint:all -Werror --release 17 -cp "$distribution/lib/*" -d "$folder/classes" \
  "$sources"/org/pinholed/it/protocol/*.java

sed -e "s|^lib=\${self.*|classes=\${self%/*}/classes lib=$distribution/lib|" \
  -e 's|-cp "$lib/pinholed.jar" org.pinholed.agent.Pinholed |-cp "$lib/pinholed.jar:$classes" org.pinholed.it.protocol.TestAgent |' \
  "$distribution/bin/pinholed" >"$folder/pinholed"
chmod +x "$folder/pinholed"
# Had the start script other lines than these, something else would be started.
[ "$(grep -c -e '^classes=' -e TestAgent "$folder/pinholed")" = 2 ] || { echo "bin/pinholed is not as expected" >&2; exit 1; }
