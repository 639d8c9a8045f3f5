package org.pinholed.helper.ftp;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.text.LineView;

/**
 * One FTP control connection: cuts its bytes into lines and hands them over to where they are
 * understood.
 *
 * <ul>
 *   <li>{@link FirstLine}: is it FTP at all?
 *   <li>{@link ControlDialogue}: which reply answers which command.
 *   <li>{@link Evidence}: what proves that it is FTP; nothing opens before.
 *   <li>{@link NamesInReplies}: which replies others may have forged.
 *   <li>{@link Announcer}: what PORT, EPRT, 227 and 229 name, and whether that may be opened.
 *   <li>{@link FtpState}: what is remembered, and how another process gets it.
 * </ul>
 *
 * <p><b>Passwords.</b> Arguments of commands other than those that announce something are never
 * copied, and looked at only in the first line, which is a password in no FTP. An unfinished line
 * waits in the stream buffer, which overwrites it.
 *
 * <p>After the first reason of kind OPAQUE it takes all bytes and says nothing. Not thread-safe;
 * owned by its flow.
 */
final class FtpHelper implements StreamHelper {
  /** The key of the one data connection that can be announced. */
  static final String KEY = "data";

  private final HelperLimits limits;
  private final FtpState state = new FtpState();
  private final LineView line = new TelnetLineView();
  private final ControlDialogue dialogue;

  /** Why it is not read any more. */
  private @Nullable FtpReason ended;

  FtpHelper(FlowFacts facts, FtpOptions options, HelperLimits limits) {
    this.limits = limits;
    Evidence evidence = new Evidence(state, options.requiresLogin());
    Announcer announcer = new Announcer(state, facts, options, line, evidence);
    dialogue = new ControlDialogue(state, line, evidence, announcer);
    if (facts.origin() == FlowFacts.Origin.RESUMED) {
      state.greeted = true;
      state.loggedIn = true;
      state.proven = true;
      state.resumedUnanswered = true;
      state.client.skipping = true;
      state.client.firstLine = false;
      state.server.skipping = true;
      state.server.firstLine = false;
    } else {
      state.commandSeen = true; // whatever there is will be seen
    }
  }

  @Override
  public String stateWord() {
    if (ended != null) {
      return "opaque";
    }
    if (!state.greeted) {
      return "greeting";
    }
    if (state.commands.contains(FtpWord.AUTH)) {
      return "authAsked";
    }
    if (!state.loggedIn) {
      return "login";
    }
    if (state.announced) {
      return "activeAnnounced";
    }
    return isPassiveAsked() ? "passiveAsked" : "ready";
  }

  private boolean isPassiveAsked() {
    return state.commands.contains(FtpWord.PASV) || state.commands.contains(FtpWord.EPSV);
  }

  /** A server announces in answer to PASV and EPSV only, a client whenever it likes. */
  @Override
  public boolean mayAnnounce(Direction direction) {
    return ended == null && (direction == Direction.ORIGINAL || isPassiveAsked());
  }

  @Override
  public String snapshot() {
    return ended == null ? state.snapshot() : "";
  }

  @Override
  public boolean restore(String snapshot) {
    return state.restore(snapshot);
  }

  @Override
  public int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out) {
    FtpState.Side side = direction == Direction.ORIGINAL ? state.client : state.server;
    int limit = bytes.limit();
    int start = bytes.position();
    int from = Math.min(limit, start + side.scannedBytes);
    side.scannedBytes = 0;
    while (ended == null && start < limit) {
      int lineFeed = LineView.indexOfLineFeed(bytes, from, limit);
      if (side.skipping) {
        if (lineFeed < 0) {
          return bytes.remaining();
        }
        side.skipping = false;
      } else {
        int end = lineFeed < 0 ? limit : lineFeed;
        FtpReason binary = end > start ? FirstLine.binary(bytes, start, end, side.firstLine) : null;
        if (binary != null) {
          end(binary, bytes.streamOffsetOf(start), out);
        } else if (end - start >= limits.lineBytes()) {
          out.report(FtpReason.LINE_TOO_LONG, bytes.streamOffsetOf(start));
          onLine(direction, bytes, start, start + limits.lineBytes(), false, out);
          side.skipping = lineFeed < 0;
        } else if (lineFeed < 0) {
          side.scannedBytes = limit - start;
          if (mayAnnounce(direction) && AnnouncementText.mayBegin(direction, bytes, start, limit)) {
            out.incomplete(bytes.streamOffsetOf(start));
          }
          return start - bytes.position();
        } else {
          onLine(direction, bytes, start, lineFeed, true, out);
        }
      }
      start = lineFeed < 0 ? limit : lineFeed + 1;
      from = start;
    }
    return bytes.remaining();
  }

  // Of a line that is too long only the beginning comes (not complete): it keeps the step and
  // opens nothing.
  private void onLine(
      Direction direction,
      ByteCursor bytes,
      int start,
      int end,
      boolean complete,
      OutcomeSink out) {
    long offset = bytes.streamOffsetOf(start);
    line.wrap(bytes, start, end);
    FtpReason reason;
    if (direction == Direction.REPLY) {
      state.server.firstLine = false;
      reason = dialogue.onReplyLine(complete, offset, out);
    } else {
      reason = foreign(complete);
      if (reason == null) {
        FtpWord verb = complete ? FtpWord.readVerb(line) : FtpWord.OTHER;
        dialogue.onCommand(verb, offset, out);
      }
    }
    if (reason != null) {
      end(reason, offset, out);
    }
  }

  // What a line of the client is if it is none of FTP; the view is at its beginning afterwards.
  private @Nullable FtpReason foreign(boolean complete) {
    if (state.loggedIn || line.current() == LineView.END) {
      return null;
    }
    FtpReason foreign = null;
    if (FirstLine.isHeader(line)) {
      foreign = FtpReason.HEADER_LINE;
    } else if (state.client.firstLine) {
      line.rewind();
      foreign = FirstLine.foreign(line, complete);
      state.client.firstLine = false;
    }
    line.rewind();
    return foreign;
  }

  private void end(FtpReason reason, long offset, OutcomeSink out) {
    ended = reason;
    out.report(reason, offset);
  }
}
