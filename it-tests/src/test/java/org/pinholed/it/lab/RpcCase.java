package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * A conversation with the right answer over TCP, from a file beside the tests of the helpers. The
 * server is at {@value #SERVER}.
 *
 * @param turns what one side says before the other one does, the client first
 */
public record RpcCase(List<String> turns) {
  /** The address that the servers of the cases say they have. */
  public static final String SERVER = "203.0.113.10";

  private static final String FOLDER =
      "helpers/src/test/resources/org/pinholed/helper/dcerpc/cases";

  /** Reads a file by its name without {@code .txt}. */
  public static RpcCase read(String name) {
    Path file = Lab.projectRoot().resolve(FOLDER).resolve(name + ".txt");
    List<String> turns = new ArrayList<>();
    StringBuilder turn = new StringBuilder();
    boolean isClient = true;
    try {
      for (String line : Files.readAllLines(file, StandardCharsets.US_ASCII)) {
        if (line.startsWith(isClient ? "<" : ">")) {
          turns.add(turn.toString());
          turn.setLength(0);
          isClient = !isClient;
        } else if (line.matches("[0-9a-f]{4}  .*")) {
          String hex = line.substring(6, line.indexOf('|')).replace(" ", "");
          turn.append(new String(HexFormat.of().parseHex(hex), StandardCharsets.ISO_8859_1));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    turns.add(turn.toString());
    return new RpcCase(List.copyOf(turns));
  }

  /** How long the longest turn is, in bytes. */
  public int longest() {
    return turns.stream().mapToInt(String::length).max().orElse(0);
  }

  /**
   * The conversation with other ports in its announcements, so that one can be told from the next.
   *
   * @param ports the port in the place of each; both of five digits
   * @param cut every turn is cut behind so many bytes, counted on from its beginning where it is
   *     shorter; 0 for no cut
   */
  public RpcTalk talk(Map<Integer, Integer> ports, int cut) {
    RpcTalk talk = new RpcTalk(RpcFormat.LITTLE);
    for (int at = 0; at < turns.size(); at++) {
      String said = turns.get(at);
      for (Map.Entry<Integer, Integer> port : ports.entrySet()) {
        said = said.replace(floor(port.getKey()), floor(port.getValue()));
        said = said.replace(binding(port.getKey()), binding(port.getValue()));
      }
      talk.cut(at % 2 == 0, said, cut % said.length());
    }
    return talk;
  }

  /** The floor of TCP in a tower. */
  private static String floor(int port) {
    return "\1\0\7\2\0" + (char) (port >> 8) + (char) (port & 0xff);
  }

  /** The end of a string binding, little-endian. */
  private static String binding(int port) {
    return new String(
        ("[" + port + "]").getBytes(StandardCharsets.UTF_16LE), StandardCharsets.ISO_8859_1);
  }
}
