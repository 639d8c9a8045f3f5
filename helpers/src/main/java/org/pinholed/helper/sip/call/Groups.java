package org.pinholed.helper.sip.call;

import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * The names of the groups of a call. Made of tags and of the way from the one whose ports they are
 * to the other one; of 25 characters at most.
 */
final class Groups {
  private static final int TAG_AT = 1;
  private static final int WITH_AT = TAG_AT + CallNames.TAG_CHARACTERS;
  private static final int MEDIA_LENGTH =
      WITH_AT + CallNames.TAG_CHARACTERS + CallNames.PLACE_CHARACTERS;

  private Groups() {}

  /** Media of a first offer, before anybody answered. */
  static String offer(long tag, int place) {
    return "m" + CallNames.tagText(tag) + CallNames.placeText(place);
  }

  /** Media of a party that both agreed to. */
  static String media(long of, long with, int place) {
    return "m" + CallNames.tagText(of) + CallNames.tagText(with) + CallNames.placeText(place);
  }

  /** Media that a party would take, also what stays as it is. */
  static String pending(long of, long with, int place) {
    return "p" + CallNames.tagText(of) + CallNames.tagText(with) + CallNames.placeText(place);
  }

  /**
   * The parties of other dialogs with one of two parties, of which something is open.
   *
   * @param groups names of groups of the call
   * @param one a party
   * @param other the other party of its dialog
   * @param places names of the ways that are meant
   * @return by whose side: the tags of those who are in a dialog with it and are not the other one
   */
  static Others others(Set<String> groups, long one, long other, int... places) {
    Set<Long> ofOne = new TreeSet<>();
    Set<Long> ofOther = new TreeSet<>();
    for (String group : groups) {
      if (group.length() != MEDIA_LENGTH || "mp".indexOf(group.charAt(0)) < 0) {
        continue;
      }
      long of = CallNames.tagOf(group, TAG_AT);
      long with = CallNames.tagOf(group, WITH_AT);
      boolean isOfWay =
          IntStream.of(places).anyMatch(place -> group.endsWith(CallNames.placeText(place)));
      if (isOfWay && of != one && of != other) {
        if (with == one) {
          ofOne.add(of);
        } else if (with == other) {
          ofOther.add(of);
        }
      }
    }
    return new Others(ofOne, ofOther);
  }

  /** Parties of other dialogs. */
  record Others(Set<Long> ofOne, Set<Long> ofOther) {
    static final Others NONE = new Others(Set.of(), Set.of());

    Others {
      ofOne = Set.copyOf(ofOne);
      ofOther = Set.copyOf(ofOther);
    }
  }

  /** Where a party takes requests. */
  static String signals(long of, int place) {
    return "s" + CallNames.tagText(of) + CallNames.placeText(place);
  }

  /** Where it would take them once its request is accepted. */
  static String refresh(long of, int place) {
    return "t" + CallNames.tagText(of) + CallNames.placeText(place);
  }
}
