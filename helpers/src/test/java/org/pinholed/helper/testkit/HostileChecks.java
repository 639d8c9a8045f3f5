package org.pinholed.helper.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.pinholed.helper.Direction;

/**
 * What strangers send: nothing of it makes a helper throw, read without end, allocate by a number
 * that was sent, or conclude something else when it comes in pieces.
 */
public final class HostileChecks {
  private static final int READS_PER_BYTE = 64;
  private static final int ALLOCATED_PER_BYTE = 256;
  private static final int ALLOCATED_ALWAYS = 1 << 20;

  private final HelperSetup setup;
  private final Dialogue dialogue;
  private final Random random;
  private final Set<String> opened;

  /**
   * Takes what is said.
   *
   * @param setup what is run
   * @param dialogue what is said, with its {@linkplain Dialogue#length lengths}
   * @param seed of the random numbers
   */
  public HostileChecks(HelperSetup setup, Dialogue dialogue, long seed) {
    this.setup = setup;
    this.dialogue = dialogue;
    this.random = new Random(seed);
    this.opened = new HelperRun(setup).say(dialogue).sink().opened();
  }

  /** Lies in each field that is named: 0, one more and less, and the ends of the types. */
  public void lengths() {
    for (int index = 0; index < dialogue.messages().size(); index++) {
      Message message = dialogue.messages().get(index);
      for (LengthField field : message.lengths()) {
        for (byte[] lie : field.lies(message.bytes())) {
          Message changed = message.with(lie);
          hear(dialogue.replaced(index, changed), "length at " + field.offset(), changed);
        }
      }
    }
  }

  /**
   * Ends each message at each byte. A stream ends there; the other side speaks on. Of datagrams
   * what follows comes, and nothing new may open of a message that says its own length.
   */
  public void truncated() {
    boolean stream = new HelperRun(setup).isStream();
    for (int index = 0; index < dialogue.messages().size(); index++) {
      Message message = dialogue.messages().get(index);
      for (int length = 0; length < message.bytes().length; length++) {
        Message cut = message.with(Arrays.copyOf(message.bytes(), length));
        Dialogue changed = dialogue.replaced(index, cut);
        if (stream) {
          List<Message> said = new ArrayList<>(changed.messages().subList(0, index + 1));
          for (Message later : changed.messages().subList(index + 1, changed.messages().size())) {
            if (later.direction() != message.direction()) {
              said.add(later);
            }
          }
          changed = new Dialogue(said);
        }
        HelperRun run = hear(changed, "truncated after " + length + " bytes", message);
        if (!stream && !message.lengths().isEmpty()) {
          opensNothingNew(run, "truncated after " + length + " bytes of " + message.text());
        }
      }
    }
  }

  /** Changes each bit of each byte, and all of its bits. */
  public void flippedBytes() {
    for (int index = 0; index < dialogue.messages().size(); index++) {
      Message message = dialogue.messages().get(index);
      for (int at = 0; at < message.bytes().length; at++) {
        for (int flip : new int[] {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
          byte[] bytes = message.bytes().clone();
          bytes[at] ^= (byte) flip;
          Message changed = message.with(bytes);
          hear(dialogue.replaced(index, changed), "byte " + at + " flipped", changed);
        }
      }
    }
  }

  /**
   * Sends bytes of any value, and the messages in any order, also from the wrong side.
   *
   * @param rounds how often
   */
  public void anything(int rounds) {
    for (int round = 0; round < rounds; round++) {
      List<Message> said = new ArrayList<>();
      for (Message message : dialogue.messages()) {
        byte[] bytes = message.bytes();
        Direction direction = message.direction();
        switch (random.nextInt(4)) {
          case 0 -> {
            bytes = new byte[random.nextInt(200)];
            random.nextBytes(bytes);
          }
          case 1 -> direction = direction.opposite();
          default -> {}
        }
        said.add(new Message(direction, bytes, List.of(), message.afterNs()));
      }
      Collections.shuffle(said, random);
      hear(new Dialogue(said), "anything, round " + round, said.get(0));
    }
  }

  /**
   * Does to datagrams what networks do: two of them in the other order, all twice in any order, and
   * each not at all; and each twice, or all of them once more at the end. Said again, they open
   * nothing new.
   */
  public void repeatedLostAndReordered() {
    List<Message> messages = dialogue.messages();
    for (int index = 0; index < messages.size(); index++) {
      Message message = messages.get(index);
      List<Message> twice = new ArrayList<>(messages);
      twice.add(index, message);
      opensNothingNew(hear(new Dialogue(twice), "twice", message), "twice: " + message.text());
      List<Message> lost = new ArrayList<>(messages);
      lost.remove(index);
      hear(new Dialogue(lost), "lost", message);
      if (index > 0) {
        List<Message> swapped = new ArrayList<>(messages);
        Collections.swap(swapped, index - 1, index);
        hear(new Dialogue(swapped), "before the one before it", message);
      }
    }
    List<Message> again = new ArrayList<>(messages);
    again.addAll(messages);
    opensNothingNew(hear(new Dialogue(again), "all again", messages.get(0)), "all again");
    for (int round = 0; round < 50; round++) {
      Collections.shuffle(again, random);
      hear(new Dialogue(again), "all twice in any order, round " + round, again.get(0));
    }
  }

  private void opensNothingNew(HelperRun run, String what) {
    if (!opened.containsAll(run.sink().opened())) {
      throw new AssertionError(what + ": opens " + run.sink().opened() + ", which nobody named");
    }
  }

  /** Says it at once; on a stream also in pieces, with the same outcomes. */
  private HelperRun hear(Dialogue said, String what, Message message) {
    String text = what + ": " + message.text();
    HelperRun run = bounded(said, text, fresh -> fresh.say(said));
    if (run.isStream()) {
      HelperRun torn =
          bounded(said, text, fresh -> fresh.sayTorn(said, random, 1 + random.nextInt(32)));
      Observed.same(run.observed(), torn.observed(), text + ", in pieces");
    }
    return run;
  }

  /**
   * A run within its bounds. One that allocates too much has another try: classes that it met for
   * the first time were loaded by its thread, and perhaps changed by an agent on the way.
   */
  private HelperRun bounded(Dialogue said, String text, Consumer<HelperRun> speech) {
    int lengthBytes = said.lengthBytes() + 256;
    long most = ALLOCATED_ALWAYS + (long) ALLOCATED_PER_BYTE * lengthBytes;
    long allocatedBytes = 0;
    for (int tries = 0; tries < 2; tries++) {
      HelperRun run = new HelperRun(setup);
      run.limited((long) READS_PER_BYTE * lengthBytes);
      try {
        speech.accept(run);
      } catch (AssertionError found) {
        throw new AssertionError(text + ": " + found.getMessage(), found);
      }
      allocatedBytes = run.work().allocatedBytes();
      if (allocatedBytes <= most) {
        return run;
      }
    }
    throw new AssertionError(text + ": allocates " + allocatedBytes + " bytes");
  }
}
