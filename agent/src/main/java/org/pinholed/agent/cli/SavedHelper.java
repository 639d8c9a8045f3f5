package org.pinholed.agent.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.util.ArrayList;
import java.util.List;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.ConfigException;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.HelperInFile;
import org.pinholed.agent.control.ControlError;

/** A configuration file with one helper more, made and checked before anything is changed. */
final class SavedHelper {
  private final Path file;
  private final String text;

  private SavedHelper(Path file, String text) {
    this.file = file;
    this.text = text;
  }

  /**
   * Makes it.
   *
   * @param file the configuration; it has to be there and to be good
   * @param entry the new entry
   * @return what is to be written
   * @throws ControlError if the file is bad, or cannot be changed so that only the entry is new
   */
  static SavedHelper of(Path file, HelperEntry entry) throws ControlError {
    try {
      AgentConfig before = GivenConfig.of(file);
      String text = HelperInFile.add(Files.readString(file), entry);
      List<HelperEntry> wanted = new ArrayList<>(before.helpers());
      wanted.add(entry);
      AgentConfig after = GivenConfig.parse(file.toString(), text);
      if (!after.equals(before.withHelpers(wanted))) {
        throw new ControlError(
            ControlError.REFUSED, file + ": the entry cannot be put in; add it by hand");
      }
      return new SavedHelper(file.toRealPath(), text);
    } catch (ConfigException | IllegalArgumentException e) {
      String message = String.valueOf(e.getMessage());
      throw new ControlError(
          ControlError.REFUSED,
          message.startsWith(file.toString()) ? message : file + ": " + message);
    } catch (IOException e) {
      throw new ControlError(ControlError.REFUSED, file + ": " + e);
    }
  }

  /**
   * Puts the new file in the place of the old one in one step, with its owner and mode.
   *
   * @throws ControlError if it cannot be written; the old one is there then
   */
  void write() throws ControlError {
    Path beside = file.resolveSibling("." + file.getFileName() + ".new");
    try {
      Files.deleteIfExists(beside); // of one that was interrupted
      PosixFileAttributes old = Files.readAttributes(file, PosixFileAttributes.class);
      try (FileChannel channel =
          FileChannel.open(beside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        PosixFileAttributeView view =
            Files.getFileAttributeView(beside, PosixFileAttributeView.class);
        view.setPermissions(old.permissions());
        if (!view.readAttributes().owner().equals(old.owner())) {
          view.setOwner(old.owner());
        }
        if (!view.readAttributes().group().equals(old.group())) {
          view.setGroup(old.group());
        }
        ByteBuffer bytes = StandardCharsets.UTF_8.encode(text);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new ControlError(
          ControlError.REFUSED, "the entry is in force and not saved: " + file + ": " + e);
    }
  }
}
