package org.pinholed.agent.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Another user's process listens where the agent should; needs root to become that user. */
@Timeout(60)
class HandOverPermissionIT {
  /** Listens, says so, accepts one connection, and answers it with a good hand-over of nothing. */
  private static final String IMPOSTOR =
      """
      import socket, sys
      s = socket.socket(socket.AF_UNIX)
      s.bind(sys.argv[1])
      s.listen()
      print("listening", flush=True)
      c, _ = s.accept()
      asked = c.makefile().readline()
      if asked:
          c.sendall(sys.argv[2].encode() + b"\\n")
      print("asked: " + asked.strip(), flush=True)
      """;

  private final Path folder;

  HandOverPermissionIT(@TempDir Path folder) throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    this.folder = folder;
  }

  @Test
  void anotherUsersProcess_isNotAsked() throws Exception {
    Process impostor = impostor("nobody");
    try (BufferedReader said = impostor.inputReader()) {
      assertEquals("listening", said.readLine());
      IOException refused =
          assertThrows(IOException.class, () -> HandOverSocket.ask(folder.resolve("s")));
      assertTrue(
          String.valueOf(refused.getMessage())
              .contains("process " + impostor.pid() + " of user 65534 listens there"),
          refused::toString);
      assertEquals("asked: ", said.readLine());
    } finally {
      impostor.destroyForcibly();
    }
  }

  @Test
  void rootsProcess_isAsked() throws Exception {
    Process old = impostor("root");
    try (BufferedReader said = old.inputReader()) {
      assertEquals("listening", said.readLine());
      assertEquals(List.of(), HandOverSocket.ask(folder.resolve("s")).flows());
      assertEquals("asked: {\"command\":\"handOver\"}", said.readLine());
    } finally {
      old.destroyForcibly();
    }
  }

  private Process impostor(String user) throws IOException {
    String nothing = HandOverText.write(HandOver.NOTHING);
    return new ProcessBuilder(
            "setpriv",
            "--reuid",
            user,
            "--clear-groups",
            "/usr/bin/python3",
            "-c",
            IMPOSTOR,
            folder.resolve("s").toString(),
            nothing)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }
}
