package org.pinholed.helper;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Shared maps for tests of one thread: bounded, with time, and with snapshots. */
public final class SimpleState implements SharedState {
  private final Map<String, SimpleMap<?>> maps = new HashMap<>();

  @Override
  @SuppressWarnings("unchecked")
  public <V> SharedMap<V> map(String name, int most, SharedMap.Codec<V> codec) {
    SimpleMap<V> map = (SimpleMap<V>) maps.computeIfAbsent(name, same -> new SimpleMap<>(codec));
    map.most = most;
    return map;
  }

  /** Writes all values down and reads them again, as another process would. */
  public void handOver() {
    maps.values().forEach(SimpleMap::handOver);
  }

  private static final class SimpleMap<V> implements SharedMap<V> {
    private final Codec<V> codec;
    private final Map<OwnerId, V> values = new HashMap<>();
    private final Map<OwnerId, Long> ends = new HashMap<>();
    private int most;

    SimpleMap(Codec<V> codec) {
      this.codec = codec;
    }

    @Override
    public @Nullable V get(OwnerId key, long nowNs) {
      Long endNs = ends.get(key);
      return endNs == null || endNs - nowNs <= 0 ? null : values.get(key);
    }

    @Override
    public boolean change(OwnerId key, long nowNs, Duration atMost, Change<V> change) {
      V before = get(key, nowNs);
      if (before == null && values.size() >= most) {
        return false;
      }
      V after = change.of(before);
      if (after == null) {
        values.remove(key);
        ends.remove(key);
      } else {
        values.put(key, after);
        ends.put(key, nowNs + atMost.toNanos());
      }
      return true;
    }

    @Override
    public int size() {
      return values.size();
    }

    void handOver() {
      values.replaceAll((key, value) -> codec.read(codec.write(value)));
      values.values().removeIf(value -> value == null);
    }
  }
}
