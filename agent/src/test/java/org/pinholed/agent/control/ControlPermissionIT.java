package org.pinholed.agent.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Real processes of another user against the socket; needs root to become that user. */
@Timeout(60)
class ControlPermissionIT {
  private static final String ASK =
      """
      import socket, sys
      s = socket.socket(socket.AF_UNIX)
      try:
          s.connect(sys.argv[1])
      except PermissionError:
          print("EACCES")
          sys.exit()
      s.sendall(b'{"command":"status"}\\n')
      print(s.makefile().readline())
      """;

  private static final String HOLD =
      """
      import socket, sys
      held = []
      while True:
          s = socket.socket(socket.AF_UNIX)
          s.connect(sys.argv[1])
          s.settimeout(0.2)
          try:
              print(s.makefile().readline(), flush=True)
              break
          except socket.timeout:
              held.append(s)
      sys.stdin.read()
      """;

  private final FakeAgent agent = new FakeAgent();
  private final Path socket;

  ControlPermissionIT(@TempDir Path directory) throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    socket = directory.resolve("control.sock");
  }

  @BeforeEach
  void needsRoot() {
    assertEquals("root", System.getProperty("user.name"), "this test needs root to use setpriv");
  }

  @Test
  void otherUser_fileModeStopsIt() throws Exception {
    try (ControlServer server = open("root")) {
      assertEquals("EACCES", askAs("nobody", "nogroup"));
      assertEquals(0, server.refusedPeers());
    }
  }

  @Test
  void otherUser_openFileMode_credentialsStopIt() throws Exception {
    try (ControlServer server = open("root")) {
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-rw-rw-"));
      String answer = askAs("nobody", "nogroup");
      assertTrue(answer.startsWith("{\"error\":\"permission denied: "), answer);
      assertEquals(1, server.refusedPeers());
    }
  }

  @Test
  void otherUser_primaryGroupIsTheConfiguredOne_answered() throws Exception {
    try (ControlServer server = open("nogroup")) {
      String answer = askAs("nobody", "nogroup");
      assertTrue(answer.startsWith("{\"row\":{\"version\""), answer);
      assertEquals(0, server.refusedPeers());
    }
  }

  @Test
  void mode_isForTheGroup_orForNobody() throws Exception {
    try (ControlServer server = open("nogroup")) {
      assertEquals(
          "rw-rw---- nogroup", mode() + " " + Files.getAttribute(server.socket(), "posix:group"));
    }
    try (ControlServer server = open("root")) {
      assertEquals("rw-------", mode());
      assertEquals(0, server.refusedPeers());
    }
  }

  private String mode() throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(socket));
  }

  @Test
  void root_answered() throws Exception {
    try (ControlServer server = open("nogroup")) {
      assertTrue(askAs("root", "root").startsWith("{\"row\":{\"version\""));
      assertEquals(0, server.refusedPeers());
    }
  }

  /** Who is in the group fills all that he gets, with connections that say nothing. */
  @Test
  void oneUserOfTheGroup_keepsNobodyElseOut() throws Exception {
    try (ControlServer server = open("nogroup")) {
      Process holds = start("nobody", "nogroup", HOLD);
      try (BufferedReader said = holds.inputReader(StandardCharsets.UTF_8)) {
        int most = ControlLimits.DEFAULT.connections().one();
        String refused = String.valueOf(said.readLine());
        assertTrue(
            refused.startsWith(
                "{\"error\":\"more than " + most + " connections of one user, try again\""),
            refused);
        assertTrue(askAs("root", "root").startsWith("{\"row\":{\"version\""));
        String other = askAs("daemon", "nogroup");
        assertTrue(other.startsWith("{\"row\":{\"version\""), other);
        assertEquals(1, server.refusedPeers());
      } finally {
        holds.destroy();
        assertTrue(holds.waitFor(20, TimeUnit.SECONDS));
      }
    }
  }

  private ControlServer open(String group) throws IOException {
    return ControlServer.open(socket, group, agent);
  }

  private Process start(String user, String group, String program) throws IOException {
    return new ProcessBuilder(
            "setpriv",
            "--reuid",
            user,
            "--regid",
            group,
            "--clear-groups",
            "/usr/bin/python3",
            "-c",
            program,
            socket.toString())
        .redirectErrorStream(true)
        .start();
  }

  private String askAs(String user, String group) throws IOException, InterruptedException {
    Process process = start(user, group, ASK);
    String out =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertTrue(process.waitFor(20, TimeUnit.SECONDS));
    return out;
  }
}
