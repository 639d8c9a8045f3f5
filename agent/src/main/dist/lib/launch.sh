# Shared by bin/pinholed and bin/pinholectl, and not run by itself.
# Takes: $lib (this folder), $program (for messages). Sets: $java, $archive, $level. Ends the program if there is no Java 17.

fail() {
  echo "$program: $1" >&2
  exit 1
}

find_java() {
  # A package brings its own, which it was tested with.
  java=$lib/../runtime/bin/java
  [ ! -x "$java" ] || return 0
  if [ -n "${JAVA_HOME:-}" ]; then
    java=$JAVA_HOME/bin/java
    [ -x "$java" ] || fail "JAVA_HOME is $JAVA_HOME, and there is no bin/java in it (expected: the home of Java 17 or later)"
  else
    java=$(command -v java) || fail "no java on PATH and no JAVA_HOME (expected: Java 17 or later; on Debian: apt install openjdk-17-jre-headless)"
  fi
  # The release file tells the version without the time that a virtual machine takes to start.
  java_version=
  real_java=$(readlink -f "$java")
  release=${real_java%/bin/java}/release
  if [ -r "$release" ]; then
    while IFS='=' read -r key value; do
      if [ "$key" = JAVA_VERSION ]; then
        java_version=${value#\"}
        java_version=${java_version%%\"*}
      fi
    done <"$release"
  fi
  if [ -z "$java_version" ]; then
    java_version=$("$java" -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p')
  fi
  java_major=${java_version%%[!0-9]*}
  [ "${java_major:-0}" -ge 17 ] || fail "$java is version ${java_version:-unknown} (expected: 17 or later)"
}

# Empty if there is none: naming a file that is not there would cost the virtual machine its own archive, too.
find_archive() {
  archive=$lib/$program.jsa
  [ -r "$archive" ] || archive=
}

# The level of the log, refused here because the logger would silently take info.
log_level() {
  case ${PINHOLED_LOG:-$1} in
    trace | debug | info | warn | error | off) level=${PINHOLED_LOG:-$1} ;;
    *) fail "PINHOLED_LOG: $PINHOLED_LOG (expected: trace, debug, info, warn, error, off)" ;;
  esac
}
