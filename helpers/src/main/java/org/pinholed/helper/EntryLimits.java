package org.pinholed.helper;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * The limits of one entry of {@code helpers}, as somebody set them: an operator for the entry, or a
 * protocol for all of its entries. Immutable.
 *
 * @param values those that are set; none is 0
 */
public record EntryLimits(Map<EntryLimit, Integer> values) {
  /** Nothing is limited but by what all entries have in common. */
  public static final EntryLimits NONE = new EntryLimits(Map.of());

  /** What part of the whole one client may have where only the whole is set. */
  private static final int SHARE = 16;

  /** Refuses values outside their ranges, and leaves out those that say nothing. */
  public EntryLimits {
    Map<EntryLimit, Integer> set = new EnumMap<>(EntryLimit.class);
    values.forEach(
        (limit, value) -> {
          Ranges.require(limit.word(), value, 0, limit.most());
          if (value != 0) {
            set.put(limit, value);
          }
        });
    values = Collections.unmodifiableMap(set);
  }

  /**
   * The same with one limit more.
   *
   * @param limit which one
   * @param value from 0, which takes it out, to {@link EntryLimit#most}
   * @return a copy
   */
  public EntryLimits with(EntryLimit limit, int value) {
    Map<EntryLimit, Integer> changed = new EnumMap<>(EntryLimit.class);
    changed.putAll(values);
    changed.put(limit, value);
    return new EntryLimits(changed);
  }

  /**
   * The same, with those of another one where nothing is set here.
   *
   * @param others for example those of the protocol
   * @return a copy
   */
  public EntryLimits or(EntryLimits others) {
    Map<EntryLimit, Integer> all = new EnumMap<>(EntryLimit.class);
    all.putAll(others.values);
    all.putAll(values);
    return new EntryLimits(all);
  }

  /**
   * What is set.
   *
   * @return for example {@code " parents 100 owners 20"}, with a space before each; may be empty
   */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    values.forEach(
        (limit, value) -> text.append(' ').append(limit.word()).append(' ').append(value));
    return text.toString();
  }

  /**
   * Whether a limit is set itself.
   *
   * @param limit which one
   * @return false also for the share of a client that only follows from the whole
   */
  public boolean isSet(EntryLimit limit) {
    return values.containsKey(limit);
  }

  /**
   * How many there may be. Where only the whole is set, one client may have a sixteenth of it, so
   * that none can take all of it.
   *
   * @param limit of what
   * @return 1 or more; {@link Integer#MAX_VALUE} if nothing is set
   */
  public int most(EntryLimit limit) {
    Integer value = values.get(limit);
    if (value != null) {
      return value;
    }
    EntryLimit whole = limit.whole();
    Integer ofAll = whole == null ? null : values.get(whole);
    return ofAll == null ? Integer.MAX_VALUE : Math.max(1, ofAll / SHARE);
  }
}
