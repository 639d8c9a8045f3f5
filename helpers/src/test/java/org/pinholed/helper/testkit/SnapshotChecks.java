package org.pinholed.helper.testkit;

import java.util.List;
import org.pinholed.helper.SessionHelper;

/**
 * One process reads up to a message, another goes on from there, with what the first one said of
 * itself and of the shared maps.
 */
public final class SnapshotChecks {
  private final HelperSetup setup;
  private final Dialogue dialogue;

  /**
   * Takes what is said.
   *
   * @param setup what is run
   * @param dialogue what is said; the flow is handed over between any two messages
   */
  public SnapshotChecks(HelperSetup setup, Dialogue dialogue) {
    this.setup = setup;
    this.dialogue = dialogue;
  }

  /**
   * Hands the flow over before each message: from there on the outcomes are the same.
   *
   * @throws AssertionError also if the helper could nowhere say where it stands
   */
  public void handOverBeforeEachMessage() {
    List<Message> messages = dialogue.messages();
    int handedOver = 0;
    for (int index = 0; index < messages.size(); index++) {
      HelperRun before = new HelperRun(setup).say(new Dialogue(messages.subList(0, index)));
      if (!before.isAtBoundary()) {
        continue;
      }
      HelperRun after = before.handOver();
      if (after == null) {
        continue;
      }
      handedOver++;
      int outcomes = before.sink().outcomes().size();
      int understood = before.sink().understood().size();
      Dialogue rest = new Dialogue(messages.subList(index, messages.size()));
      Observed expected = before.say(rest).observedFrom(outcomes, understood);
      Observed.same(
          expected, after.say(rest).observed(), "handed over before " + messages.get(index).text());
    }
    if (handedOver == 0) {
      throw new AssertionError("snapshot: empty before every message (expected: some text)");
    }
  }

  /** Gives a helper snapshots that are cut off or changed: it takes them or nothing changes. */
  public void damaged() {
    List<Message> messages = dialogue.messages();
    for (int index = 0; index <= messages.size(); index++) {
      HelperRun before = new HelperRun(setup).say(new Dialogue(messages.subList(0, index)));
      String snapshot = before.helper().snapshot();
      for (int at = 0; at < snapshot.length(); at++) {
        restore(snapshot.substring(0, at));
        for (String other : List.of("", "0", "9", " ", "-", "\u00e9", "99999999999999999999")) {
          restore(snapshot.substring(0, at) + other + snapshot.substring(at + 1));
        }
      }
    }
  }

  private void restore(String snapshot) {
    SessionHelper helper = new HelperRun(setup).helper();
    String untouched = helper.snapshot();
    boolean taken;
    try {
      taken = helper.restore(snapshot);
    } catch (RuntimeException thrown) {
      throw new AssertionError("restore of '" + snapshot + "' threw " + thrown, thrown);
    }
    if (!taken && !helper.snapshot().equals(untouched)) {
      throw new AssertionError("restore of '" + snapshot + "' was refused, and changed something");
    }
  }
}
