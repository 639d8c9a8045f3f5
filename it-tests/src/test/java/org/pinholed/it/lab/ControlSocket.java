package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;

/**
 * Asks an agent on its control socket, as {@code pinholectl} does, but without starting a virtual
 * machine for each question: for what a scenario asks again and again until it is so.
 */
final class ControlSocket {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final Set<String> WHOLE = Set.of("status", "sessions", "expectations");

  private ControlSocket() {}

  /** Whether {@link #ask} can take the place of {@code pinholectl --json} with these arguments. */
  static boolean answers(String... arguments) {
    return arguments.length == 1 && WHOLE.contains(arguments[0]);
  }

  /**
   * Asks for what {@code pinholectl --json} prints.
   *
   * @param socket the control socket; a path of at most 107 bytes
   * @param command {@code status}, or the name of a listing
   * @return the one row of {@code status}; all rows of a listing
   * @throws IOException if nobody answers there, or the agent refuses
   */
  static JsonNode ask(Path socket, String command) throws IOException {
    ArrayNode rows = JSON.createArrayNode();
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      String request = JSON.createObjectNode().put("command", command) + "\n";
      channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII)));
      BufferedReader answer =
          new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
      for (String line = answer.readLine(); line != null; line = answer.readLine()) {
        JsonNode message = JSON.readTree(line);
        if (message.has("row")) {
          rows.add(message.get("row"));
        } else if (message.path("done").asBoolean()) {
          return command.equals("status") ? rows.path(0) : rows;
        } else {
          throw new IOException(command + ": " + line);
        }
      }
    }
    throw new IOException(command + ": the answer breaks off after " + rows.size() + " rows");
  }
}
