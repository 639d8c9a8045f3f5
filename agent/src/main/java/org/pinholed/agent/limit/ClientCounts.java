package org.pinholed.agent.limit;

import java.net.InetAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** How many of something each client has. Thread-safe; clients that have none cost nothing. */
public final class ClientCounts {
  private final Map<Long, Integer> counts = new ConcurrentHashMap<>();

  /**
   * Counts up or down.
   *
   * @param client the client's own address
   * @param change how many more, or fewer if negative
   * @return how many this client has now, with all that share its {@link ClientKey}
   */
  public int change(InetAddress client, int change) {
    Integer now =
        counts.compute(
            ClientKey.of(client),
            (key, before) -> {
              int after = (before == null ? 0 : before) + change;
              return after == 0 ? null : after;
            });
    return now == null ? 0 : now;
  }
}
