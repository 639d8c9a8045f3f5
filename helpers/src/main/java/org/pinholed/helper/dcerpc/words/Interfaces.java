package org.pinholed.helper.dcerpc.words;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The names of well-known interfaces. Immutable. */
public final class Interfaces {
  /** By UUID, so that a look-up with two numbers needs no object. */
  private static final InterfaceFile.Line[] SORTED =
      InterfaceFile.read().stream()
          .sorted(Comparator.comparing(InterfaceFile.Line::uuid))
          .toArray(InterfaceFile.Line[]::new);

  private static final Map<String, List<Uuid>> BY_NAME = byName();

  private Interfaces() {}

  /**
   * What an interface is called.
   *
   * @param high the first half of its UUID, as {@link Uuid#high()}
   * @param low the second half
   * @return the name, null if it is not well known
   */
  public static @Nullable String nameOf(long high, long low) {
    int from = 0;
    int to = SORTED.length - 1;
    while (from <= to) {
      int middle = (from + to) >>> 1;
      Uuid uuid = SORTED[middle].uuid();
      int order = Uuid.compare(uuid.high(), uuid.low(), high, low);
      if (order == 0) {
        return SORTED[middle].names().get(0);
      }
      if (order < 0) {
        from = middle + 1;
      } else {
        to = middle - 1;
      }
    }
    return null;
  }

  /**
   * What an interface is called where something must stand.
   *
   * @param high the first half of its UUID, as {@link Uuid#high()}
   * @param low the second half
   * @return its name, or its UUID if it is not well known
   */
  public static String labelOf(long high, long low) {
    String name = nameOf(high, low);
    return name == null ? Uuid.text(high, low) : name;
  }

  /**
   * The interfaces that have a name, be it the one that is shown or another one.
   *
   * @param name a name; capital letters do not count
   * @return their UUIDs, none if nothing is called so
   */
  public static List<Uuid> named(String name) {
    return BY_NAME.getOrDefault(key(name), List.of());
  }

  private static Map<String, List<Uuid>> byName() {
    Map<String, List<Uuid>> byName = new HashMap<>();
    for (InterfaceFile.Line line : SORTED) {
      for (String name : line.names()) {
        byName.computeIfAbsent(key(name), key -> new ArrayList<>()).add(line.uuid());
      }
    }
    byName.replaceAll((name, uuids) -> List.copyOf(uuids));
    return Map.copyOf(byName);
  }

  private static String key(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
