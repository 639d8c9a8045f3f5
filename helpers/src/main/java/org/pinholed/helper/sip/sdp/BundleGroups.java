package org.pinholed.helper.sip.sdp;

import org.pinholed.helper.ByteCursor;

/**
 * The BUNDLE groups of a description (RFC 9143): which sections want to share one port. A section
 * whose name is in doubt, or that is in two groups, shares nothing and keeps its own.
 */
final class BundleGroups {
  private static final byte[] BUNDLE = {'b', 'u', 'n', 'd', 'l', 'e'};
  private static final int IN_TWO = -2;

  /** How many names are looked at in all, and how long one is, so that many cost little. */
  private static final int NAMES_MAX = 64;

  private static final int NAME_BYTES_MAX = 64;

  private final int[] from;
  private final int[] to;
  private int count;

  BundleGroups(int max) {
    from = new int[max];
    to = new int[max];
  }

  void clear() {
    count = 0;
  }

  /**
   * Notes a group, if it is one of this kind.
   *
   * @param line before its semantics
   */
  void add(SdpLine line) {
    if (count < from.length && line.acceptToken(BUNDLE)) {
      from[count] = line.index();
      to[count] = line.endIndex();
      count++;
    }
  }

  /**
   * Says of each section into which other one it is bundled.
   *
   * @param bytes where the description is
   * @param line used for reading
   * @param sections all of them, with their names
   * @param streams how many
   */
  void resolve(ByteCursor bytes, SdpLine line, SdpMedia[] sections, int streams) {
    int names = 0;
    for (int group = 0; group < count; group++) {
      line.over(bytes, from[group], to[group]);
      while (line.token()) {
        if (++names > NAMES_MAX) {
          return;
        }
        int named = named(bytes, line, sections, streams);
        if (named >= 0) {
          sections[named].group = sections[named].group == SdpView.NONE ? group : IN_TWO;
        }
      }
    }
    for (int group = 0; group < count; group++) {
      bundle(bytes, line.over(bytes, from[group], to[group]), group, sections, streams);
    }
  }

  // The first section of the list that has a port is the one whose port all use (RFC 9143 section
  // 7.2.1, 7.3.1). Those that have none must wait for it.
  private static void bundle(
      ByteCursor bytes, SdpLine line, int group, SdpMedia[] sections, int streams) {
    int first = SdpView.NONE;
    while (first < 0 && line.token()) {
      int named = named(bytes, line, sections, streams);
      if (named >= 0 && sections[named].group == group && sections[named].port() > 0) {
        first = named;
      }
    }
    for (int at = 0; first >= 0 && at < streams; at++) {
      SdpMedia section = sections[at];
      if (at != first && section.group == group && shares(section, sections[first])) {
        section.bundledInto = first;
      }
    }
  }

  private static boolean shares(SdpMedia section, SdpMedia first) {
    return section.port() == 0
        || section.connection().isUnspecified()
        || section.connection().same(first.connection());
  }

  private static int named(ByteCursor bytes, SdpLine line, SdpMedia[] sections, int streams) {
    int found = SdpView.NONE;
    for (int at = 0; at < streams; at++) {
      SdpMedia section = sections[at];
      if (section.mids == 1 && is(bytes, line, section)) {
        if (found >= 0) {
          return SdpView.NONE; // two of one name
        }
        found = at;
      }
    }
    return found;
  }

  private static boolean is(ByteCursor bytes, SdpLine line, SdpMedia section) {
    int length = section.midTo - section.midFrom;
    if (length > NAME_BYTES_MAX || length != line.spanLengthBytes()) {
      return false;
    }
    for (int at = 0; at < length; at++) {
      if (bytes.u8At(section.midFrom + at) != bytes.u8At(line.spanFrom() + at)) {
        return false;
      }
    }
    return true;
  }
}
