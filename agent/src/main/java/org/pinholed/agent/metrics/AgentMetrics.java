package org.pinholed.agent.metrics;

import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.pinhole.NoExpectation;
import org.pinholed.helper.ExplainedWord;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Reason;

/**
 * What the agent counts. Thread-safe; nothing here allocates in the steady state.
 *
 * <p>Calls once per packet take numbers only; calls that concern an expectation or a flow may take
 * words.
 */
public interface AgentMetrics {
  /** What became of a packet. */
  enum Verdict implements ExplainedWord {
    /** Passed as it came. */
    ACCEPT("passed as it came"),
    /** Passed with another payload. */
    CHANGED("passed with another payload"),
    /** Dropped. */
    DROP("dropped, so that its sender sends it again");

    private final String explanation;

    Verdict(String explanation) {
      this.explanation = explanation;
    }

    @Override
    public String explanation() {
      return explanation;
    }
  }

  /**
   * Packets got their verdicts.
   *
   * @param verdict which one
   * @param packets how many
   */
  void verdicts(Verdict verdict, int packets);

  /**
   * How long a packet was held: from its receipt to its verdict.
   *
   * @param nanos nanoseconds
   * @param packets how many packets of a batch waited that long
   */
  void verdictLatency(long nanos, int packets);

  /**
   * A transaction of pinholes was made.
   *
   * @param nanos nanoseconds that the kernel took
   * @param ok whether it was taken
   */
  void transaction(long nanos, boolean ok);

  /**
   * Something happened to an expectation or flow: counted by helper and outcome.
   *
   * @param kind what
   * @param helper name of the helper, empty if none is concerned
   */
  void event(AgentEvent.Kind kind, String helper);

  /**
   * A reason was given: counted by its kind, name and helper.
   *
   * @param helper name of the helper
   * @param reason the reason
   */
  void reason(String helper, Reason reason);

  /**
   * A helper understood a message. Called for each message.
   *
   * @param helper name of the helper
   * @param word its word for it, of an enum
   */
  void message(String helper, HelperWord word);

  /**
   * A field of a message was changed.
   *
   * @param helper name of the helper
   * @param field its word for it, of an enum
   */
  void rewrittenField(String helper, HelperWord field);

  /**
   * A limit was reached.
   *
   * @param limit which one
   */
  void limit(Limit limit);

  /**
   * No expectation of the kernel stands beside a pinhole, though there was to be one.
   *
   * @param why why
   */
  void withoutExpectation(NoExpectation why);

  /**
   * A packet could not be read as one of a flow; it passed.
   *
   * @param reason why
   */
  void unreadablePacket(UnreadableReason reason);

  /** A packet came in by a device that does not lead back to its sender, and was not read. */
  void misroutedPacket();

  /**
   * A packet of a translated flow was dropped or cut, for its sender to send it again.
   *
   * @param reason why
   */
  void withheld(WithheldReason reason);

  /**
   * Parents vanished from the conntrack table with neither FIN nor RST.
   *
   * @param parents how many
   */
  void parentsLost(int parents);

  /**
   * Receiving failed for another reason than a full buffer.
   *
   * @param socket which one
   */
  void receiveError(ReceivingSocket socket);

  /**
   * Packets or events were lost because a receive buffer overran.
   *
   * @param socket of which socket
   */
  void overrun(ReceivingSocket socket);

  /**
   * Something was done about the kernel's expectations.
   *
   * @param action what
   */
  void expectations(ExpectationAction action);
}
