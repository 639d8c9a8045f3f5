package org.pinholed.agent.pinhole;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PinholeKeyTest {
  private static final InetAddress HOST = new InetSocketAddress("192.0.2.10", 0).getAddress();
  private static final InetAddress PEER = new InetSocketAddress("198.51.100.7", 0).getAddress();

  /** The calls of a trunk: thousands of ports between the same two hosts. */
  @Test
  void portsOfTwoHosts_areSpreadOverABigTable() {
    Set<Integer> buckets = new HashSet<>();
    for (int port = 10_000; port < 30_000; port++) {
      int hash = new PinholeKey(17, HOST, PEER, port).hashCode();
      buckets.add((hash ^ hash >>> 16) & 0x7fff); // as ConcurrentHashMap does it
    }
    // By chance it would be 14,980 of 32,768.
    assertTrue(buckets.size() > 12_000, () -> buckets.size() + " buckets");
  }

  @Test
  void equalKeys_haveEqualHashes() {
    PinholeKey key = new PinholeKey(17, null, PEER, 5000, 5009);
    assertEquals(key.hashCode(), new PinholeKey(17, null, PEER, 5000, 5009).hashCode());
    assertEquals(key, new PinholeKey(17, null, PEER, 5000, 5009));
  }
}
