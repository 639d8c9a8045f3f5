package org.pinholed.helper.sip;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.Dialogue;

/**
 * What a phone 198.51.100.10:5062, perhaps seen as 203.0.113.1:6062, and a server 203.0.113.10:5060
 * say to each other.
 */
final class SipDialogueText {
  private final Transport transport;
  private final String seen;

  SipDialogueText(Transport transport, boolean translated) {
    this.transport = transport;
    this.seen = translated ? "203.0.113.1:6062" : "198.51.100.10:5062";
  }

  private static String sdp(String address, int port) {
    return "v=0\r\no=- 1 1 IN IP4 %1$s\r\ns=-\r\nc=IN IP4 %1$s\r\nm=audio %2$s RTP/AVP 0\r\n"
        .formatted(address, port);
  }

  private String message(
      String start, String via, String branch, String tags, String rest, String body) {
    return start
        + "\r\nv:SIP/2.0/"
        + transport
        + " "
        + via
        + ";branch=z9hG4bK"
        + branch
        + "\r\n"
        + tags
        + rest
        + (body.isEmpty() ? "" : "c:application/sdp\r\n")
        + "l:"
        + body.length()
        + "\r\n\r\n"
        + body;
  }

  private static String tags(String call, boolean answered, String cseq) {
    return "f:<sip:a@x>;tag=f\r\nt:<sip:b@x>%s\r\ni:%s\r\nCSeq:%s\r\n"
        .formatted(answered ? ";tag=t" : "", call, cseq);
  }

  private static void add(Dialogue dialogue, boolean client, String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    if (client) {
      dialogue.client(bytes);
    } else {
      dialogue.server(bytes);
    }
    // the digits of Content-Length, which lie behind "l:"
    int at = text.indexOf("\r\nl:") + 4;
    dialogue.decimalLength(at, text.indexOf('\r', at) - at);
  }

  private String fromPhone(String start, String branch, String tags, String rest, String body) {
    return message(start, "198.51.100.10:5062", branch, tags, rest, body);
  }

  private String toPhone(String status, String branch, String tags, String rest, String body) {
    return message("SIP/2.0 " + status, seen, branch, tags, rest, body);
  }

  /** Keep-alives that are answered. */
  Dialogue options(int count) {
    Dialogue dialogue = new Dialogue();
    for (int at = 0; at < count; at++) {
      String tags = tags("o", true, at + " OPTIONS");
      dialogue.client(fromPhone("OPTIONS sip:203.0.113.10 SIP/2.0", "o" + at, tags, "", ""));
      dialogue.server(toPhone("200 OK", "o" + at, tags, "", ""));
    }
    return dialogue;
  }

  /** Calls, one behind the other. */
  Dialogue calls(int count) {
    Dialogue dialogue = new Dialogue();
    for (int at = 0; at < count; at++) {
      call(dialogue, "call" + (1000 + at), 20000 + 4 * at);
    }
    return dialogue;
  }

  private void call(Dialogue dialogue, String call, int port) {
    String contact = "m:<sip:a@198.51.100.10:5062>\r\n";
    String far = "m:<sip:b@203.0.113.10:5060>\r\n";
    String invite = tags(call, false, "1 INVITE");
    add(
        dialogue,
        true,
        fromPhone(
            "INVITE sip:b@203.0.113.10 SIP/2.0",
            call,
            invite,
            contact,
            sdp("198.51.100.10", port)));
    add(dialogue, false, toPhone("100 Trying", call, invite, "", ""));
    String dialog = tags(call, true, "1 INVITE");
    add(dialogue, false, toPhone("200 OK", call, dialog, far, sdp("203.0.113.10", port + 2)));
    add(
        dialogue,
        true,
        fromPhone("ACK sip:b@203.0.113.10 SIP/2.0", call + "a", tags(call, true, "1 ACK"), "", ""));
    String bye = tags(call, true, "2 BYE");
    add(dialogue, true, fromPhone("BYE sip:b@203.0.113.10 SIP/2.0", call + "b", bye, contact, ""));
    add(dialogue, false, toPhone("200 OK", call + "b", bye, "", ""));
  }

  /** Each kind of message, with keep-alives between them. */
  Dialogue all() {
    Dialogue dialogue = new Dialogue();
    String register = "f:<sip:a@x>;tag=r\r\nt:<sip:a@x>\r\ni:r\r\nCSeq:1 REGISTER\r\n";
    String contact = "m:<sip:a@198.51.100.10:5062>;expires=60\r\n";
    add(dialogue, true, fromPhone("REGISTER sip:x SIP/2.0", "r", register, contact, ""));
    add(
        dialogue,
        false,
        toPhone("200 OK", "r", register, "m:<sip:a@" + seen + ">;expires=60\r\n", ""));
    dialogue.client("\r\n\r\n");
    dialogue.server("\r\n");
    call(dialogue, "c", 20000);
    String ping = "f:<sip:b@x>;tag=b\r\nt:<sip:a@x>\r\ni:p\r\nCSeq:1 OPTIONS\r\n";
    add(
        dialogue,
        false,
        message("OPTIONS sip:a@" + seen + " SIP/2.0", "203.0.113.10:5060", "p", ping, "", ""));
    add(
        dialogue,
        true,
        message(
            "SIP/2.0 200 OK",
            "203.0.113.10:5060",
            "p",
            ping,
            "m:<sip:198.51.100.10:5070>\r\n",
            ""));
    return dialogue;
  }
}
