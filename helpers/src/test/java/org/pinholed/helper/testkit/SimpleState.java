package org.pinholed.helper.testkit;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;

/** Shared maps for tests of one thread: bounded, with time, and with snapshots. */
public final class SimpleState implements SharedState {
  private static final int TEXT_LENGTH = 4000;

  private final Map<String, SimpleMap<?>> maps = new HashMap<>();

  /** What another process had in its maps, until they are asked for. */
  private final Map<String, Map<OwnerId, Written>> handedOver = new HashMap<>();

  private final Work work;

  private record Written(String text, long atNs, long endNs) {}

  /** Makes a state with nothing in it. */
  public SimpleState() {
    this(new Work());
  }

  SimpleState(Work work) {
    this.work = work;
  }

  @Override
  @SuppressWarnings("unchecked")
  public <V> SharedMap<V> map(String name, int most, SharedMap.Codec<V> codec) {
    SimpleMap<V> map =
        (SimpleMap<V>)
            maps.computeIfAbsent(
                name,
                same ->
                    new SimpleMap<>(codec, work, handedOver.getOrDefault(name, new HashMap<>())));
    map.most = most;
    return map;
  }

  /**
   * What another process has of it: all values are written down, and read when that one asks for
   * the maps.
   *
   * @return that state
   * @throws AssertionError if a codec does not understand what it wrote
   */
  public SimpleState handOver() {
    return handOver(new Work());
  }

  SimpleState handOver(Work ofNext) {
    SimpleState next = new SimpleState(ofNext);
    maps.forEach((name, map) -> next.handedOver.put(name, map.written(name)));
    return next;
  }

  private static final class SimpleMap<V> implements SharedMap<V> {
    private final Codec<V> codec;
    private final Work work;
    private final Map<OwnerId, V> values = new LinkedHashMap<>();
    private final Map<OwnerId, Long> ends = new HashMap<>();
    private int most;
    private int taken;
    private long lastNs;

    SimpleMap(Codec<V> codec, Work work, Map<OwnerId, Written> before) {
      this.codec = codec;
      this.work = work;
      before.forEach(
          (key, written) -> {
            V value = codec.read(written.text(), written.atNs());
            if (value == null) {
              throw new AssertionError("the codec does not understand its own " + written.text());
            }
            values.put(key, value);
            taken += codec.places(value);
            ends.put(key, written.endNs());
            lastNs = written.atNs();
          });
    }

    @Override
    public @Nullable V get(OwnerId key, long nowNs) {
      work.call();
      lastNs = nowNs;
      Long endNs = ends.get(key);
      return endNs == null || endNs - nowNs <= 0 ? null : values.get(key);
    }

    @Override
    public boolean change(OwnerId key, long nowNs, TimedChange<V> change) {
      V before = get(key, nowNs);
      Kept<V> after = change.of(before);
      V held = values.get(key);
      int more =
          (after == null ? 0 : codec.places(after.value()))
              - (held == null ? 0 : codec.places(held));
      if (more > 0 && taken + more > (held == null ? most : most + most / 4)) {
        return false;
      }
      taken += more;
      if (after == null) {
        values.remove(key);
        ends.remove(key);
      } else {
        values.put(key, after.value());
        ends.put(key, nowNs + after.atMost().toNanos());
      }
      return true;
    }

    @Override
    public int size() {
      return taken;
    }

    Map<OwnerId, Written> written(String name) {
      Map<OwnerId, Written> all = new LinkedHashMap<>();
      values.forEach(
          (key, value) -> {
            String text = codec.write(value, lastNs);
            boolean sound =
                text.length() <= TEXT_LENGTH
                    && text.chars().allMatch(letter -> letter >= ' ' && letter < 0x7f);
            V again = sound ? codec.read(text, lastNs) : null;
            if (again == null || !codec.write(again, lastNs).equals(text)) {
              throw new AssertionError(
                  "map " + name + ": the codec does not read what it wrote: " + text);
            }
            for (int length = 0; length < text.length(); length++) {
              codec.read(text.substring(0, length), lastNs); // must not throw
            }
            all.put(key, new Written(text, lastNs, ends.getOrDefault(key, 0L)));
          });
      return all;
    }
  }
}
