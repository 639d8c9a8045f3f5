package org.pinholed.helper.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.pinholed.helper.Direction;

/** What client and server say to each other, message by message. Each call adds to it. */
public final class Dialogue {
  private static final long USUAL_PAUSE_NS = 1_000_000;

  private final List<Message> messages = new ArrayList<>();
  private long pauseNs = USUAL_PAUSE_NS;

  /** Begins a dialogue in which nothing is said yet. */
  public Dialogue() {}

  Dialogue(List<Message> messages) {
    this.messages.addAll(messages);
  }

  /**
   * Adds a message of the client.
   *
   * @param text each char of it is one byte
   * @return this dialogue
   */
  public Dialogue client(String text) {
    return client(text.getBytes(ISO_8859_1));
  }

  /**
   * Adds a message of the server.
   *
   * @param text each char of it is one byte
   * @return this dialogue
   */
  public Dialogue server(String text) {
    return server(text.getBytes(ISO_8859_1));
  }

  /**
   * Adds a message of the client.
   *
   * @param bytes its bytes
   * @return this dialogue
   */
  public Dialogue client(byte[] bytes) {
    return add(Direction.ORIGINAL, bytes);
  }

  /**
   * Adds a message of the server.
   *
   * @param bytes its bytes
   * @return this dialogue
   */
  public Dialogue server(byte[] bytes) {
    return add(Direction.REPLY, bytes);
  }

  /**
   * Adds a message.
   *
   * @param direction which way it goes
   * @param bytes its bytes
   * @return this dialogue
   */
  public Dialogue add(Direction direction, byte[] bytes) {
    messages.add(new Message(direction, bytes.clone(), List.of(), pauseNs));
    pauseNs = USUAL_PAUSE_NS;
    return this;
  }

  /**
   * Lets time pass before the next message.
   *
   * @param time how long
   * @return this dialogue
   */
  public Dialogue pause(Duration time) {
    pauseNs = time.toNanos();
    return this;
  }

  /**
   * Says where the last message has a length or a count.
   *
   * @param offset bytes from its start
   * @param width 1, 2, 4 or 8 bytes
   * @param order the order of these bytes
   * @return this dialogue
   */
  public Dialogue length(int offset, int width, ByteOrder order) {
    return length(new LengthField(offset, width, order, false));
  }

  /**
   * Says where the last message has a length or a count in text.
   *
   * @param offset bytes from its start
   * @param digits how many digits it has
   * @return this dialogue
   */
  public Dialogue decimalLength(int offset, int digits) {
    return length(new LengthField(offset, digits, ByteOrder.BIG_ENDIAN, true));
  }

  private Dialogue length(LengthField field) {
    Message last = messages.remove(messages.size() - 1);
    List<LengthField> lengths = new ArrayList<>(last.lengths());
    lengths.add(field);
    messages.add(new Message(last.direction(), last.bytes(), lengths, last.afterNs()));
    return this;
  }

  List<Message> messages() {
    return messages;
  }

  int lengthBytes() {
    return messages.stream().mapToInt(message -> message.bytes().length).sum();
  }

  /** The same with another message in place of one. */
  Dialogue replaced(int index, Message message) {
    List<Message> changed = new ArrayList<>(messages);
    changed.set(index, message);
    return new Dialogue(changed);
  }

  /** The same with all that one side says without an answer in one message. */
  Dialogue inTurns() {
    List<Message> turns = new ArrayList<>();
    for (int at = 0; at < messages.size(); ) {
      Message first = messages.get(at);
      ByteArrayOutputStream turn = new ByteArrayOutputStream();
      while (at < messages.size() && messages.get(at).direction() == first.direction()) {
        turn.writeBytes(messages.get(at).bytes());
        at++;
      }
      turns.add(first.with(turn.toByteArray()));
    }
    return new Dialogue(turns);
  }
}
