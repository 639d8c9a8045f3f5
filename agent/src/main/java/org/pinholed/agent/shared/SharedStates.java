package org.pinholed.agent.shared;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.pinholed.helper.Ranges;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;

/** The shared maps of all protocols. Outlives configurations. Thread-safe. */
public final class SharedStates {
  private static final int MOST = 1 << 20;

  private final Map<String, OfProtocol> protocols = new ConcurrentHashMap<>();

  /** Makes it empty. */
  public SharedStates() {}

  /**
   * What the flows of a protocol share.
   *
   * @param protocol its name
   * @return the same for the same name
   */
  public SharedState of(String protocol) {
    return ofProtocol(protocol);
  }

  private OfProtocol ofProtocol(String protocol) {
    return protocols.computeIfAbsent(protocol, name -> new OfProtocol());
  }

  /**
   * Takes out what has had its time.
   *
   * @param nowNs the time that helpers are given
   */
  public void purge(long nowNs) {
    protocols.values().forEach(each -> each.maps.values().forEach(map -> map.purge(nowNs)));
  }

  /**
   * Writes everything down for another process.
   *
   * @param nowNs the time that helpers are given
   * @return what its maps need
   */
  public List<SharedEntry> entries(long nowNs) {
    List<SharedEntry> entries = new ArrayList<>();
    protocols.forEach(
        (protocol, each) -> {
          each.maps.forEach((name, map) -> entries.addAll(map.entries(protocol, name, nowNs)));
          each.waiting.values().forEach(left -> left.forEach(one -> one.addTo(entries, nowNs)));
        });
    return entries;
  }

  /**
   * Takes over what another process wrote down. Each entry gets into its map as soon as a helper
   * asks for that.
   *
   * @param entries what it said
   * @param nowNs the time that helpers are given
   */
  public void restore(List<SharedEntry> entries, long nowNs) {
    entries.forEach(entry -> ofProtocol(entry.protocol()).wait(entry, nowNs));
  }

  /** The maps of one protocol. */
  private static final class OfProtocol implements SharedState {
    private final Map<String, BoundedMap<?>> maps = new ConcurrentHashMap<>();
    private final Map<String, Queue<Waiting>> waiting = new ConcurrentHashMap<>();

    /** An entry of a map that no helper has asked for yet. */
    private record Waiting(SharedEntry entry, long sinceNs) {
      void addTo(List<SharedEntry> entries, long nowNs) {
        long leftMs = entry.leftMs() - (nowNs - sinceNs) / 1_000_000;
        if (leftMs > 0) {
          entries.add(
              new SharedEntry(entry.protocol(), entry.map(), entry.key(), leftMs, entry.text()));
        }
      }
    }

    void wait(SharedEntry entry, long nowNs) {
      waiting
          .computeIfAbsent(entry.map(), name -> new ConcurrentLinkedQueue<>())
          .add(new Waiting(entry, nowNs));
    }

    @Override
    @SuppressWarnings("unchecked") // a name stands for one kind of value, within one protocol
    public <V> SharedMap<V> map(String name, int most, SharedMap.Codec<V> codec) {
      Ranges.require("most", most, 1, MOST);
      BoundedMap<V> map =
          (BoundedMap<V>)
              maps.computeIfAbsent(
                  name,
                  same -> {
                    BoundedMap<V> made = new BoundedMap<>(codec, most);
                    Queue<Waiting> left = waiting.remove(name);
                    if (left != null) {
                      left.forEach(each -> made.restore(each.entry(), each.sinceNs()));
                    }
                    return made;
                  });
      map.setMost(most);
      return map;
    }
  }
}
