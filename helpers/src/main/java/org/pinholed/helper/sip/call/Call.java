package org.pinholed.helper.sip.call;

import java.util.ArrayList;
import java.util.List;

/**
 * What is remembered of a call. Immutable.
 *
 * @param startNs when its INVITE came first
 * @param caller hash of the tag of the party that sent the INVITE
 * @param keptUntilNs until when its owner was said to live
 * @param legs the ways of its INVITE
 * @param dialogs its dialogs, the oldest first
 */
record Call(long startNs, long caller, long keptUntilNs, List<Leg> legs, List<Dialog> dialogs) {
  Call {
    legs = List.copyOf(legs);
    dialogs = List.copyOf(dialogs);
  }

  /**
   * How long it is worth to be remembered: as long as it lives, and what is over for as long as
   * copies of its messages may come.
   *
   * @return nanoseconds from now; 0 if that is over
   */
  long rememberedNs(long nowNs) {
    long untilNs = nowNs;
    for (Leg leg : legs) {
      untilNs = later(untilNs, leg.deadlineNs());
    }
    for (Dialog dialog : dialogs) {
      if (dialog.phase() != Dialog.Phase.EARLY) {
        untilNs = later(untilNs, dialog.endNs());
      }
    }
    return untilNs - nowNs;
  }

  static long later(long oneNs, long otherNs) {
    return otherNs - oneNs > 0 ? otherNs : oneNs;
  }

  Call replacing(Media before, Media after) {
    List<Leg> otherLegs = new ArrayList<>(legs);
    otherLegs.replaceAll(leg -> leg.replacing(before, after));
    List<Dialog> otherDialogs = new ArrayList<>(dialogs);
    otherDialogs.replaceAll(dialog -> dialog.replacing(before, after));
    return new Call(startNs, caller, keptUntilNs, otherLegs, otherDialogs);
  }

  Call replacing(Signals before, Signals after) {
    List<Leg> otherLegs = new ArrayList<>(legs);
    otherLegs.replaceAll(leg -> leg.replacing(before, after));
    List<Dialog> otherDialogs = new ArrayList<>(dialogs);
    otherDialogs.replaceAll(dialog -> dialog.replacing(before, after));
    return new Call(startNs, caller, keptUntilNs, otherLegs, otherDialogs);
  }
}
