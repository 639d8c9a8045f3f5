package org.pinholed.it.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;

/**
 * The registration of one phone over a signalling flow (RFC 3261 section 10), of which the test
 * moves phone and registrar. Not thread-safe.
 */
public final class SipRegistration {
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final SipLine line;
  private final String name;
  private int number;

  /** Nothing is said yet. */
  public SipRegistration(SipLine line) {
    this.line = line;
    name = "reg" + COUNTER.incrementAndGet();
  }

  /** The Contact that leads to a port of the phone's own address. */
  public String contact(int port) {
    return "<sip:%s@%s:%d%s>"
        .formatted(
            name,
            Family.inUrl(line.client().host()),
            port,
            line.transport().equals("TCP") ? ";transport=tcp" : "");
  }

  /** A REGISTER with the next number, which is not sent yet. */
  public SipMessage build(String contact, int expires) {
    number++;
    List<String> headers = new ArrayList<>();
    Endpoint own = line.client();
    headers.add(
        "Via: SIP/2.0/%s %s:%d;branch=z9hG4bK%s-%d;rport"
            .formatted(line.transport(), Family.inUrl(own.host()), own.port(), name, number));
    headers.add("Max-Forwards: 70");
    headers.add("From: <sip:%s@example.org>;tag=f%s".formatted(name, name));
    headers.add("To: <sip:%s@example.org>".formatted(name));
    headers.add("Call-ID: %s@example.org".formatted(name));
    headers.add("CSeq: %d REGISTER".formatted(number));
    headers.add("Contact: " + contact);
    headers.add("Expires: " + expires);
    headers.add("Content-Length: 0");
    return new SipMessage("REGISTER sip:example.org SIP/2.0", headers, "");
  }

  /** Sends a REGISTER; what the registrar hears. */
  public SipMessage register(String contact, int expires) {
    return line.say(true, build(contact, expires));
  }

  /** An answer without Contact, which is not sent yet. */
  public SipMessage buildAnswer(SipMessage request, int status) {
    Endpoint source = line.dialogue().clientSeenByServer();
    String via =
        request
            .header("Via")
            .replaceFirst(
                ";rport$",
                Matcher.quoteReplacement(
                    ";received=%s;rport=%d".formatted(source.host(), source.port())));
    return new SipMessage(
        "SIP/2.0 %d Reason".formatted(status),
        List.of(
            "Via: " + via,
            "From: " + request.header("From"),
            "To: " + request.header("To") + ";tag=t" + name,
            "Call-ID: " + request.header("Call-ID"),
            "CSeq: " + request.header("CSeq"),
            "Content-Length: 0"),
        "");
  }

  /** The registrar grants what it heard, for a time; what the phone hears. */
  public SipMessage grant(SipMessage request, int seconds) {
    return line.say(false, granted(request, seconds));
  }

  /** The same of a registrar that lists what it granted before, too (RFC 3261 section 10.3). */
  public SipMessage grantAll(SipMessage request, int seconds, String... before) {
    SipMessage answer = granted(request, seconds);
    for (String contact : before) {
      answer = answer.plus(contact);
    }
    return line.say(false, answer);
  }

  /** The answer that grants what the registrar heard, which is not sent yet. */
  public SipMessage granted(SipMessage request, int seconds) {
    SipMessage answer = buildAnswer(request, 200);
    if (seconds > 0) {
      for (String contact : request.headers("Contact")) {
        answer = answer.plus("Contact: " + contact + ";expires=" + seconds);
      }
    }
    return answer;
  }

  /**
   * A whole registration of the port from which the phone speaks.
   *
   * @return the URI at which the registrar has learned to reach the phone
   */
  public String connect(int seconds) {
    return connect(line.client().port(), seconds);
  }

  /** The same with another port of the phone's. */
  public String connect(int port, int seconds) {
    String own = contact(port);
    SipMessage heard = register(own, 3600);
    SipMessage answer = grant(heard, seconds);
    if (!answer.header("Contact").equals(own + ";expires=" + seconds)) {
      throw new AssertionError("not the phone's own Contact: " + answer.text());
    }
    return heard.contactUri();
  }

  /** Waits for nothing: the phone takes all its contacts back. */
  public void withdraw(String contact) {
    grant(register(contact, 0), 0);
  }
}
