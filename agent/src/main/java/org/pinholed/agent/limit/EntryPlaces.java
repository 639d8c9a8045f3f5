package org.pinholed.agent.limit;

import java.net.InetAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.EntryLimits;

/**
 * The places of each entry of {@code helpers}, whether it has a limit now or not: a reload may set
 * one. There are never more entries here than numbers for them. Thread-safe.
 */
public final class EntryPlaces {
  private final Limit inAll;
  private final Limit ofClient;
  private final Map<Integer, Places> byEntry = new ConcurrentHashMap<>();

  /**
   * Makes them, all free.
   *
   * @param inAll what is reached if the entry has as many as it may have
   * @param ofClient what is reached if a client has its share of them
   */
  public EntryPlaces(Limit inAll, Limit ofClient) {
    this.inAll = inAll;
    this.ofClient = ofClient;
  }

  /**
   * Takes a place.
   *
   * @param entry the number of the entry
   * @param limits of that entry
   * @param client the client's own address
   * @return null if there was one, else what is reached; then nothing is taken
   */
  public @Nullable Limit take(int entry, EntryLimits limits, InetAddress client) {
    Places.Full full =
        places(entry).take(client, limits.most(inAll.ofEntry()), limits.most(ofClient.ofEntry()));
    if (full == null) {
      return null;
    }
    return full == Places.Full.IN_ALL ? inAll : ofClient;
  }

  /**
   * Gives a place back.
   *
   * @param entry the number of the entry
   * @param client who took it
   */
  public void giveBack(int entry, InetAddress client) {
    places(entry).giveBack(client);
  }

  private Places places(int entry) {
    Places known = byEntry.get(entry);
    return known != null ? known : byEntry.computeIfAbsent(entry, number -> new Places());
  }
}
