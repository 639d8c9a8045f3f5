package org.pinholed.helper.sip.sdp;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Words;

/** Descriptions for tests, and what was read of them in words. */
final class SdpText {
  /** Bytes before each description, so that an index is never the one of its first byte. */
  static final int BEFORE = 7;

  private SdpText() {}

  static String lines(String withBars) {
    return withBars.isEmpty() ? "" : String.join("\r\n", withBars.split(" \\| ", -1)) + "\r\n";
  }

  static ByteCursor cursor(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer buffer = ByteBuffer.allocate(BEFORE + bytes.length);
    buffer.put(BEFORE, bytes);
    return new ByteCursor().wrap(buffer, BEFORE, bytes.length, 0);
  }

  static SdpView read(String text) {
    SdpView view = new SdpView(16);
    ByteCursor bytes = cursor(text);
    if (view.read(bytes, bytes.position(), bytes.limit()) != null) {
      throw new AssertionError("refused as a whole: " + text);
    }
    return view;
  }

  static String words(SdpDescription description) {
    List<String> streams = new ArrayList<>();
    for (SdpDescription.Stream stream : description.streams()) {
      streams.add(words(stream));
    }
    return streams.isEmpty() ? "nothing" : String.join(" | ", streams);
  }

  private static String words(SdpDescription.Stream stream) {
    if (stream.refusal() != null) {
      return Words.lowerCamel(stream.refusal().name());
    }
    if (stream.isOff()) {
      return "off";
    }
    StringBuilder words = new StringBuilder(stream.kind().name()).append(' ');
    words.append(stream.address() == null ? "nowhere" : AddressText.of(stream.address()));
    words.append(':').append(stream.port());
    words.append(stream.count() > 1 ? "/" + stream.count() : "");
    if (stream.rtcpPort() > 0) {
      words.append(" rtcp ");
      if (stream.rtcpAddress() != null) {
        words.append(AddressText.of(stream.rtcpAddress())).append(':');
      }
      words.append(stream.rtcpPort());
    }
    words.append(stream.muxOffered() ? " mux" : "").append(stream.held() ? " held" : "");
    words.append(stream.connects() ? " connects" : "");
    words.append(stream.bundledInto() >= 0 ? " bundled " + stream.bundledInto() : "");
    return words.toString();
  }

  /** The lines of a table in the resources, without its head. */
  static List<String> table(String name) throws IOException {
    try (InputStream file = Objects.requireNonNull(SdpText.class.getResourceAsStream(name), name)) {
      String text = new String(file.readAllBytes(), StandardCharsets.UTF_8);
      List<String> rows = text.lines().toList();
      return rows.subList(1, rows.size());
    }
  }

  /** What a view says, whoever sent it. */
  static SdpDescription described(SdpView view) {
    return SdpDescription.of(view, InetAddress.getLoopbackAddress());
  }
}
