package org.pinholed.helper.dcerpc.opening;

import java.util.ArrayList;
import java.util.List;
import org.pinholed.helper.dcerpc.words.Interfaces;
import org.pinholed.helper.dcerpc.words.Uuid;
import org.pinholed.helper.dcerpc.words.UuidSet;
import org.pinholed.helper.text.Options;

/**
 * For which interfaces a port may be opened. It chooses ports, not what is called there: many
 * interfaces share one port. Immutable.
 */
public final class InterfacePolicy {
  /** The word for all interfaces. */
  public static final String ANY = "any";

  private static final String EXPECTED =
      "UUIDs and names of interfaces such as netlogon or drsuapi";

  private final boolean any;
  private final UuidSet allowed;
  private final UuidSet denied;

  private InterfacePolicy(boolean any, UuidSet allowed, UuidSet denied) {
    this.any = any;
    this.allowed = allowed;
    this.denied = denied;
  }

  /**
   * Reads what may be opened.
   *
   * @param values the options of an entry
   * @param allowed name of the option for what may be opened: UUIDs and names, or {@link #ANY}
   * @param denied name of the option for what may not, whatever the other one says
   * @return the policy
   * @throws IllegalArgumentException if one of them names no interface
   */
  public static InterfacePolicy of(Options values, String allowed, String denied) {
    List<String> words = values.words(allowed, ANY);
    boolean any = words.equals(List.of(ANY));
    return new InterfacePolicy(
        any,
        any ? UuidSet.of(List.of()) : interfaces(allowed, words, ANY + " alone, or " + EXPECTED),
        interfaces(denied, values.words(denied, ""), EXPECTED));
  }

  private static UuidSet interfaces(String option, List<String> words, String expected) {
    List<Uuid> all = new ArrayList<>();
    for (String word : words) {
      Uuid uuid = Uuid.parse(word);
      List<Uuid> named = uuid == null ? Interfaces.named(word) : List.of(uuid);
      if (named.isEmpty()) {
        throw Options.refused(option, word, expected);
      }
      all.addAll(named);
    }
    return UuidSet.of(all);
  }

  /**
   * Whether a port may be opened for an interface. Allocates nothing.
   *
   * @param high the first half of its UUID, as {@link Uuid#high()}
   * @param low the second half
   * @return true if it may
   */
  public boolean allows(long high, long low) {
    return (any || allowed.contains(high, low)) && !denied.contains(high, low);
  }
}
