#!/bin/bash
# junit.sh JAVA-OPTION MODULE REPORTS CONSOLE-OPTION ... runs tests of a module with JUnit's console.
option=$1 module=$2 reports=$3
shift 3
cd "/job/source/$module" || exit 1
# In a life of a minute compiling costs more than it saves. And each command would have a helper of Java started before it.
export PINHOLED_JAVA_OPTS='-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=20'
exec java "$option" -Xshare:auto -Xlog:disable -Xlog:all=error:stderr -XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=10 -XX:+UseSerialGC -Xmx512m -XX:-UsePerfData \
  -XX:+EnableDynamicAgentLoading -Djdk.lang.Process.launchMechanism=VFORK -Djdk.attach.allowAttachSelf=true \
  -Dpinholed.root=/job/source -Dpinholed.distribution=/job/dist -Dpinholed.patience="${PATIENCE:-5}" -Dpinholed.guest=true -Dpinholed.backend="${BACKEND:-nftables}" \
  -Djunit.jupiter.execution.timeout.default='600 s' -Djunit.jupiter.execution.timeout.test.method.default='600 s' \
  -Djunit.jupiter.execution.parallel.enabled=false \
  -cp "$(cat "/job/lib/$module.classpath")" org.junit.platform.console.ConsoleLauncher execute --disable-banner --disable-ansi-colors \
  --details=testfeed --fail-if-no-tests -e junit-jupiter -n '.*' --reports-dir="$reports" "$@"
