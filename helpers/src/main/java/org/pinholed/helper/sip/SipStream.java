package org.pinholed.helper.sip;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Reason;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.sip.message.SipFramer;
import org.pinholed.helper.sip.words.SipReason;

/**
 * SIP over TCP: messages one behind the other, each as long as its Content-Length says. A stream
 * that begins with anything else than SIP is not read; one that is taken up in its middle is read
 * from the first segment on that begins with a start line, and opens nothing before a request and
 * its answer were read. So it may be taken up once its client has sent one message, read from its
 * first byte on.
 *
 * <p>After the first reason of another kind than REFUSED it takes all bytes and says nothing. Not
 * thread-safe; owned by its flow.
 */
final class SipStream implements StreamHelper {
  private static final String VERSION = "sip1t";

  /** It is read from its first byte on. */
  private static final char READ = 's';

  /** The same, and a message of the client was read. */
  private static final char CLIENT_SPOKE = 'p';

  /** Nobody knows it: a message opens nothing until the evidence is complete. */
  private static final char UNKNOWN = 'd';

  private final SipDialogue dialogue;
  private final ThreadLocal<SipViews> views;
  private final boolean isChild;
  private final SipFramer client = new SipFramer();
  private final SipFramer server = new SipFramer();

  /** What is known of its beginning. */
  private char beginning = READ;

  /** Why it is not read any more. */
  private @Nullable SipReason ended;

  SipStream(SipDialogue dialogue, FlowFacts facts, ThreadLocal<SipViews> views) {
    this.dialogue = dialogue;
    this.views = views;
    isChild = facts.announcement() != null;
    if (facts.origin() == FlowFacts.Origin.RESUMED) {
      beginning = UNKNOWN;
      client.seek();
      server.seek();
    }
  }

  @Override
  public String stateWord() {
    return ended == null ? dialogue.stateWord() : "opaque";
  }

  @Override
  public boolean mayAnnounce(Direction direction) {
    return ended == null;
  }

  @Override
  public boolean hasLongMessages(Direction direction) {
    return true;
  }

  @Override
  public boolean mayBeginWith(Direction direction, ByteCursor segment) {
    return SipFramer.beginsMessage(segment, segment.position(), segment.limit());
  }

  /** What one side says of itself the other one repeats. */
  @Override
  public boolean editsBothSides() {
    return true;
  }

  @Override
  public String snapshot() {
    return ended != null
        ? ""
        : VERSION
            + ' '
            + beginning
            + ' '
            + client.snapshot()
            + ' '
            + server.snapshot()
            + ' '
            + dialogue.snapshot();
  }

  @Override
  public boolean restore(String snapshot) {
    String[] fields = snapshot.split(" ", 5);
    if (fields.length != 5
        || !fields[0].equals(VERSION)
        || !fields[1].matches("[dsp]")
        || !SipFramer.isSnapshot(fields[2])
        || !SipFramer.isSnapshot(fields[3])
        || !dialogue.restore(fields[4])) {
      return false;
    }
    beginning = fields[1].charAt(0);
    client.restore(fields[2]);
    server.restore(fields[3]);
    return true;
  }

  @Override
  public int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out) {
    SipFramer framer = direction == Direction.ORIGINAL ? client : server;
    int start = bytes.position();
    int limit = bytes.limit();
    int at = start;
    while (ended == null && at < limit) {
      SipFramer.Step step = framer.next(bytes, at, limit);
      at = framer.behind();
      long offset = bytes.streamOffsetOf(Math.min(framer.from(), limit));
      switch (step) {
        case MESSAGE -> {
          out.begins(offset);
          onMessage(direction, framer, bytes, offset, nowNs, out);
        }
        case NEED_MORE -> {
          if (framer.mayMatter()) {
            out.incomplete(offset);
          }
          return at - start;
        }
        case MALFORMED, OPAQUE -> end(framer, offset, out);
      }
    }
    return ended == null ? at - start : bytes.remaining();
  }

  private void onMessage(
      Direction direction,
      SipFramer framer,
      ByteCursor bytes,
      long offset,
      long nowNs,
      OutcomeSink out) {
    SipViews view = views.get();
    SipReason reason = view.message.read(bytes, framer.from(), framer.headEnd(), framer.end());
    if (reason == null) {
      // Whoever began the connection spoke SIP from the first byte on: no browser does.
      if (direction == Direction.ORIGINAL && beginning == READ) {
        beginning = CLIENT_SPOKE;
        out.proven();
      }
      dialogue.onMessage(direction, view, offset, beginning == UNKNOWN, nowNs, out);
      return;
    }
    out.report(reason, offset);
    if (reason.kind() != Reason.Kind.REFUSED) {
      ended = reason;
    }
  }

  // A child was let in as SIP. What is none was announced to nobody.
  private void end(SipFramer framer, long offset, OutcomeSink out) {
    SipReason reason = framer.reason() == null ? SipReason.NOT_SIP : framer.reason();
    ended = reason;
    if (isChild && reason.kind() == Reason.Kind.OPAQUE) {
      out.cut(reason, offset);
    } else {
      out.report(reason, offset);
    }
  }
}
