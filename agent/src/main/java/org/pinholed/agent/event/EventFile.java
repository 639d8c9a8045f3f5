package org.pinholed.agent.event;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * Opens the file of the event log, which the agent may do as root, so that nobody else chooses
 * where it writes.
 *
 * <p>In a folder where others may put files, by its mode or because it is theirs, a symbolic link
 * is followed and a file is used only if it belongs to root or to the user of the agent, as the
 * kernel's {@code fs.protected_symlinks} has it. In other folders links are the operator's own.
 */
final class EventFile {
  private static final int ROOT = 0;
  private static final int STICKY = 01000;
  private static final int WRITABLE_BY_OTHERS = 0002;
  private static final int MOST_LINKS = 8;

  private EventFile() {}

  /**
   * Opens a file for appending and makes it, with mode 0640, if it is not there.
   *
   * @param file its name
   * @return an open stream
   * @throws IOException if it cannot be opened, or others might have chosen what it is
   */
  static OutputStream open(Path file) throws IOException {
    int self = uid(Path.of("/proc/self").toRealPath());
    Path target = file.toAbsolutePath();
    for (int links = 0; Files.isSymbolicLink(target); links++) {
      if (links == MOST_LINKS) {
        throw new IOException("eventLog.file: " + file + ": too many symbolic links");
      }
      requireTrusted(target, self, "symbolic link");
      target = target.resolveSibling(Files.readSymbolicLink(target));
    }
    // Only now: a link to a file that is not there yet has no real path.
    Path folder = parentOf(target).toRealPath();
    Path name = target.getFileName();
    target = name == null ? folder : folder.resolve(name);
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      requireTrusted(target, self, "file");
    }
    return append(target);
  }

  private static OutputStream append(Path file) throws IOException {
    try {
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      // Not left to the umask: log shippers read it by group.
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    } catch (FileAlreadyExistsException e) {
      // Appended to, with the mode that its owner gave it.
    }
    return Files.newOutputStream(
        file, StandardOpenOption.WRITE, StandardOpenOption.APPEND, LinkOption.NOFOLLOW_LINKS);
  }

  private static void requireTrusted(Path path, int self, String what) throws IOException {
    int owner = uid(path);
    if (owner == ROOT || owner == self || !isOthersFolder(parentOf(path).toRealPath(), self)) {
      return;
    }
    throw new IOException(
        "eventLog.file: the "
            + what
            + " "
            + path
            + " belongs to the user with the id "
            + owner
            + ", in a folder where others may put files (expected: root or the user of the agent)");
  }

  /** Whether others may put a file there, or put another folder in its place. */
  private static boolean isOthersFolder(Path folder, int self) throws IOException {
    boolean own = true;
    for (Path each = folder; each != null; each = each.getParent()) {
      int owner = uid(each);
      int mode = (Integer) Files.getAttribute(each, "unix:mode", LinkOption.NOFOLLOW_LINKS);
      // In a sticky folder nobody can put another folder in the place of this one.
      boolean writable = (mode & WRITABLE_BY_OTHERS) != 0 && (own || (mode & STICKY) == 0);
      if (writable || (owner != ROOT && owner != self)) {
        return true;
      }
      own = false;
    }
    return false;
  }

  private static Path parentOf(Path absolute) {
    Path parent = absolute.getParent();
    return parent == null ? absolute : parent;
  }

  private static int uid(Path path) throws IOException {
    return (Integer) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
  }
}
