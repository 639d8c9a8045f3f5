package org.pinholed.helper.dcerpc;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/** Conversations with the right answer: the files in {@code cases}. */
public final class DceRpcCases {
  private static final int REQUEST = 0;
  private static final int VERSION_4_HEADER_BYTES = 80;

  private DceRpcCases() {}

  /**
   * One PDU.
   *
   * @param ofClient who sent it
   * @param bytes all of it
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Pdu(boolean ofClient, byte[] bytes) {
    /** The stub of a request without object UUID, or of a response. */
    public byte[] stub() {
      if (bytes[0] == 4) {
        return Arrays.copyOfRange(bytes, VERSION_4_HEADER_BYTES, bytes.length);
      }
      int authLength = number(10);
      int end = bytes.length;
      if (authLength > 0) {
        int trailer = end - authLength - 8;
        end = trailer - bytes[trailer + 2];
      }
      return Arrays.copyOfRange(bytes, 24, end);
    }

    boolean isRequest() {
      return bytes[0] == 4 ? ofClient : bytes[2] == REQUEST;
    }

    private int number(int at) {
      int first = bytes[at] & 0xff;
      int second = bytes[at + 1] & 0xff;
      return bytes[4] >> 4 == 1 ? second << 8 | first : first << 8 | second;
    }
  }

  /**
   * The PDUs of a file.
   *
   * @param name its name without {@code .txt}
   * @return in their order
   */
  public static List<Pdu> read(String name) {
    String path = "/org/pinholed/helper/dcerpc/cases/" + name + ".txt";
    List<Pdu> pdus = new ArrayList<>();
    StringBuilder hex = new StringBuilder();
    boolean ofClient = false;
    try (InputStream file = Objects.requireNonNull(DceRpcCases.class.getResourceAsStream(path))) {
      String text = new String(file.readAllBytes(), StandardCharsets.US_ASCII);
      for (String line : (text + "\n>").lines().toList()) {
        if (line.startsWith(">") || line.startsWith("<")) {
          if (hex.length() > 0) {
            pdus.add(new Pdu(ofClient, HexFormat.of().parseHex(hex)));
          }
          hex.setLength(0);
          ofClient = line.startsWith(">");
        } else if (!line.isEmpty() && !line.startsWith("#")) {
          hex.append(line.substring(6, line.indexOf('|')).replace(" ", ""));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(path, e);
    }
    return pdus;
  }

  /**
   * The stub of the last call in a file.
   *
   * @param name the file, without {@code .txt}
   * @return the request's
   */
  public static byte[] requestStub(String name) {
    byte[] stub = {};
    for (Pdu pdu : read(name)) {
      stub = pdu.ofClient() && pdu.isRequest() ? pdu.stub() : stub;
    }
    return stub;
  }

  /**
   * The stub of the reply to the last call in a file, its fragments together.
   *
   * @param name the file, without {@code .txt}
   * @return the reply's
   */
  public static byte[] replyStub(String name) {
    byte[] stub = {};
    for (Pdu pdu : read(name)) {
      if (pdu.ofClient()) {
        stub = new byte[0];
      } else {
        byte[] next = pdu.stub();
        stub = Arrays.copyOf(stub, stub.length + next.length);
        System.arraycopy(next, 0, stub, stub.length - next.length, next.length);
      }
    }
    return stub;
  }
}
