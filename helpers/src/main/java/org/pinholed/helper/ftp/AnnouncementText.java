package org.pinholed.helper.ftp;

import java.nio.charset.StandardCharsets;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;

/** Writes the host-port of an announcement anew, in the form that its command or reply has. */
final class AnnouncementText {
  private static final byte[][] COMMANDS = {ascii("port "), ascii("eprt ")};
  private static final byte[][] REPLIES = {ascii("227"), ascii("229")};

  private AnnouncementText() {}

  /**
   * The text that names an endpoint: six numbers with commas for PORT and 227 (RFC 959), delimited
   * fields for EPRT, and for 229 with family and address left out (RFC 2428).
   *
   * @param cause PORT, EPRT, 227 or 229
   * @param endpoint what it is to name
   * @param delimiter of EPRT and 229: the one that was used
   * @return ASCII
   */
  static byte[] of(FtpWord cause, Endpoint endpoint, char delimiter) {
    String d = Character.toString(delimiter);
    int port = endpoint.port();
    String address = AddressText.of(endpoint.address());
    return ascii(
        switch (cause) {
          case EPRT -> d + (endpoint.isIpv6() ? 2 : 1) + d + address + d + port + d;
          case REPLY_229 -> d + d + d + port + d;
          default -> address.replace('.', ',') + "," + (port >> 8) + "," + (port & 0xff);
        });
  }

  /**
   * Whether a line that is not whole yet may become an announcement.
   *
   * @param direction which way it goes
   * @param bytes where it is
   * @param start index of its first byte
   * @param end index behind the last byte that came
   * @return false if it is certain that it announces nothing
   */
  static boolean mayBegin(Direction direction, ByteCursor bytes, int start, int end) {
    for (byte[] word : direction == Direction.ORIGINAL ? COMMANDS : REPLIES) {
      int length = Math.min(word.length, end - start);
      int same = 0;
      while (same < length && (bytes.u8At(start + same) | 0x20) == word[same]) {
        same++;
      }
      if (same == length) {
        return true;
      }
    }
    return false;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
