package org.pinholed.helper.dcerpc;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.dcerpc.call.Association;
import org.pinholed.helper.dcerpc.pdu.PduView;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * DCE-RPC over TCP: PDUs of version 5, one behind the other. Of most of them only the header is
 * read, and the rest is skipped as it comes.
 *
 * <p>It never says that the flow is proven: what an association agreed on stands in no packet that
 * comes later, so a process that did not see its beginning could not read it.
 *
 * <p>After the first reason of kind OPAQUE or MALFORMED it takes all bytes and says nothing. Not
 * thread-safe; owned by its flow.
 */
final class DceRpcStream implements StreamHelper {
  private static final String VERSION = "rpc1t";
  private static final int SNAPSHOT_LENGTH_MAX = 1000;

  private final Calls calls;
  private final Announcer announcer;
  private final ThreadLocal<DceRpcViews> views;
  private final Side client = new Side();
  private final Side server = new Side();

  /** Why it is not read any more. */
  private @Nullable DceRpcReason ended;

  /** Where one direction stands. */
  private static final class Side {
    /** How much of a PDU still passes unread. */
    private int skipBytes;

    /** Whether a header of it was read. */
    private boolean isKnown;

    /** The stream offset of the next byte. */
    private long position;
  }

  DceRpcStream(Announcer announcer, ThreadLocal<DceRpcViews> views) {
    this.announcer = announcer;
    this.views = views;
    calls = new Calls(announcer);
  }

  @Override
  public String stateWord() {
    if (ended != null) {
      return "opaque";
    }
    return calls.association().contexts().isEmpty() ? "binding" : "bound";
  }

  /** Only a server announces, and only when it was asked. */
  @Override
  public boolean mayAnnounce(Direction direction) {
    return ended == null
        && direction == Direction.REPLY
        && calls.association().requests().mayAnnounce();
  }

  @Override
  public boolean hasLongMessages(Direction direction) {
    return direction == Direction.REPLY && announcer.changesReplies();
  }

  @Override
  public int keptBytes() {
    return calls.association().fragments().keptBytes();
  }

  @Override
  public String snapshot() {
    if (ended != null) {
      return "";
    }
    String sides =
        VERSION
            + ' '
            + client.skipBytes
            + ' '
            + (client.isKnown ? 1 : 0)
            + ' '
            + server.skipBytes
            + ' '
            + (server.isKnown ? 1 : 0)
            + ' ';
    String whole = sides + calls.association().snapshot(client.position, server.position);
    // A call in long fragments is given up for the flow: it is said when its next one comes.
    String text =
        whole.length() <= SNAPSHOT_LENGTH_MAX ? whole : sides + calls.association().snapshot();
    return text.length() <= SNAPSHOT_LENGTH_MAX ? text : "";
  }

  @Override
  public boolean restore(String snapshot) {
    String[] fields = snapshot.split(" ", -1);
    if (fields.length != 6
        || !fields[0].equals(VERSION)
        || !isNumber(fields[1], PduView.LENGTH_MAX_BYTES)
        || !isNumber(fields[2], 1)
        || !isNumber(fields[3], PduView.LENGTH_MAX_BYTES)
        || !isNumber(fields[4], 1)) {
      return false;
    }
    Association association = Association.restore(fields[5]);
    if (association == null) {
      return false;
    }
    client.skipBytes = Integer.parseInt(fields[1]);
    client.isKnown = fields[2].equals("1");
    server.skipBytes = Integer.parseInt(fields[3]);
    server.isKnown = fields[4].equals("1");
    calls.restore(association);
    return true;
  }

  private static boolean isNumber(String text, int most) {
    return text.matches("0|[1-9][0-9]{0,4}") && Integer.parseInt(text) <= most;
  }

  @Override
  public int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out) {
    Side side = direction == Direction.ORIGINAL ? client : server;
    DceRpcViews view = views.get();
    int start = bytes.position();
    int limit = bytes.limit();
    int at = start;
    boolean waits = false;
    while (ended == null && at < limit && !waits) {
      if (side.skipBytes > 0) {
        int skipped = Math.min(side.skipBytes, limit - at);
        side.skipBytes -= skipped;
        at += skipped;
      } else {
        waits = !onPdu(direction, side, bytes, at, view, nowNs, out);
      }
    }
    if (ended != null) {
      return bytes.remaining();
    }
    side.position = bytes.streamOffsetOf(at);
    if (hasLongMessages(direction)) {
      long unfinished = waits ? bytes.streamOffsetOf(at) : Long.MAX_VALUE;
      if (!calls.association().requests().mayAnnounce()) {
        unfinished = Long.MAX_VALUE;
      }
      unfinished = calls.association().fragments().firstReply(unfinished);
      if (unfinished != Long.MAX_VALUE) {
        out.incomplete(unfinished);
      }
    }
    return at - start;
  }

  // Reads the PDU that begins at an index; false if more of it must be there first.
  private boolean onPdu(
      Direction direction,
      Side side,
      ByteCursor bytes,
      int at,
      DceRpcViews view,
      long nowNs,
      OutcomeSink out) {
    int there = bytes.limit() - at;
    if (!PduView.mayBegin(bytes, at, bytes.limit())) {
      end(side, DceRpcReason.BROKEN_HEADER, bytes.streamOffsetOf(at), out);
      return true;
    }
    if (there < PduView.HEADER_BYTES) {
      return false;
    }
    DceRpcReason reason = view.pdu.wrap(bytes, at);
    if (reason != null) {
      end(side, reason, bytes.streamOffsetOf(at), out);
      return true;
    }
    int needed = calls.needs(direction, view.pdu, there);
    if (needed > there) {
      return false;
    }
    side.isKnown = true;
    side.skipBytes = view.pdu.length();
    if (needed > 0) {
      calls.read(direction, view, nowNs, out);
    }
    return true;
  }

  private void end(Side side, DceRpcReason reason, long offset, OutcomeSink out) {
    ended =
        reason == DceRpcReason.BROKEN_HEADER && !side.isKnown ? DceRpcReason.NOT_DCERPC : reason;
    calls.restore(new Association());
    out.report(ended, offset);
  }
}
