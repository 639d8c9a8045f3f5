package org.pinholed.agent.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.pinholed.agent.control.ControlServer;
import org.pinholed.agent.control.FakeAgent;

@Timeout(120)
class DistributionIT {
  private static final Path HOME = Path.of("target", "pinholed").toAbsolutePath();

  @TempDir Path folder = Path.of("");

  /** What a program said and how it ended. */
  private record Result(int exit, String out, String err) {}

  @BeforeAll
  static void isMade() {
    assertTrue(
        Files.isExecutable(HOME.resolve("bin/pinholed")),
        () -> HOME + " is not there: mvn package makes it");
  }

  private Result run(Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    // The build's own options, such as a coverage agent, are none of the programs'.
    builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "PINHOLED_JAVA_OPTS"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().putAll(environment);
    Process process = builder.start();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "ended within a minute");
    return new Result(
        process.exitValue(),
        Files.readString(out, StandardCharsets.UTF_8),
        Files.readString(err, StandardCharsets.UTF_8));
  }

  private static String bin(String program) {
    return HOME.resolve("bin").resolve(program).toString();
  }

  @Test
  void licences_ofEveryLibraryAreThere() throws IOException {
    assertEquals(
        Files.readString(Path.of("..", "LICENSE")), Files.readString(HOME.resolve("LICENSE")));
    String notice = Files.readString(HOME.resolve("NOTICE"));
    List<String> words = List.of(notice.split("[^A-Za-z0-9_-]+"));
    try (var jars = Files.newDirectoryStream(HOME.resolve("lib"), "*.jar")) {
      for (Path jar : jars) {
        String name = jar.getFileName().toString().replaceFirst("-\\d+\\..*|\\.jar$", "");
        if (!List.of("pinholed", "helpers", "native-bindings").contains(name)) {
          assertTrue(words.contains(name), name + " is not in NOTICE");
        }
      }
    }
  }

  @Test
  void pinholed_checksItsOwnConfiguration_andSaysNothingElse()
      throws IOException, InterruptedException {
    String file = HOME.resolve("etc/pinholed.yaml").toString();
    Result result = run(Map.of(), bin("pinholed"), "--config", file, "--check-config");
    assertEquals(new Result(0, file + ": good\n", ""), result);
  }

  @Test
  void pinholed_aBadConfiguration_isOneLine() throws IOException, InterruptedException {
    Path file = Files.writeString(folder.resolve("bad.yaml"), "queues:\n  first: 70000\n");
    Result result = run(Map.of(), bin("pinholed"), "--config", file.toString(), "--check-config");
    assertEquals(
        new Result(2, "", "pinholed: " + file + ":2: queues.first: 70000 (expected: 0..65535)\n"),
        result);
  }

  @Test
  void pinholectl_helpAndVersion() throws IOException, InterruptedException {
    Result help = run(Map.of(), bin("pinholectl"), "--help");
    assertEquals(0, help.exit(), help.toString());
    assertTrue(help.out().contains("expectations"), help.out());
    Result version = run(Map.of(), bin("pinholectl"), "--version");
    assertTrue(version.out().matches("pinholectl \\d+\\.\\d+\\.\\d+\\S*\n"), version.toString());
  }

  // 20,000 calls with audio have 120,000 rows.
  @Test
  void pinholectl_listsSoManyExpectations(@TempDir Path directory)
      throws IOException, InterruptedException {
    FakeAgent agent = new FakeAgent();
    int rows = 1 << 17;
    agent.expectations.addAll(Collections.nCopies(rows, FakeAgent.passive(1, 25)));
    Path socket = directory.resolve("control.sock");
    String group = Files.readAttributes(directory, PosixFileAttributes.class).group().getName();
    ControlServer server = ControlServer.open(socket, group, agent);
    try {
      Result table =
          run(Map.of(), bin("pinholectl"), "--socket", socket.toString(), "expectations");
      assertEquals(0, table.exit(), table::err);
      assertEquals(1 + rows, table.out().lines().count());
      Result json =
          run(Map.of(), bin("pinholectl"), "--socket", socket.toString(), "expectations", "--json");
      assertEquals(0, json.exit(), json::err);
      assertEquals(2 + rows, json.out().lines().count());
    } finally {
      server.close();
    }
  }

  @Test
  void throughALinkFromAnotherFolder_findsItsLibraries() throws IOException, InterruptedException {
    Path first = Files.createSymbolicLink(folder.resolve("first"), Path.of(bin("pinholectl")));
    Path second = Files.createSymbolicLink(folder.resolve("second"), first.getFileName());
    assertEquals(0, run(Map.of(), second.toString(), "--version").exit());
  }

  @Test
  void anArchiveThatDoesNotFit_isLeftAsideWithoutAWord() throws IOException, InterruptedException {
    Path lib = Files.createDirectories(folder.resolve("a copy/lib"));
    Path bin = Files.createDirectories(folder.resolve("a copy/bin"));
    try (var files = Files.newDirectoryStream(HOME.resolve("lib"))) {
      for (Path file : files) {
        if (Files.isRegularFile(file)) {
          Files.copy(file, lib.resolve(file.getFileName()));
        }
      }
    }
    Files.write(lib.resolve("pinholectl.jsa"), new byte[] {1, 2, 3});
    Path program = Files.copy(HOME.resolve("bin/pinholectl"), bin.resolve("pinholectl"));
    Result result = run(Map.of(), "sh", program.toString(), "--version");
    assertEquals(0, result.exit(), result.toString());
    assertEquals("", result.err());
  }

  @Test
  void archives_madeUnderAStrictUmask_canBeReadByTheUserOfTheService()
      throws IOException, InterruptedException {
    String copy = folder.resolve("copy").toString();
    assertEquals(0, run(Map.of(), "cp", "-r", HOME.toString(), copy).exit());
    Result result =
        run(Map.of(), "sh", "-c", "umask 077; exec \"$0\"", copy + "/lib/make-archives");
    assertEquals(0, result.exit(), result.toString());
    for (String archive : List.of("pinholed.jsa", "pinholectl.jsa")) {
      var mode = Files.getPosixFilePermissions(Path.of(copy, "lib", archive));
      assertTrue(mode.contains(PosixFilePermission.OTHERS_READ), archive + " " + mode);
    }
  }

  @Test
  void aJavaHomeWithoutJava_isNamed() throws IOException, InterruptedException {
    assertEquals(
        new Result(
            1,
            "",
            "pinholed: JAVA_HOME is /nonexistent, and there is no bin/java in it (expected: the home"
                + " of Java 17 or later)\n"),
        run(Map.of("JAVA_HOME", "/nonexistent"), bin("pinholed"), "--version"));
  }

  @Test
  void anOldJava_isRefused() throws IOException, InterruptedException {
    Path java = Files.createDirectories(folder.resolve("old/bin")).resolve("java");
    Files.writeString(java, "#!/bin/sh\nexit 0\n");
    Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.writeString(
        folder.resolve("old/release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"11.0.2\"\n");
    assertEquals(
        new Result(1, "", "pinholectl: " + java + " is version 11.0.2 (expected: 17 or later)\n"),
        run(Map.of("JAVA_HOME", folder.resolve("old").toString()), bin("pinholectl"), "--version"));
  }

  @Test
  void anUnknownLogLevel_isRefused() throws IOException, InterruptedException {
    assertEquals(
        new Result(
            1,
            "",
            "pinholed: PINHOLED_LOG: loud (expected: trace, debug, info, warn, error, off)\n"),
        run(Map.of("PINHOLED_LOG", "loud"), bin("pinholed"), "--version"));
  }

  @Test
  void whereStandardErrorIsTheJournal_linesHaveTheirLevels()
      throws IOException, InterruptedException {
    Path err = Files.createFile(folder.resolve("err"));
    String stream = Files.getAttribute(err, "unix:dev") + ":" + Files.getAttribute(err, "unix:ino");
    String[] command = {bin("pinholed"), "--config", "/nonexistent.yaml"};
    Result plain = run(Map.of("JOURNAL_STREAM", stream + "0"), command);
    assertTrue(plain.err().startsWith("pinholed: /nonexistent.yaml"), plain::toString);
    Result inJournal = run(Map.of("JOURNAL_STREAM", stream), command);
    assertEquals("<3>" + plain.err(), inJournal.err());
  }

  @Test
  void javaOptions_reachTheVirtualMachine() throws IOException, InterruptedException {
    Result result =
        run(
            Map.of("PINHOLED_JAVA_OPTS", "-XX:+PrintCommandLineFlags -Xmx33m"),
            bin("pinholectl"),
            "--version");
    assertTrue(result.out().contains("-XX:MaxHeapSize=34603008 "), result.toString());
  }

  @Test
  void withNothingExecutableUnderTmp_allStarts() throws IOException, InterruptedException {
    // In a mount namespace and a network namespace of its own. The distribution may lie under /tmp
    // itself.
    String script =
        """
        set -eu
        mount --bind "$1" /mnt
        mount -t tmpfs -o noexec,nosuid,nodev tmpfs /tmp
        printf '#!/bin/sh\n' >/tmp/program
        chmod 755 /tmp/program
        if /tmp/program 2>/dev/null; then echo 'not noexec'; exit 1; fi
        cat >/tmp/pinholed.yaml <<EOF
        control: {socket: /tmp/control.sock}
        metrics: {enabled: false}
        EOF
        /mnt/bin/pinholed --config /tmp/pinholed.yaml --check-config
        /mnt/bin/pinholed --config /tmp/pinholed.yaml >/tmp/log 2>&1 &
        agent=$!
        until /mnt/bin/pinholectl --socket /tmp/control.sock status >/tmp/status 2>&1; do
          if ! kill -0 $agent; then cat /tmp/log; exit 1; fi
          sleep 0.1
        done
        /mnt/bin/pinholectl --socket /tmp/control.sock expectations
        kill $agent
        wait $agent || [ $? = 143 ]
        ls /tmp
        """;
    Result result = run(Map.of(), "unshare", "-m", "-n", "sh", "-c", script, "sh", HOME.toString());
    assertEquals(0, result.exit(), result.toString());
    assertTrue(result.out().startsWith("/tmp/pinholed.yaml: good\n"), result.toString());
    assertFalse(result.out().contains("jffi"), "something was unpacked: " + result);
  }

  @Test
  void noFile_isLeftInTheTemporaryFolder() throws IOException, InterruptedException {
    Path temporary = Files.createDirectory(folder.resolve("tmp"));
    run(
        Map.of("PINHOLED_JAVA_OPTS", "-Djava.io.tmpdir=" + temporary),
        bin("pinholectl"),
        "--socket",
        folder.resolve("none.sock").toString(),
        "status");
    try (var files = Files.newDirectoryStream(temporary)) {
      assertFalse(files.iterator().hasNext());
    }
  }
}
