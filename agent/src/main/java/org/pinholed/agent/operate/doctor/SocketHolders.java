package org.pinholed.agent.operate.doctor;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Finds the processes that have a netlink socket, by {@code /proc}. */
final class SocketHolders {
  /** Socket family NETLINK_NETFILTER in {@code /proc/net/netlink} ({@code linux/netlink.h}). */
  private static final String NETLINK_NETFILTER = "12";

  /** The agent's main class as an argument, which ends with a 0 (proc(5)). */
  private static final String AGENT = "\0org.pinholed.agent.Pinholed\0";

  private SocketHolders() {}

  /** Who has a socket; the port id of a netlink socket is often, not always, its process. */
  static List<DoctorProbe.HoldingProcess> of(long portId) {
    for (String line : ProcFiles.lines(Path.of("/proc/thread-self/net/netlink"))) {
      List<String> columns = List.of(line.strip().split(" +", -1));
      if (columns.size() >= 10
          && columns.get(1).equals(NETLINK_NETFILTER)
          && columns.get(2).equals(Long.toString(portId))) {
        return processesWith("socket:[" + columns.get(columns.size() - 1) + "]");
      }
    }
    return List.of();
  }

  private static List<DoctorProbe.HoldingProcess> processesWith(String file) {
    List<DoctorProbe.HoldingProcess> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        if (hasOpen(process, file)) {
          long pid = Long.parseLong(String.valueOf(process.getFileName()));
          found.add(new DoctorProbe.HoldingProcess(pid, command(pid)));
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      return found; // what was seen so far
    }
    return found;
  }

  private static boolean hasOpen(Path process, String file) {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path descriptor : files) {
        if (isLinkTo(descriptor, file)) {
          return true;
        }
      }
    } catch (IOException e) {
      return false; // it ended, or is not ours to look into
    }
    return false;
  }

  private static boolean isLinkTo(Path link, String target) {
    try {
      return Files.readSymbolicLink(link).toString().equals(target);
    } catch (IOException e) {
      return false;
    }
  }

  private static String command(long pid) {
    List<String> words = ProcFiles.lines(ProcFiles.process(pid).resolve("cmdline"));
    if (!words.isEmpty() && words.get(0).contains(AGENT)) {
      return "pinholed"; // else all that runs in a virtual machine is called java
    }
    List<String> lines = ProcFiles.lines(ProcFiles.process(pid).resolve("comm"));
    return lines.isEmpty() ? "" : lines.get(0);
  }
}
