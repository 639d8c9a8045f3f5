package org.pinholed.helper.testkit;

import java.util.List;
import java.util.Random;

/**
 * A stream has no messages: wherever its segments begin and end, the outcomes are the same. Says
 * nothing of datagrams, which come whole.
 */
public final class CutChecks {
  private final HelperSetup setup;
  private final Dialogue turns;
  private final Observed whole;

  /**
   * Takes what is said.
   *
   * @param setup what is run
   * @param dialogue what is said; what one side says without an answer comes in one segment first
   */
  public CutChecks(HelperSetup setup, Dialogue dialogue) {
    this.setup = setup;
    this.turns = dialogue.inTurns();
    this.whole = new HelperRun(setup).say(turns).observed();
    Observed.same(whole, new HelperRun(setup).say(dialogue).observed(), "each message by itself");
  }

  /** Cuts each turn in two, at each byte. */
  public void everyCutInTwo() {
    for (int cut = 0; cut < turns.messages().size(); cut++) {
      for (int at = 1; at < turns.messages().get(cut).bytes().length; at++) {
        HelperRun run = new HelperRun(setup);
        List<Message> messages = turns.messages();
        for (int index = 0; index < messages.size(); index++) {
          Message message = messages.get(index);
          byte[] bytes = message.bytes();
          run.pass(message);
          int middle = index == cut ? at : bytes.length;
          run.send(message.direction(), bytes, 0, middle);
          if (middle < bytes.length) {
            run.send(message.direction(), bytes, middle, bytes.length);
          }
        }
        Observed.same(whole, run.observed(), turns.messages().get(cut).text() + " cut at " + at);
      }
    }
  }

  /** Sends one byte at a time. */
  public void byteByByte() {
    HelperRun run = new HelperRun(setup).sayTorn(turns, new Random(0), 1);
    Observed.same(whole, run.observed(), "one byte at a time");
  }

  /**
   * Cuts at random.
   *
   * @param rounds how often
   * @param seed of the random numbers
   */
  public void randomCuts(int rounds, long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < rounds; round++) {
      int longest = 1 + random.nextInt(64);
      HelperRun run = new HelperRun(setup).sayTorn(turns, random, longest);
      Observed.same(whole, run.observed(), "random cuts, round " + round + " of seed " + seed);
    }
  }
}
