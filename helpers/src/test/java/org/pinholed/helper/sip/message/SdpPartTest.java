package org.pinholed.helper.sip.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.pinholed.helper.sip.message.SipText.invite;
import static org.pinholed.helper.sip.message.SipText.read;
import static org.pinholed.helper.sip.message.SipText.reason;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.sip.words.SipReason;

/** Where a message describes its session. */
class SdpPartTest {
  private static final String PARTS =
      """
      preamble
      --b 1

      text of no type
      --b 1 \t
      Content-Type: application/ISUP; version=x
      Content-Disposition: signal

      v=0 of another kind
      --b 1
      c:\tapplication/SDP;charset=utf-8
      Content-ID: <1>

      v=0
      --b
      --c 1
      a=1

      --b 1--
      epilogue
      """;

  private static String sdp(String text) {
    SipMessage message = read(text);
    Span sdp = new Span();
    sdp.set(message.cursor(), message.sdpStart(), message.sdpEnd());
    return message.hasSdp() ? sdp.text() : "-";
  }

  private static String parts(String type, String body) {
    return invite("Content-Type: " + type) + body.replace("\n", "\r\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "c: application/sdp",
        "Content-Type:APPLICATION/SDP;charset=utf-8",
        "Content-Type: application\r\n /\r\n sdp \r\n ;x"
      })
  void aBody(String line) {
    assertEquals("v=0\r\n", sdp(invite(line) + "v=0\r\n"));
    assertEquals("v=0", sdp(invite(line, "l: 3") + "v=0\r\n"));
    assertEquals("-", sdp(invite(line)));
    assertEquals(
        "v=0", sdp(invite(line, "Content-Disposition: session;handling=required") + "v=0"));
    assertEquals("v=0", sdp(invite(line, "Content-Encoding: identity") + "v=0"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "c: application/sdpx",
        "c: application/sd",
        "c: text/sdp",
        "c: applications/sdp",
        "c: application",
        "c: sdp",
        "c:",
        "c: application/sdp/x",
        "X: application/sdp",
        "c: message/sipfrag"
      })
  void aBodyOfAnotherType(String line) {
    assertEquals("-", sdp(invite(line) + "v=0\r\n"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "e: gzip",
        "Content-Encoding: x, gzip",
        "Content-Disposition: early-session",
        "Content-Disposition: render",
        "Content-Disposition:"
      })
  void aBodyThatIsPacked_orForSomethingElse(String line) {
    assertEquals("-", sdp(invite("c: application/sdp", line) + "v=0\r\n"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "multipart/mixed;boundary=\"b 1\"",
        "multipart/alternative ; x=\"boundary=y\" ; BOUNDARY = \"b 1\" ; z",
        "MULTIPART/related;type=\"application/sdp\";\r\n boundary=\"b 1\""
      })
  void aPart(String type) {
    String sdp = "v=0\r\n--b\r\n--c 1\r\na=1\r\n";
    assertEquals(sdp, sdp(parts(type, PARTS)));
    assertEquals(sdp.replace("\r\n", "\n"), sdp(invite("c: " + type) + PARTS));
  }

  @Test
  void aPart_atTheEdges() {
    String type = "multipart/mixed;boundary=b";
    assertEquals("-", sdp(parts(type, "--b\nc: application/sdp\n\n--b--")));
    assertEquals("-", sdp(parts(type, "--b\nc: application/sdp\n--b--")));
    assertEquals("-", sdp(parts(type, "--b\nnothing\n\nv=0\n--b--")));
    assertEquals("-", sdp(parts(type, "--b--\n--b\nc: application/sdp\n\nv=0\n--b--")));
    assertEquals("-", sdp(parts(type, "--b\n--b--\n")));
    assertEquals("v=0", sdp(parts(type, "--b\nc: application/sdp\n\nv=0\n--b--")));
    assertEquals("\r\nv=0", sdp(parts(type, "--b\nc: application/sdp\n\n\nv=0\n--b--")));
    assertEquals(" v=0", sdp(parts(type, "--b\nc: application/sdp\n\n v=0\n--b--")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Encoding: gzip",
        "Content-Disposition: early-session"
      })
  void aPartThatIsPacked_orForSomethingElse(String line) {
    String part = "--b\nContent-Type: application/sdp\n" + line + "\n\nv=0\n--b--\n";
    assertEquals("-", sdp(parts("multipart/mixed;boundary=b", part)));
    String plain =
        "--b\nContent-Type: application/sdp\nContent-Transfer-Encoding: Binary \n\nv=1\n";
    assertEquals("v=1", sdp(parts("multipart/mixed;boundary=b", plain + part)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"v=1\n--b2\nx", "v=1\n--b--x", "v=1\n--b x", "--b\rx"})
  void aLineThatBeginsLikeADelimiter(String lines) {
    String part = "--b\nc: application/sdp\n\n" + lines + "\n--b--\n";
    assertEquals(SipReason.MULTIPART, reason(parts("multipart/mixed;boundary=b", part)));
  }

  @Test
  void twoParts_thatAreSdp() {
    String part = "--b\nc: application/sdp\n\nv=0\n";
    assertEquals(
        SipReason.MULTIPART, reason(parts("multipart/mixed;boundary=b", part + part + "--b--\n")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "multipart/mixed",
        "multipart/mixed;boundary",
        "multipart/mixed;boundary=",
        "multipart/mixed;boundary=\"\"",
        "multipart/mixed;boundary=\"b",
        "multipart/mixed;boundary=b;boundary=c",
        "multipart/mixed;boundary=b c",
        "multipart/mixed;boundary=other",
        "multipart/mixed x;boundary=b"
      })
  void aBodyWhosePartsNobodyCanTellApart(String type) {
    String body = "--b\nc: application/sdp\n\nv=0\n--b--\n";
    assertEquals(SipReason.MULTIPART, reason(parts(type, body)));
    assertFalse(read(invite("c: " + type, "l: 0")).hasSdp());
  }

  @Test
  void aBodyWithoutItsEnd() {
    String body = "--b\nc: application/sdp\n\nv=0\n";
    assertEquals(SipReason.MULTIPART, reason(parts("multipart/mixed;boundary=b", body)));
  }
}
