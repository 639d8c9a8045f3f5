package org.pinholed.agent.announce;

import java.net.InetAddress;
import java.util.Locale;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.trace.Tracer;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Printable;
import org.pinholed.helper.Reason;

/** What a trace says of outcomes. Makes no text while nobody traces. */
public final class OutcomeTrace {
  private static final String EXPECTATION = "expectation";
  private static final String REASON = "reason";

  /** How much of a message is shown at most. */
  private static final int MESSAGE_LENGTH = 240;

  private final Tracer tracer;

  /**
   * Makes it.
   *
   * @param tracer costs nothing while nobody traces
   */
  public OutcomeTrace(Tracer tracer) {
    this.tracer = tracer;
  }

  void announced(Expectation expectation) {
    if (tracer.isOn()) {
      tracer.line(EXPECTATION, describe(expectation));
    }
  }

  void opens(Expectation expectation) {
    if (tracer.isOn()) {
      tracer.line(EXPECTATION, opening(expectation) + name(expectation));
    }
  }

  void shuts(Expectation expectation) {
    if (tracer.isOn()) {
      String word = expectation.pinhole().isObserved() ? "would shut " : "shuts ";
      tracer.line(EXPECTATION, word + name(expectation));
    }
  }

  /** The detail is printable; empty for the explanation of the reason. */
  void reason(Reason reason, long streamOffset, String detail) {
    if (tracer.isOn()) {
      tracer.line(
          REASON,
          reason.kind().name().toLowerCase(Locale.ROOT)
              + " "
              + reason.word()
              + " at offset "
              + streamOffset
              + ": "
              + (detail.isEmpty() ? reason.explanation() : detail));
    }
  }

  void refusedByKernel(Expectation expectation, String message) {
    if (tracer.isOn()) {
      tracer.line(REASON, "refused backendRefused for " + name(expectation) + ": " + message);
    }
  }

  boolean isOn() {
    return tracer.isOn();
  }

  /** What a helper says of a message. Names of strangers may stand in it. */
  void message(String text) {
    if (tracer.isOn()) {
      tracer.line("message", Printable.of(text, MESSAGE_LENGTH));
    }
  }

  void understood(HelperWord word) {
    if (tracer.isOn()) {
      tracer.line("understood", word.word());
    }
  }

  void proven(String helper) {
    if (tracer.isOn()) {
      tracer.line("session", "proven: both sides speak " + helper);
    }
  }

  private static String describe(Expectation expectation) {
    Pinhole pinhole = expectation.pinhole();
    InetAddress source = pinhole.source();
    return (expectation.request().active() ? opening(expectation) : "announces ")
        + pinhole.transport()
        + " "
        + (source == null ? "any" : host(source))
        + ":any -> "
        + new Endpoint(pinhole.destination(), pinhole.port())
        + " "
        + (pinhole.kind() == Pinhole.Kind.ONCE ? "once" : "many")
        + " for "
        + (expectation.stay().isLease()
            ? whoseTime(expectation)
            : pinhole.timeoutMs() / 1000 + " s")
        + " ("
        + name(expectation)
        + ")";
  }

  private static String opening(Expectation expectation) {
    return expectation.pinhole().isObserved() ? "only observed, would open " : "opens ";
  }

  /** Its number, and what the helper calls it. */
  private static String name(Expectation expectation) {
    String label = expectation.request().label();
    return "expectation " + expectation.id() + (label.isEmpty() ? "" : ", " + label);
  }

  private static String whoseTime(Expectation expectation) {
    Stay stay = expectation.stay();
    if (stay.kind() == Stay.Kind.IDLE) {
      return stay.idleMs() / 1000 + " s after its last child";
    }
    return expectation.owner().id() == null ? "its parent" : "its owner";
  }

  private static String host(InetAddress address) {
    String text = AddressText.of(address);
    return text.indexOf(':') < 0 ? text : "[" + text + "]";
  }
}
