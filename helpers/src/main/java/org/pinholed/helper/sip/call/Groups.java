package org.pinholed.helper.sip.call;

/**
 * The names of the groups of a call. Made of tags and of the way from the one whose ports they are
 * to the other one; of 25 characters at most.
 */
final class Groups {
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

  /** Where a party takes requests. */
  static String signals(long of, int place) {
    return "s" + CallNames.tagText(of) + CallNames.placeText(place);
  }

  /** Where it would take them once its request is accepted. */
  static String refresh(long of, int place) {
    return "t" + CallNames.tagText(of) + CallNames.placeText(place);
  }
}
