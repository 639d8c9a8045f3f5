package org.pinholed.agent.limit;

import java.net.InetAddress;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** How many of something there are, in all and of each client. Thread-safe. */
public final class Places {
  private final AtomicInteger taken = new AtomicInteger();
  private final ClientCounts byClient = new ClientCounts();

  /** Makes them, all free. */
  public Places() {}

  /** What is full. */
  public enum Full {
    /** There are as many as there may be. */
    IN_ALL,
    /** The client has as many as it may have. */
    OF_CLIENT
  }

  /**
   * Takes a place.
   *
   * @param client the client's own address
   * @param most how many there may be, 1 or more
   * @param mostOfClient how many of them the client may have, with all that share its {@link
   *     ClientKey}, 1 or more
   * @return null if there was one, else what is full; then nothing is taken
   */
  public @Nullable Full take(InetAddress client, int most, int mostOfClient) {
    if (taken.incrementAndGet() > most) {
      taken.decrementAndGet();
      return Full.IN_ALL;
    }
    if (byClient.change(client, 1) > mostOfClient) {
      giveBack(client);
      return Full.OF_CLIENT;
    }
    return null;
  }

  /**
   * Gives a place back.
   *
   * @param client who took it
   */
  public void giveBack(InetAddress client) {
    byClient.change(client, -1);
    taken.decrementAndGet();
  }
}
