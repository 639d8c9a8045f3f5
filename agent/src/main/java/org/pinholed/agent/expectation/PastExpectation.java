package org.pinholed.agent.expectation;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.helper.Direction;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.OutcomeSink;

/**
 * What is remembered of an expectation that ended, or of an announcement that was refused.
 *
 * @param id the number that it had in listings; 0 if it was refused before it had one
 * @param end what ended it; {@link AgentEvent.Kind#MATCHED} if that was its child, {@link
 *     AgentEvent.Kind#REFUSED} if nothing was ever opened for it
 * @param reason the word of the reason of a refusal; empty for other ends
 * @param detail one sentence or clause in plain ASCII, at most {@value #DETAIL_LENGTH} characters;
 *     empty if there is nothing to add
 * @param announcedMicros when it was announced, microseconds since 1970
 * @param endedMicros when it ended, microseconds since 1970
 * @param parent the flow that announced it
 * @param announcement the message that announced it
 * @param request what was announced: owner, group, item, label, the field of the message; null if
 *     the helper refused it and asked for nothing
 * @param pinhole what was to let the child through: addresses and ports, and how it is translated;
 *     null if it was refused before that was known
 * @param opened whether the pinhole ever stood in the kernel
 * @param uses how many children came
 * @param childSerial serial of the child that came last, 8 hex digits; null if none came
 * @param wasTaken whether a packet took the pinhole and no child came of it
 */
public record PastExpectation(
    long id,
    AgentEvent.Kind end,
    String reason,
    String detail,
    long announcedMicros,
    long endedMicros,
    Parent parent,
    Announcement announcement,
    @Nullable ExpectationRequest request,
    @Nullable Pinhole pinhole,
    boolean opened,
    int uses,
    @Nullable String childSerial,
    boolean wasTaken) {
  /** Longer details are cut. */
  static final int DETAIL_LENGTH = OutcomeSink.DETAIL_LENGTH;

  /** Cuts the detail. */
  public PastExpectation {
    if (detail.length() > DETAIL_LENGTH) {
      detail = detail.substring(0, DETAIL_LENGTH - 1) + "~";
    }
  }

  /**
   * The message that announced something.
   *
   * @param word its word, for example {@code 227}; empty if the helper named none
   * @param direction its direction
   * @param streamOffset where in the stream of that direction it began, or where the reason was
   *     seen; 0 for datagrams
   */
  public record Announcement(String word, Direction direction, long streamOffset) {
    static Announcement of(ExpectationRequest request) {
      return new Announcement(
          request.cause().word(), request.announcedIn(), request.streamOffset());
    }
  }
}
