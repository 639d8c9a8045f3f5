package org.pinholed.agent.expectation;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MemoryNeed;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.PastExpectation.Announcement;
import org.pinholed.agent.limit.ClientKey;
import org.pinholed.agent.limit.FairRing;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.Reason;

/**
 * The expectations that ended last and the announcements that were refused last, each with what
 * announced it and why it is over: for whoever asks afterwards why a child came or did not.
 *
 * <p>Bounded: {@value MemoryNeed#PAST_EXPECTATIONS} that ended and as many that were refused, each
 * of at most {@value MemoryNeed#PAST_EXPECTATION_BYTES} bytes: 4 MiB in all. Refusals cost a
 * stranger nothing, so they cannot push out ends. Within each of the two no client can push out
 * what others have ({@link FairRing}): when there is no room, the client with most entries loses
 * its oldest one. A flow of datagrams that nobody answered may have a forged source; all of those
 * together count as one client.
 *
 * <p>Thread-safe, by a lock that is held for the time of one insertion, where an expectation ends
 * or is refused. Opening one costs nothing here.
 */
public final class ExpectationHistory {
  /** No client of {@link ClientKey} has this number: 0:fffe::/32 is assigned to nobody. */
  private static final long UNANSWERED = 0x0000_fffe_0000_0000L;

  private final Clock clock;
  private final FairRing<PastExpectation> ended = new FairRing<>(MemoryNeed.PAST_EXPECTATIONS);
  private final FairRing<PastExpectation> refused = new FairRing<>(MemoryNeed.PAST_EXPECTATIONS);

  /**
   * Makes an empty one.
   *
   * @param clock what time it is
   */
  public ExpectationHistory(Clock clock) {
    this.clock = clock;
  }

  /**
   * Notes that an expectation ended.
   *
   * @param expectation which one
   * @param end what ended it
   * @param detail one clause, or empty
   */
  public void ended(Expectation expectation, AgentEvent.Kind end, String detail) {
    PastExpectation past = past(expectation, end, "", detailOf(expectation, end, detail));
    synchronized (this) {
      ended.add(client(expectation.parent()), past);
    }
  }

  /** A dialog and the helper shut by the same word, and a deadline may be of either. */
  private static String detailOf(Expectation expectation, AgentEvent.Kind end, String detail) {
    boolean byOwner =
        detail.isEmpty()
            && (end == AgentEvent.Kind.CLOSED || end == AgentEvent.Kind.EXPIRED)
            && expectation.owner().id() != null
            && expectation.owner().hasEnded();
    return byOwner ? "its owner ended" : detail;
  }

  /**
   * Notes that an expectation was made and refused in the end.
   *
   * @param expectation which one
   * @param why the reason
   * @param detail one clause, or empty for the explanation of the reason
   */
  public void refused(Expectation expectation, Reason why, String detail) {
    keep(past(expectation, AgentEvent.Kind.REFUSED, why.word(), orExplanation(why, detail)));
  }

  /**
   * Notes that a request was refused.
   *
   * @param parent whose
   * @param request what was announced
   * @param why the reason
   * @param detail one clause, or empty for the explanation of the reason
   */
  public void refused(Parent parent, ExpectationRequest request, Reason why, String detail) {
    keep(
        refusal(parent, Announcement.of(request), request, why.word(), orExplanation(why, detail)));
  }

  /**
   * Notes that a helper refused what a message announces, and asked for nothing.
   *
   * @param parent whose
   * @param announcement the message
   * @param why the reason
   * @param detail one clause, or empty for the explanation of the reason
   */
  public void refused(Parent parent, Announcement announcement, Reason why, String detail) {
    keep(refusal(parent, announcement, null, why.word(), orExplanation(why, detail)));
  }

  private PastExpectation refusal(
      Parent parent,
      Announcement announcement,
      @Nullable ExpectationRequest request,
      String reason,
      String detail) {
    long nowMicros = clock.epochMicros();
    return new PastExpectation(
        0,
        AgentEvent.Kind.REFUSED,
        reason,
        detail,
        nowMicros,
        nowMicros,
        parent,
        announcement,
        request,
        null,
        false,
        0,
        null,
        false);
  }

  private PastExpectation past(
      Expectation expectation, AgentEvent.Kind end, String reason, String detail) {
    ExpectationRequest request = expectation.request();
    Pinhole pinhole = expectation.pinhole();
    long nowMicros = clock.epochMicros();
    return new PastExpectation(
        expectation.id(),
        end,
        reason,
        detail,
        nowMicros - expectation.ageNs(clock.nanoTime()) / 1000,
        nowMicros,
        expectation.parent(),
        Announcement.of(request),
        request,
        pinhole,
        expectation.wasWritten(),
        expectation.uses(),
        expectation.childSerial(),
        expectation.wasTaken() && expectation.uses() == 0);
  }

  private static String orExplanation(Reason why, String detail) {
    return detail.isEmpty() ? why.explanation() : detail;
  }

  private synchronized void keep(PastExpectation refusal) {
    refused.add(client(refusal.parent()), refusal);
  }

  private static long client(Parent parent) {
    return parent.isAnswered() ? ClientKey.of(parent.client().address()) : UNANSWERED;
  }

  /**
   * What ended.
   *
   * @return a copy, the oldest first
   */
  public synchronized List<PastExpectation> ended() {
    return ended.all();
  }

  /**
   * What was refused.
   *
   * @return a copy, the oldest first
   */
  public synchronized List<PastExpectation> refused() {
    return refused.all();
  }
}
