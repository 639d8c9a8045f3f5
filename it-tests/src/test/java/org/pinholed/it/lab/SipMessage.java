package org.pinholed.it.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A SIP message of the test's (RFC 3261 section 7): what stands in it is what the test says, right
 * or wrong.
 *
 * @param startLine request line or status line
 * @param headers header lines in their order, without line ends
 * @param body what follows the empty line
 */
public record SipMessage(String startLine, List<String> headers, String body) {
  private static final String END = "\r\n";

  /** Copies the list. */
  public SipMessage {
    headers = List.copyOf(headers);
  }

  /** Takes a text apart; a text that is no message fails. */
  public static SipMessage of(String text) {
    int empty = text.indexOf(END + END);
    if (empty < 0 || text.substring(0, text.indexOf(END)).split(" ", -1).length < 3) {
      throw new AssertionError("no SIP message: [" + text + "]");
    }
    List<String> lines = List.of(text.substring(0, empty).split(END, -1));
    return new SipMessage(
        lines.get(0), lines.subList(1, lines.size()), text.substring(empty + 2 * END.length()));
  }

  /** The bytes in Latin-1, as they are sent. */
  public String text() {
    StringBuilder text = new StringBuilder(startLine).append(END);
    headers.forEach(header -> text.append(header).append(END));
    return text.append(END).append(body).toString();
  }

  /** Whether it is a request. */
  public boolean isRequest() {
    return !startLine.startsWith("SIP/2.0 ");
  }

  /** The status of an answer, 100..699. */
  public int status() {
    if (isRequest()) {
      throw new AssertionError("no answer: " + startLine);
    }
    return Integer.parseInt(startLine.substring(8, 11));
  }

  /** The method, of an answer that which it answers. */
  public String method() {
    return header("CSeq").split(" +", 2)[1];
  }

  /** The number of its CSeq. */
  public int number() {
    return Integer.parseInt(header("CSeq").split(" +", 2)[0]);
  }

  /** The Request-URI. */
  public String requestUri() {
    return startLine.split(" ", 3)[1];
  }

  /** The first value of a header that must be there, without white space around it. */
  public String header(String name) {
    List<String> all = headers(name);
    if (all.isEmpty()) {
      throw new AssertionError("no " + name + " in\n" + text());
    }
    return all.get(0);
  }

  /** The values of all lines of a header, in their order. */
  public List<String> headers(String name) {
    return headers.stream().filter(line -> is(line, name)).map(SipMessage::value).toList();
  }

  /** Whether it has such a header. */
  public boolean has(String name) {
    return !headers(name).isEmpty();
  }

  private static boolean is(String line, String name) {
    int colon = line.indexOf(':');
    return colon > 0
        && line.substring(0, colon)
            .strip()
            .toLowerCase(Locale.ROOT)
            .equals(name.toLowerCase(Locale.ROOT));
  }

  private static String value(String line) {
    return line.substring(line.indexOf(':') + 1).strip();
  }

  /** The same with this value in the first such header, or with one more header at the end. */
  public SipMessage with(String name, String value) {
    List<String> changed = new ArrayList<>(headers);
    for (int i = 0; i < changed.size(); i++) {
      if (is(changed.get(i), name)) {
        changed.set(i, name + ": " + value);
        return new SipMessage(startLine, changed, body);
      }
    }
    return plus(name + ": " + value);
  }

  /** The same with one more line at the end of the headers. */
  public SipMessage plus(String line) {
    List<String> more = new ArrayList<>(headers);
    more.add(line);
    return new SipMessage(startLine, more, body);
  }

  /** The same without this header. */
  public SipMessage without(String name) {
    return new SipMessage(
        startLine, headers.stream().filter(line -> !is(line, name)).toList(), body);
  }

  /** The same with another body and its length. */
  public SipMessage withBody(String type, String text) {
    return new SipMessage(
        startLine,
        with("Content-Type", type).with("Content-Length", "" + text.length()).headers(),
        text);
  }

  /** Where its SDP says that media go. */
  public SipSdp sdp() {
    return SipSdp.of(body);
  }

  /** The URI of its first Contact. */
  public String contactUri() {
    return uri(header("Contact"));
  }

  /** The host and port of its first Contact. */
  public Endpoint contact() {
    return endpoint(contactUri());
  }

  /** The URI of a name-addr or addr-spec (RFC 3261 section 20.10). */
  public static String uri(String value) {
    int open = value.lastIndexOf('<');
    return open < 0
        ? value.split("[;,]", 2)[0]
        : value.substring(open + 1, value.indexOf('>', open));
  }

  /** The host and port of a SIP URI; 5060 if it names none. */
  public static Endpoint endpoint(String uri) {
    String hostPort = uri.replaceFirst("^sips?:", "").split("[;?]", 2)[0];
    hostPort = hostPort.substring(hostPort.lastIndexOf('@') + 1);
    return hostPort(hostPort);
  }

  /** A host and port as Via and URIs write them; 5060 if it names none. */
  public static Endpoint hostPort(String text) {
    int afterHost = text.startsWith("[") ? text.indexOf(']') + 1 : text.indexOf(':');
    if (afterHost < 0 || afterHost == text.length()) {
      return new Endpoint(text.replaceAll("[\\[\\]]", ""), Service.SIP_PORT);
    }
    return new Endpoint(
        text.substring(0, afterHost).replaceAll("[\\[\\]]", ""),
        Integer.parseInt(text.substring(afterHost + 1)));
  }
}
