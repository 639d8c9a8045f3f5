package org.pinholed.helper;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * State that all flows of a protocol share, whichever worker reads them. Bounded: a map that is
 * full takes no new key, and no value that is larger than the one before. Thread-safe; changes of
 * one key come one after the other.
 *
 * @param <V> an immutable value
 */
public interface SharedMap<V> {
  /** What becomes of a value. */
  @FunctionalInterface
  interface Change<V> {
    /**
     * Changes it. Must be quick, and must not use the map.
     *
     * @param before the value until now; null if there is none
     * @return the value from now on; null to take it out
     */
    @Nullable V of(@Nullable V before);
  }

  /**
   * A value, and how long it stays.
   *
   * @param value the value from now on
   * @param atMost how long it stays from now on unless it is changed again
   * @param <V> its kind
   */
  record Kept<V>(V value, Duration atMost) {}

  /** What becomes of a value, and for how long. */
  @FunctionalInterface
  interface TimedChange<V> {
    /**
     * Changes it. Must be quick, and must not use the map.
     *
     * @param before the value until now; null if there is none
     * @return the value from now on and its time; null to take it out
     */
    @Nullable Kept<V> of(@Nullable V before);
  }

  /**
   * How values are handed over to another process, where another moment may be zero, and how much
   * room they take.
   */
  interface Codec<V> {
    /**
     * How many places of its map a value takes. Must be quick.
     *
     * @param value a value
     * @return 1, or more for one that is larger than most
     */
    default int places(V value) {
      return 1;
    }

    /**
     * Writes a value down. Moments in it are written as their distance from now.
     *
     * @param value a value
     * @param nowNs the time, as helpers are given it
     * @return at most 4000 characters of ASCII, without line ends
     */
    String write(V value, long nowNs);

    /**
     * Reads a value, perhaps one that another version wrote.
     *
     * @param text what {@link #write} said, or anything else
     * @param nowNs the same moment, as the helpers of this process are given it
     * @return null if it is not understood
     */
    @Nullable V read(String text, long nowNs);
  }

  /**
   * The value of a key.
   *
   * @param key the key
   * @param nowNs the time that the helper was given with its bytes
   * @return null if there is none, or its time is over
   */
  @Nullable V get(OwnerId key, long nowNs);

  /**
   * Changes the value of a key.
   *
   * @param key the key
   * @param nowNs the time that the helper was given with its bytes
   * @param atMost how long the value stays from now on unless it is changed again
   * @param change what becomes of it
   * @return false if there is no room for what the change made; then nothing was changed
   */
  default boolean change(OwnerId key, long nowNs, Duration atMost, Change<V> change) {
    return change(
        key,
        nowNs,
        before -> {
          V after = change.of(before);
          return after == null ? null : new Kept<>(after, atMost);
        });
  }

  /**
   * Changes the value of a key, where the new value itself says how long it stays.
   *
   * @param key the key
   * @param nowNs the time that the helper was given with its bytes
   * @param change what becomes of it
   * @return false if there is no room for what the change made; then nothing was changed
   */
  boolean change(OwnerId key, long nowNs, TimedChange<V> change);

  /**
   * How many places are taken, with those of values whose time is over since a moment.
   *
   * @return 0 or more
   */
  int size();
}
