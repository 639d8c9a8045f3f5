package org.pinholed.helper.sip.sdp;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.sip.sdp.SdpDescription.Stream;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.text.AddressParser;

/**
 * The streams of a description as a short text: {@code R:34c@wAACCg+,Rm:34e+}. Streams are
 * separated by commas. A refused one is {@code !} and the reason. Another one is the letter of its
 * kind, its flags (m multiplexed, h held, c connects), a colon, the port in base 36, then what is
 * not as usual: {@code *} and the number of pairs; {@code ?} no address, {@code @} and an address
 * in base 64 that is not the one of the stream before; {@code +} RTCP, with its port if it is not
 * the next one, and {@code @} with its address; {@code ^} and the stream that it is bundled into.
 */
final class StreamText {
  private static final int STREAMS_MAX = 64;
  private static final int RADIX = 36;
  private static final int PORT_MAX = 65535;
  private static final int PORT_DIGITS_MAX = 4;
  private static final char MUX = 'm';
  private static final char HELD = 'h';
  private static final char CONNECTS = 'c';
  private static final Base64.Encoder ENCODER = Base64.getUrlEncoder().withoutPadding();
  private static final Base64.Decoder DECODER = Base64.getUrlDecoder();

  private final String text;
  private int at;
  private @Nullable InetAddress last;
  private boolean ok = true;

  private StreamText(String text) {
    this.text = text;
  }

  static String of(List<Stream> streams) {
    StringBuilder text = new StringBuilder(streams.size() * 16);
    @Nullable InetAddress last = null;
    for (Stream stream : streams) {
      if (text.length() > 0) {
        text.append(',');
      }
      append(text, stream, last);
      last = stream.address() == null ? last : stream.address();
    }
    return text.toString();
  }

  private static void append(StringBuilder text, Stream stream, @Nullable InetAddress last) {
    SipReason refusal = stream.refusal();
    if (refusal != null) {
      text.append('!').append(refusal.name());
      return;
    }
    text.append(stream.kind().letter());
    text.append(stream.muxOffered() ? "m" : "").append(stream.held() ? "h" : "");
    text.append(stream.connects() ? "c" : "").append(':').append(base36(stream.port()));
    if (stream.count() > 1) {
      text.append('*').append(base36(stream.count()));
    }
    InetAddress address = stream.address();
    if (address == null) {
      text.append('?');
    } else if (!address.equals(last)) {
      text.append('@').append(ENCODER.encodeToString(address.getAddress()));
    }
    if (stream.rtcpPort() > 0) {
      text.append('+');
      if (stream.rtcpPort() != stream.port() + 1) {
        text.append(base36(stream.rtcpPort()));
      }
      InetAddress rtcp = stream.rtcpAddress();
      if (rtcp != null) {
        text.append('@').append(ENCODER.encodeToString(rtcp.getAddress()));
      }
    }
    if (stream.bundledInto() >= 0) {
      text.append('^').append(base36(stream.bundledInto()));
    }
  }

  private static String base36(int number) {
    return Integer.toString(number, RADIX);
  }

  static @Nullable List<Stream> streams(String text) {
    List<Stream> streams = new ArrayList<>();
    StreamText reader = new StreamText(text);
    while (reader.ok && reader.at < text.length()) {
      if (streams.size() == STREAMS_MAX || (!streams.isEmpty() && !reader.accept(','))) {
        return null;
      }
      streams.add(reader.stream());
    }
    for (Stream stream : streams) {
      reader.ok &= stream.bundledInto() < streams.size();
    }
    return reader.ok ? streams : null;
  }

  private Stream stream() {
    if (accept('!')) {
      return Stream.refused(reason());
    }
    @Nullable StreamKind kind = at < text.length() ? StreamKind.ofLetter(text.charAt(at++)) : null;
    boolean mux = accept(MUX);
    boolean held = accept(HELD);
    boolean connects = accept(CONNECTS);
    ok &= kind != null && accept(':');
    int port = number(PORT_MAX);
    int count = accept('*') ? Math.max(1, number(PORT_MAX)) : 1;
    @Nullable InetAddress address = null;
    if (!accept('?')) {
      address = accept('@') ? address() : last;
      ok &= address != null;
      last = address;
    }
    int rtcpPort = 0;
    @Nullable InetAddress rtcpAddress = null;
    if (accept('+')) {
      rtcpPort = atDigit() ? number(PORT_MAX) : Math.min(port + 1, PORT_MAX);
      rtcpAddress = accept('@') ? address() : null;
    }
    int bundledInto = accept('^') ? number(STREAMS_MAX - 1) : -1;
    return new Stream(
        kind == null ? StreamKind.UNKNOWN : kind,
        address,
        port,
        count,
        rtcpAddress,
        rtcpPort,
        mux,
        held,
        connects,
        bundledInto,
        null);
  }

  // A reason that only a newer process knows is refused all the same.
  private SipReason reason() {
    int end = text.indexOf(',', at);
    String name = text.substring(at, end < 0 ? text.length() : end);
    at += name.length();
    for (SipReason reason : SipReason.values()) {
      if (reason.name().equals(name)) {
        return reason;
      }
    }
    return SipReason.SDP_MEDIA;
  }

  private int number(int max) {
    int digits = 0;
    int value = 0;
    while (atDigit() && digits++ < PORT_DIGITS_MAX) {
      value = value * RADIX + Character.digit(text.charAt(at++), RADIX);
    }
    ok &= digits > 0 && value <= max;
    return ok ? value : 0;
  }

  private boolean atDigit() {
    return at < text.length() && Character.digit(text.charAt(at), RADIX) >= 0;
  }

  private @Nullable InetAddress address() {
    int end = at;
    while (end < text.length() && isOfBase64(text.charAt(end))) {
      end++;
    }
    int length = end - at;
    byte[] bytes = new byte[0];
    if (length == 6 || length == 22) {
      bytes = DECODER.decode(text.substring(at, end));
    }
    at = end;
    ok &= bytes.length > 0;
    return bytes.length > 0 ? AddressParser.toAddress(bytes, bytes.length) : null;
  }

  private static boolean isOfBase64(char character) {
    return (character >= '0' && character <= '9')
        || (character >= 'a' && character <= 'z')
        || (character >= 'A' && character <= 'Z')
        || character == '-'
        || character == '_';
  }

  private boolean accept(char character) {
    if (at < text.length() && text.charAt(at) == character) {
      at++;
      return true;
    }
    return false;
  }
}
