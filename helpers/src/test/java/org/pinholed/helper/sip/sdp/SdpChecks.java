package org.pinholed.helper.sip.sdp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.pinholed.helper.ByteCursor;

/** What holds for every text, whoever sent it. */
final class SdpChecks {
  private SdpChecks() {}

  /**
   * What another process wrote, or did not.
   *
   * @param text any
   */
  static void text(String text) {
    SdpDescription description = SdpDescription.ofText(text);
    if (description != null) {
      assertEquals(description, SdpDescription.ofText(description.toText()));
    }
  }

  /** Lets nobody read outside of its bytes, and counts. */
  private static final class Counting extends ByteCursor {
    private final int start;
    private long reads;

    Counting(byte[] text) {
      start = SdpText.BEFORE;
      ByteBuffer buffer = ByteBuffer.allocate(start + text.length + start);
      Arrays.fill(buffer.array(), (byte) '1');
      buffer.put(start, text);
      wrap(buffer, start, text.length, 0);
    }

    @Override
    public int u8At(int index) {
      assertTrue(index >= start && index < limit(), () -> "byte " + index + " is outside");
      reads++;
      return super.u8At(index);
    }
  }

  /**
   * Reads it, and asks for all that a view can say.
   *
   * @param text any bytes
   * @return how often a byte was read
   */
  static long read(byte[] text) {
    Counting bytes = new Counting(text);
    SdpView view = new SdpView(16);
    boolean refused = view.read(bytes, bytes.position(), bytes.limit()) != null;
    assertTrue(!refused || view.streams() == 0);
    inside(bytes, view.origin());
    inside(bytes, view.connection());
    for (int at = 0; at < view.streams(); at++) {
      SdpMedia media = view.media(at);
      inside(bytes, media.connection());
      inside(bytes, media.rtcpAddress());
      inside(bytes, media.portFrom(), media.portTo());
      inside(bytes, media.rtcpPortFrom(), media.rtcpPortTo());
      assertTrue(media.typeFrom() >= bytes.position() && media.typeTo() <= bytes.limit());
      boolean open = media.refusal() == null && media.port() > 0;
      assertTrue(!open || media.connection().isAddress());
      assertTrue(!open || media.port() + 2 * media.count() - 2 <= 65535);
      assertTrue(media.bundledInto() != at && media.bundledInto() < view.streams());
      CandidateView candidates = view.candidates(at);
      while (candidates.next()) {
        inside(bytes, candidates.address());
        inside(bytes, candidates.portFrom(), candidates.portTo());
      }
    }
    SdpDescription description = SdpText.described(view);
    assertEquals(description, SdpDescription.ofText(description.toText()));
    return bytes.reads;
  }

  private static void inside(ByteCursor bytes, SdpAddress address) {
    inside(bytes, address.from(), address.to());
    assertTrue(!address.isAddress() || address.to() - address.from() >= 2);
  }

  private static void inside(ByteCursor bytes, int from, int to) {
    boolean none = from == SdpView.NONE && to == SdpView.NONE;
    assertTrue(none || (from >= bytes.position() && from <= to && to <= bytes.limit()));
  }
}
