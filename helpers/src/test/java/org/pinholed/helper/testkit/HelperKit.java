package org.pinholed.helper.testkit;

/**
 * Runs a helper through all that the kit knows. A test of a helper calls {@link #everything} with a
 * dialogue in which each kind of message occurs, and {@link CostChecks} with one that grows.
 */
public final class HelperKit {
  private static final long SEED = 8;
  private static final int ROUNDS = 200;
  private static final int MOMENTS = 16;

  private HelperKit() {}

  /**
   * Cuts, lies, damage, other moments of time, and hand-over.
   *
   * @param setup what is run
   * @param dialogue what is said; each byte of it costs some tens of runs, so a few thousand bytes
   *     are enough
   * @throws AssertionError if the helper does not stand one of them
   */
  public static void everything(HelperSetup setup, Dialogue dialogue) {
    if (new HelperRun(setup).isStream()) {
      CutChecks cuts = new CutChecks(setup, dialogue);
      cuts.byteByByte();
      cuts.everyCutInTwo();
      cuts.randomCuts(ROUNDS, SEED);
    }
    HostileChecks hostile = new HostileChecks(setup, dialogue, SEED);
    hostile.lengths();
    hostile.truncated();
    hostile.flippedBytes();
    hostile.anything(ROUNDS);
    if (!new HelperRun(setup).isStream()) {
      hostile.repeatedLostAndReordered();
    }
    anyMoment(setup, dialogue);
    SnapshotChecks snapshots = new SnapshotChecks(setup, dialogue);
    snapshots.handOverBeforeEachMessage();
    snapshots.damaged();
  }

  /**
   * Time is given in nanoseconds from any moment: only differences mean something, and they pass
   * the end of the numbers.
   *
   * @param setup what is run
   * @param dialogue what is said
   * @throws AssertionError if outcomes depend on the moment
   */
  public static void anyMoment(HelperSetup setup, Dialogue dialogue) {
    Observed usual = new HelperRun(setup).say(dialogue).observed();
    long all = dialogue.messages().stream().mapToLong(Message::afterNs).sum();
    for (int part = 0; part <= MOMENTS; part++) {
      // the end of the numbers, and the change of sign, at another moment of the dialogue each time
      moment(usual, setup, dialogue, Long.MAX_VALUE - all / MOMENTS * part);
      moment(usual, setup, dialogue, -all / MOMENTS * part);
    }
  }

  private static void moment(Observed usual, HelperSetup setup, Dialogue dialogue, long startNs) {
    Observed other = new HelperRun(setup).at(startNs).say(dialogue).observed();
    Observed.same(usual, other, "begun at " + startNs + " ns");
  }
}
