package org.pinholed.helper.sip;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Announced;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.rewrite.Mappings;

/**
 * What stands for what in one message: towards the outside what was announced for it, towards the
 * inside what is announced or open at all. Used again for the next message. Not thread-safe.
 */
final class MessageMappings implements Mappings {
  /** At the end of an item: the text named no port. */
  private static final char HOST = 'n';

  /** At the end of an item: the text named the endpoint that others see. */
  private static final char SEEN = 'o';

  private record Pair(Transport transport, Endpoint own, Endpoint seen) {}

  private final List<Pair> pairs = new ArrayList<>();
  private @Nullable OutcomeSink out;

  /**
   * Begins with a message.
   *
   * @param sink knows what is announced
   */
  void begin(OutcomeSink sink) {
    pairs.clear();
    out = sink;
  }

  /** Forgets the sink, which is valid for one call only. */
  void end() {
    out = null;
  }

  /**
   * Adds what was announced for the message.
   *
   * @param transport what comes there
   * @param own the endpoint as the sender knows it
   * @param seen as others see it
   */
  void add(Transport transport, Endpoint own, Endpoint seen) {
    pairs.add(new Pair(transport, own, seen));
  }

  @Override
  public @Nullable Endpoint seenOf(Transport transport, Endpoint own) {
    for (int at = 0; at < pairs.size(); at++) {
      Pair pair = pairs.get(at);
      if (pair.transport() == transport && pair.own().equals(own)) {
        return pair.seen();
      }
    }
    return null;
  }

  @Override
  public @Nullable Inside insideOf(Transport transport, Endpoint seen) {
    Announced announced = out == null ? null : out.announced(transport, seen);
    if (announced == null) {
      return null;
    }
    String item = announced.item();
    char last = item.isEmpty() ? ' ' : item.charAt(item.length() - 1);
    return new Inside(
        announced.destination(),
        last == HOST ? Wrote.HOST : last == SEEN ? Wrote.SEEN : Wrote.HOST_AND_PORT);
  }
}
