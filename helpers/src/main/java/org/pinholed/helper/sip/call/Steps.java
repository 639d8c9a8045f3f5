package org.pinholed.helper.sip.call;

import java.util.ArrayList;
import java.util.List;

/** The steps that follow from one message, as the rules say them one after the other. */
final class Steps {
  private final List<Step> all = new ArrayList<>();

  Steps() {}

  /** The last word on a group counts, at the place of the first one: what closes comes after it. */
  void open(String group, Step step) {
    for (int at = all.size() - 1; at >= 0; at--) {
      Step said = all.get(at);
      if (said instanceof Step.Close closed && closed.group().equals(group)) {
        break;
      }
      if ((said instanceof Step.OpenMedia media && media.group().equals(group))
          || (said instanceof Step.OpenSignals signals && signals.group().equals(group))) {
        all.set(at, step);
        return;
      }
    }
    all.add(step);
  }

  void add(Step step) {
    all.add(step);
  }

  List<Step> all() {
    return new ArrayList<>(all);
  }
}
