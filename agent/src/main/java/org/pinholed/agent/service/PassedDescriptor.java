package org.pinholed.agent.service;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A descriptor that the service manager gave to this process, by the protocol of
 * sd_listen_fds_with_names(3).
 *
 * @param name what it was stored under; {@code unknown} if it has none
 * @param descriptor its number
 */
public record PassedDescriptor(String name, int descriptor) {
  /** {@code SD_LISTEN_FDS_START}: behind the three that every process has. */
  static final int FIRST = 3;

  private static final int MOST = 1024;

  /**
   * Reads the environment: {@code LISTEN_PID}, {@code LISTEN_FDS} and {@code LISTEN_FDNAMES}.
   *
   * @param environment of this process
   * @param processId of this process
   * @return all, in their order; none if they are for another process
   */
  public static List<PassedDescriptor> of(Map<String, String> environment, long processId) {
    String count = environment.getOrDefault("LISTEN_FDS", "");
    if (!environment.getOrDefault("LISTEN_PID", "").equals(Long.toString(processId))
        || !count.matches("[0-9]{1,4}")
        || Integer.parseInt(count) > MOST) {
      return List.of();
    }
    String[] names = environment.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
    List<PassedDescriptor> passed = new ArrayList<>();
    for (int i = 0; i < Integer.parseInt(count); i++) {
      String name = i < names.length && !names[i].isEmpty() ? names[i] : "unknown";
      passed.add(new PassedDescriptor(name, FIRST + i));
    }
    return List.copyOf(passed);
  }
}
