package org.pinholed.agent.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
  private static final int STRANGER = 65534;

  private Path folder;
  private Path precious;
  private Path log;

  @BeforeEach
  void makeFiles(@TempDir Path temporary) throws IOException {
    folder = temporary;
    precious = Files.writeString(folder.resolve("precious"), "keep me\n");
    Files.createDirectory(folder.resolve("shared"));
    Files.setAttribute(folder.resolve("shared"), "unix:mode", 01777);
    log = folder.resolve("shared").resolve("events.json");
  }

  /** Only root can give a file away; nothing else can be a stranger's. */
  private static void giveAway(Path path) throws IOException {
    assumeTrue(
        ((Integer) Files.getAttribute(Path.of("/proc/self").toRealPath(), "unix:uid")) == 0,
        "needs root");
    Files.setAttribute(path, "unix:uid", STRANGER, LinkOption.NOFOLLOW_LINKS);
  }

  private static void append(Path file, String text) throws IOException {
    try (OutputStream out = EventFile.open(file)) {
      out.write(text.getBytes(StandardCharsets.US_ASCII));
    }
  }

  private static String refusal(Path file) {
    return String.valueOf(
        assertThrows(IOException.class, () -> EventFile.open(file).close()).getMessage());
  }

  @Test
  void linkOfAStranger_inASharedFolder_isRefused() throws IOException {
    Files.createSymbolicLink(log, precious);
    giveAway(log);
    assertTrue(refusal(log).contains("symbolic link " + log + " belongs to"), refusal(log));
    assertEquals("keep me\n", Files.readString(precious));
  }

  @Test
  void linkToNothingOfAStranger_isRefused_andNothingIsMade() throws IOException {
    Path victim = folder.resolve("new");
    Files.createSymbolicLink(log, victim);
    giveAway(log);
    refusal(log);
    assertFalse(Files.exists(victim));
  }

  @Test
  void fileOfAStranger_inASharedFolder_isRefused() throws IOException {
    Files.writeString(log, "mine\n");
    giveAway(log);
    assertTrue(refusal(log).contains("the file " + log), refusal(log));
  }

  @Test
  void folderOfAStranger_isAShareOne() throws IOException {
    Path theirs = Files.createDirectory(folder.resolve("theirs"));
    Path link = Files.createSymbolicLink(theirs.resolve("events.json"), precious);
    giveAway(link);
    giveAway(theirs);
    refusal(link);
  }

  @Test
  void linkBehindALink_isLookedAtToo() throws IOException {
    Path second = folder.resolve("shared").resolve("second");
    Files.createSymbolicLink(second, precious);
    giveAway(second);
    Path first = Files.createSymbolicLink(folder.resolve("first"), second);
    refusal(first);
  }

  @Test
  void ownLink_isFollowed_alsoToAFileThatIsNotThereYet() throws IOException {
    Files.createSymbolicLink(log, folder.resolve("new"));
    append(log, "one\n");
    append(log, "two\n");
    assertEquals("one\ntwo\n", Files.readString(folder.resolve("new")));
    assertEquals(
        "rw-r-----",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("new"))));
  }

  @Test
  void fileOfTheLogShipper_inAFolderOfRoot_isAppendedTo() throws IOException {
    Path file = Files.writeString(folder.resolve("events.json"), "before\n");
    giveAway(file);
    append(file, "one\n");
    assertEquals("before\none\n", Files.readString(file));
  }

  @Test
  void linksInACircle_areRefused() throws IOException {
    Files.createSymbolicLink(log, log);
    assertTrue(refusal(log).contains("too many symbolic links"), refusal(log));
  }
}
