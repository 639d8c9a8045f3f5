package org.pinholed.helper.sip.message;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.testkit.CountingCursor;
import org.pinholed.helper.testkit.Work;

/** Messages as text, each char of which is one byte; a line feed alone stays one. */
public final class SipText {
  /** Index of the first byte in the cursors made here; bytes around a text must not be read. */
  public static final int FROM = 3;

  private static final List<String> INVITE =
      List.of(
          "INVITE sip:bob@203.0.113.10:5060 SIP/2.0",
          "Via: SIP/2.0/UDP 192.0.2.10:5062;rport;branch=z9hG4bKone",
          "From: <sip:alice@example.com>;tag=f1",
          "To: <sip:bob@example.com>",
          "Call-ID: one@example.com",
          "CSeq: 1 INVITE");

  private SipText() {}

  /** A cursor over a text, which refuses whoever reads outside of it. */
  public static ByteCursor cursor(String text) {
    return cursor(text, new Work());
  }

  /** A cursor over a text, which counts what is read. */
  public static ByteCursor cursor(String text, Work work) {
    byte[] bytes = ("<\"," + text + "\r\n\r\n").getBytes(ISO_8859_1);
    return new CountingCursor(work).over(ByteBuffer.wrap(bytes), FROM, text.length(), 0);
  }

  /** An INVITE with everything that it must have; each line given replaces the one of its name. */
  public static String invite(String... lines) {
    List<String> all = new ArrayList<>(INVITE);
    for (String line : lines) {
      String name = line.substring(0, Math.max(0, line.indexOf(':')) + 1);
      if (!name.isEmpty()) {
        all.removeIf(usual -> usual.startsWith(name) && INVITE.contains(usual));
      }
      all.add(line);
    }
    return String.join("\r\n", all) + "\r\n\r\n";
  }

  /** An INVITE without the lines of a name. */
  public static String inviteWithout(String name) {
    List<String> all = new ArrayList<>(INVITE);
    all.removeIf(line -> line.startsWith(name + ":"));
    return String.join("\r\n", all) + "\r\n\r\n";
  }

  /** Reads a datagram that can be read. */
  public static SipMessage read(String text) {
    SipMessage message = new SipMessage();
    assertNull(message.readDatagram(cursor(text), FROM, FROM + text.length()), text);
    return message;
  }

  /** Why a datagram cannot be read. */
  public static @Nullable SipReason reason(String text) {
    return new SipMessage().readDatagram(cursor(text), FROM, FROM + text.length());
  }

  /** A file beside the tests. */
  public static String resource(String name) {
    try (InputStream in = SipText.class.getResourceAsStream(name)) {
      return new String(Objects.requireNonNull(in, name).readAllBytes(), ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
