package org.pinholed.agent.control;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import jnr.unixsocket.UnixSocketAddress;
import jnr.unixsocket.UnixSocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * The file of the control socket: where it is, whose it is, and that it is there only while its
 * agent is. It gets its owner and mode under another name before it gets its own, so there is no
 * moment in which a stranger could connect.
 */
final class SocketFile {
  /** Longest path of a unix socket: {@code sun_path} less its end ({@code linux/un.h}). */
  private static final int PATH_BYTES_MAX = 107;

  /** The group that stands for nobody besides root. */
  private static final String ROOT = "root";

  private final Path path;
  private final Path newborn;

  /** Which file it is, whatever has its name later; null before it has its name. */
  private @Nullable Object key;

  /**
   * Who may use the socket.
   *
   * @param uid user number of this process
   * @param gid number of the group, 0 for root alone
   */
  record Owner(int uid, int gid) {}

  private SocketFile(Path path, Path newborn) {
    this.path = path;
    this.newborn = newborn;
  }

  /**
   * Makes room for the file. The directory is made (0755) if it is not there.
   *
   * @param socket where it is to be
   * @param handedOver whether an agent that answers there has handed over to this one, so that its
   *     file is replaced too
   * @return to be bound at {@link #bindPath()}
   * @throws IOException if another agent answers there, the path is too long or something else than
   *     a socket
   */
  static SocketFile prepare(Path socket, boolean handedOver) throws IOException {
    Path path = socket.toAbsolutePath();
    Path directory = path.getParent();
    Path newborn =
        path.resolveSibling("." + path.getFileName() + "." + ProcessHandle.current().pid());
    if (directory == null
        || newborn.toString().getBytes(StandardCharsets.UTF_8).length > PATH_BYTES_MAX) {
      throw new IOException(
          "control socket " + path + ": the path is too long (expected: at most 90 bytes)");
    }
    requireFree(path, handedOver);
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    Files.deleteIfExists(newborn);
    return new SocketFile(path, newborn);
  }

  /** Where it is in the end; an absolute path. */
  Path path() {
    return path;
  }

  /** Where the socket is bound, before others may find it. */
  Path bindPath() {
    return newborn;
  }

  /**
   * Gives the bound file its owner and mode, and then its name, in the place of a dead agent's.
   *
   * @param group the group that may use it besides root, mode 0660; {@code root} for nobody else,
   *     mode 0600
   * @return who may use it now
   * @throws IOException if the group does not exist, or the file cannot be given to it
   */
  Owner publish(String group) throws IOException {
    // Root needs no group, and the agent need not be in root's group to say so.
    boolean rootAlone = group.equals(ROOT);
    if (!rootAlone) {
      setGroup(newborn, group);
    }
    Files.setPosixFilePermissions(
        newborn, PosixFilePermissions.fromString(rootAlone ? "rw-------" : "rw-rw----"));
    int ownUid = unixNumber(newborn, "uid"); // of /proc/self it would be root's: that is a link
    int gid = rootAlone ? 0 : unixNumber(newborn, "gid");
    Files.move(newborn, path, StandardCopyOption.ATOMIC_MOVE);
    key = fileKey(path);
    return new Owner(ownUid, gid);
  }

  /** Removes what was bound and has not got its name. */
  void discard() throws IOException {
    Files.deleteIfExists(newborn);
  }

  /** Removes the file, unless a newer agent has put its own there. */
  void remove() throws IOException {
    Object now = fileKey(path);
    if (now != null && now.equals(key)) {
      Files.deleteIfExists(path);
    }
  }

  private static void requireFree(Path path, boolean handedOver) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if ((unixNumber(path, "mode") & 0170000) != 0140000) {
      throw new IOException("control socket " + path + ": is there and no socket");
    }
    if (handedOver) {
      return;
    }
    boolean answers;
    try (UnixSocketChannel probe = UnixSocketChannel.open(new UnixSocketAddress(path.toString()))) {
      answers = probe.isConnected();
    } catch (IOException e) {
      answers = false; // ECONNREFUSED: its agent is dead
    }
    if (answers) {
      throw new IOException("control socket: another agent answers on " + path);
    }
  }

  private static void setGroup(Path path, String group) throws IOException {
    PosixFileAttributeView view =
        Files.getFileAttributeView(path, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
    GroupPrincipal principal;
    try {
      principal =
          path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(group);
    } catch (UserPrincipalNotFoundException e) {
      throw new IOException("control socket: there is no group " + group, e);
    }
    if (view.readAttributes().group().equals(principal)) {
      return;
    }
    try {
      view.setGroup(principal);
    } catch (IOException e) {
      throw new IOException(
          "control socket: cannot give "
              + path
              + " to group "
              + group
              + ": the agent has to be root or a member of it (under systemd:"
              + " SupplementaryGroups="
              + group
              + "): "
              + e.getMessage(),
          e);
    }
  }

  private static int unixNumber(Path path, String attribute) throws IOException {
    return (Integer) Files.getAttribute(path, "unix:" + attribute, LinkOption.NOFOLLOW_LINKS);
  }

  private static @Nullable Object fileKey(Path path) {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
          .fileKey();
    } catch (IOException e) {
      return null;
    }
  }
}
