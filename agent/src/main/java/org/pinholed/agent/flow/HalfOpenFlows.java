package org.pinholed.agent.flow;

import java.net.InetAddress;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MemoryNeed;
import org.pinholed.agent.limit.ClientKey;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * Flows whose SYN was answered and that have not sent a byte yet: what is needed to read them from
 * their first byte on, and nothing more.
 *
 * <p>Anybody can make the agent keep one, also with a forged source address. So each costs {@link
 * MemoryNeed#HALF_OPEN_BYTES} at most, when it is the only one of its client; memory is taken piece
 * by piece as it is needed, and when the table is full the client that holds most loses its oldest.
 * One that is lost cannot be read. A flow that ends without a byte stays until it is its client's
 * oldest: nobody asks for it, because the next connection with the same conntrack id and tuples
 * takes its place.
 *
 * <p>Shared by the workers and thread-safe, by a lock that is taken at a SYN+ACK and at the first
 * byte of a flow. Work is logarithmic in the number of clients.
 */
public final class HalfOpenFlows {
  private static final int NONE = IntRows.NONE;
  private static final int SYN_WITH_DATA = 1 << 31;

  // A flow: eight numbers.
  private static final int FLOW_INTS = 8;
  private static final int ID = 0;
  private static final int TUPLES = 1; // a hash of both, and of the zone
  private static final int CLIENT_INITIAL = 2;
  private static final int SERVER_INITIAL = 3;
  private static final int OWNER = 4; // and in its highest bit whether a SYN with bytes came
  private static final int OLDER = 5;
  private static final int YOUNGER = 6;
  private static final int CHAIN = 7;

  // A client: five numbers. Its flows are a ring; OLDER of the oldest is the youngest.
  private static final int CLIENT_INTS = 5;
  private static final int KEY = 0;
  private static final int OLDEST = 1;
  private static final int COUNT = 2;
  private static final int PLACE = 3;
  private static final int CLIENT_CHAIN = 4;

  private final long secret = new SecureRandom().nextLong();
  private final IntRows flows = new IntRows(FLOW_INTS, ID, CHAIN);
  private final IntRows clients = new IntRows(CLIENT_INTS, KEY, CLIENT_CHAIN);

  /** Clients as a heap: whoever holds most is the first. */
  private int[] heap = new int[16];

  private int most;

  /**
   * The numbers with which the two sides began.
   *
   * @param conntrackId its conntrack id
   * @param clientInitial sequence number of the SYN
   * @param serverInitial sequence number of the SYN+ACK
   * @param synWithData whether a SYN with bytes came since
   */
  public record Beginning(
      int conntrackId, int clientInitial, int serverInitial, boolean synWithData) {}

  /**
   * Makes it empty.
   *
   * @param most how many flows it holds, 1 or more
   */
  public HalfOpenFlows(int most) {
    this.most = most;
  }

  /**
   * Puts another limit in force. What is too much goes when the next flow comes.
   *
   * @param newMost how many flows it holds, 1 or more
   */
  public synchronized void setMost(int newMost) {
    most = newMost;
  }

  /**
   * How many flows it holds, those included that are over and not yet the oldest of their client.
   *
   * @return 0 or more
   */
  public synchronized int size() {
    return flows.size();
  }

  /**
   * Adds a flow, in the place of one with the same conntrack id and tuples.
   *
   * @param entry its conntrack
   * @param clientInitial sequence number of the SYN
   * @param serverInitial sequence number of the SYN+ACK
   * @return how many others were lost for it
   */
  public synchronized int add(ConntrackEntry entry, int clientInitial, int serverInitial) {
    int tuples = hash(secret, entry);
    int before = find(entry.id(), tuples);
    if (before != NONE) {
      remove(before);
    }
    int lost = 0;
    while (flows.size() >= most) {
      remove(clients.get(heap[0], OLDEST));
      lost++;
    }
    int row = flows.add(entry.id());
    flows.set(row, TUPLES, tuples);
    flows.set(row, CLIENT_INITIAL, clientInitial);
    flows.set(row, SERVER_INITIAL, serverInitial);
    give(row, (int) mix(ClientKey.of(entry.original().source()) ^ secret));
    return lost;
  }

  /**
   * Goes on with a flow that another process held.
   *
   * @param entry its conntrack
   * @param beginning how it began
   * @return how many others were lost for it
   */
  public synchronized int restore(ConntrackEntry entry, Beginning beginning) {
    int lost = add(entry, beginning.clientInitial(), beginning.serverInitial());
    if (beginning.synWithData()) {
      noteSynWithData(entry);
    }
    return lost;
  }

  /**
   * Finds a flow.
   *
   * @param entry its conntrack
   * @return how it began; null if it is not held
   */
  public synchronized @Nullable Beginning find(ConntrackEntry entry) {
    int row = find(entry.id(), hash(secret, entry));
    return row == NONE ? null : beginning(row);
  }

  /**
   * Notes a SYN with bytes. It may be forged, so the flow stays.
   *
   * @param entry its conntrack
   * @return false if the flow is not held
   */
  public synchronized boolean noteSynWithData(ConntrackEntry entry) {
    int row = find(entry.id(), hash(secret, entry));
    if (row != NONE) {
      flows.set(row, OWNER, flows.get(row, OWNER) | SYN_WITH_DATA);
    }
    return row != NONE;
  }

  /**
   * Takes a flow out, because it has its first byte.
   *
   * @param entry its conntrack
   * @return how it began; null if it is not held
   */
  public synchronized @Nullable Beginning take(ConntrackEntry entry) {
    int row = find(entry.id(), hash(secret, entry));
    if (row == NONE) {
      return null;
    }
    Beginning beginning = beginning(row);
    remove(row);
    return beginning;
  }

  /**
   * The youngest flows, for a process that goes on with them.
   *
   * @param ofEach how many of each client at most
   * @param inAll how many in all at most
   * @return what it needs to find them and how they began
   */
  public synchronized HalfOpenState youngest(int ofEach, int inAll) {
    List<HalfOpenState.Held> youngest = new ArrayList<>();
    for (int place = 0; place < clients.size() && youngest.size() < inAll; place++) {
      int client = heap[place];
      int row = clients.get(client, OLDEST);
      int most = Math.min(inAll - youngest.size(), ofEach);
      for (int i = Math.min(most, clients.get(client, COUNT)); i > 0; i--) {
        row = flows.get(row, OLDER);
        youngest.add(new HalfOpenState.Held(flows.get(row, TUPLES), beginning(row)));
      }
    }
    return new HalfOpenState(secret, youngest);
  }

  private Beginning beginning(int row) {
    return new Beginning(
        flows.get(row, ID),
        flows.get(row, CLIENT_INITIAL),
        flows.get(row, SERVER_INITIAL),
        (flows.get(row, OWNER) & SYN_WITH_DATA) != 0);
  }

  private int find(int id, int tuples) {
    int row = flows.first(id);
    while (row != NONE && (flows.get(row, ID) != id || flows.get(row, TUPLES) != tuples)) {
      row = flows.next(row);
    }
    return row;
  }

  // ---- Clients --------------------------------------------------------------------------------

  private void give(int row, int key) {
    int client = clients.first(key);
    while (client != NONE && clients.get(client, KEY) != key) {
      client = clients.next(client);
    }
    if (client == NONE) {
      client = clients.add(key);
      clients.set(client, OLDEST, row);
      clients.set(client, COUNT, 1);
      flows.set(row, OLDER, row);
      flows.set(row, YOUNGER, row);
      int place = clients.size() - 1;
      if (place == heap.length) {
        heap = Arrays.copyOf(heap, 2 * place);
      }
      put(place, client);
    } else {
      int oldest = clients.get(client, OLDEST);
      int youngest = flows.get(oldest, OLDER);
      flows.set(row, OLDER, youngest);
      flows.set(row, YOUNGER, oldest);
      flows.set(youngest, YOUNGER, row);
      flows.set(oldest, OLDER, row);
      clients.set(client, COUNT, clients.get(client, COUNT) + 1);
    }
    flows.set(row, OWNER, client);
    up(clients.get(client, PLACE));
  }

  private void remove(int row) {
    int client = flows.get(row, OWNER) & ~SYN_WITH_DATA;
    int older = flows.get(row, OLDER);
    int younger = flows.get(row, YOUNGER);
    flows.set(older, YOUNGER, younger);
    flows.set(younger, OLDER, older);
    if (clients.get(client, OLDEST) == row) {
      clients.set(client, OLDEST, younger);
    }
    flows.remove(row);
    int left = clients.get(client, COUNT) - 1;
    clients.set(client, COUNT, left);
    int place = clients.get(client, PLACE);
    if (left > 0) {
      down(place);
      return;
    }
    int last = heap[clients.size() - 1];
    clients.remove(client);
    if (last != client) {
      put(place, last);
      up(place);
      down(clients.get(last, PLACE));
    }
  }

  private int countAt(int place) {
    return clients.get(heap[place], COUNT);
  }

  private void put(int place, int client) {
    heap[place] = client;
    clients.set(client, PLACE, place);
  }

  private void swap(int one, int other) {
    int client = heap[one];
    put(one, heap[other]);
    put(other, client);
  }

  private void up(int place) {
    int at = place;
    while (at > 0 && countAt((at - 1) / 2) < countAt(at)) {
      swap(at, (at - 1) / 2);
      at = (at - 1) / 2;
    }
  }

  private void down(int place) {
    int at = place;
    while (true) {
      int child = 2 * at + 1;
      if (child >= clients.size()) {
        return;
      }
      if (child + 1 < clients.size() && countAt(child + 1) > countAt(child)) {
        child++;
      }
      if (countAt(child) <= countAt(at)) {
        return;
      }
      swap(at, child);
      at = child;
    }
  }

  // ---- Hashes with a secret, so that nobody can choose two flows or clients that are the same ---

  static int hash(long secret, ConntrackEntry entry) {
    long hash = add(mix(secret ^ entry.zone()), entry.original());
    return (int) (add(hash, entry.reply()) >>> 32);
  }

  private static long add(long before, FlowTuple tuple) {
    long hash = add(before, tuple.source());
    hash = add(hash, tuple.destination());
    long ports = (long) tuple.sourcePort() << 16 | tuple.destinationPort();
    return mix(hash ^ ports ^ (long) tuple.protocol() << 32);
  }

  private static long add(long before, InetAddress address) {
    long hash = before;
    for (byte octet : address.getAddress()) {
      hash = mix(hash ^ octet);
    }
    return hash;
  }

  /** The finalizer of MurmurHash3: no two numbers become the same. */
  private static long mix(long number) {
    long hash = number;
    hash = (hash ^ hash >>> 33) * 0xff51afd7ed558ccdL;
    hash = (hash ^ hash >>> 33) * 0xc4ceb9fe1a85ec53L;
    return hash ^ hash >>> 33;
  }
}
