package org.pinholed.agent.shared;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.limit.SecretHash;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedMap;

/**
 * One map of a protocol. Keys are found by a hash that nobody outside can know, so that nobody can
 * choose keys that get into each other's way; those of one bucket are in order besides.
 *
 * @param <V> an immutable value
 */
final class BoundedMap<V> implements SharedMap<V> {
  private final ConcurrentHashMap<Key, Held<V>> values = new ConcurrentHashMap<>();
  private final AtomicInteger taken = new AtomicInteger();
  private final Codec<V> codec;
  private volatile int most;

  /** A value, when its time is over, and how many places it takes. */
  private record Held<V>(V value, long endNs, int places) {
    boolean isOver(long nowNs) {
      return endNs - nowNs <= 0;
    }
  }

  /** A key with a hash of its own. */
  private record Key(OwnerId id) implements Comparable<Key> {
    @Override
    public int hashCode() {
      return (int) SecretHash.and(SecretHash.of(id.high()), id.low());
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key that && id.equals(that.id);
    }

    @Override
    public int compareTo(Key other) {
      return id.compareTo(other.id);
    }
  }

  BoundedMap(Codec<V> codec, int most) {
    this.codec = codec;
    this.most = most;
  }

  void setMost(int newMost) {
    most = newMost;
  }

  @Override
  public @Nullable V get(OwnerId key, long nowNs) {
    Held<V> held = values.get(new Key(key));
    return held == null || held.isOver(nowNs) ? null : held.value();
  }

  @Override
  public boolean change(OwnerId key, long nowNs, TimedChange<V> change) {
    boolean[] full = new boolean[1];
    values.compute(
        new Key(key),
        (same, held) -> {
          Kept<V> after = change.of(held == null || held.isOver(nowNs) ? null : held.value());
          int had = held == null ? 0 : held.places();
          int wanted = after == null ? 0 : codec.places(after.value());
          if (!take(wanted - had, held == null)) {
            full[0] = true;
            return held;
          }
          return after == null
              ? null
              : new Held<>(after.value(), nowNs + after.atMost().toNanos(), wanted);
        });
    return !full[0];
  }

  /**
   * Takes places or gives them back. What is there may grow when nothing new has room any more, so
   * that calls which began can also be answered.
   */
  private boolean take(int places, boolean isNew) {
    int limit = most;
    limit += isNew ? 0 : limit / 4;
    if (taken.addAndGet(places) <= limit || places <= 0) {
      return true;
    }
    taken.addAndGet(-places);
    return false;
  }

  @Override
  public int size() {
    return taken.get();
  }

  /** Takes out what has had its time. */
  void purge(long nowNs) {
    for (Key key : values.keySet()) {
      values.computeIfPresent(
          key,
          (same, held) -> {
            if (!held.isOver(nowNs)) {
              return held;
            }
            taken.addAndGet(-held.places());
            return null;
          });
    }
  }

  /** Writes all values down for another process. */
  List<SharedEntry> entries(String protocol, String name, long nowNs) {
    List<SharedEntry> entries = new ArrayList<>();
    values.forEach(
        (key, held) -> {
          long leftMs = (held.endNs() - nowNs) / 1_000_000;
          if (leftMs > 0) {
            entries.add(
                new SharedEntry(
                    protocol, name, key.id(), leftMs, codec.write(held.value(), nowNs)));
          }
        });
    return entries;
  }

  /** Takes over what another process wrote down; what is not understood is left out. */
  void restore(SharedEntry entry, long nowNs) {
    V value = codec.read(entry.text(), nowNs);
    if (value != null) {
      change(entry.key(), nowNs, Duration.ofMillis(entry.leftMs()), before -> value);
    }
  }
}
