package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Talks to a program of a peer, such as that which has its sockets ({@code lab/peer.py}): one JSON
 * object a line, asked and answered in turn. Bytes travel as Latin-1 text. Not thread-safe. Closing
 * it ends the program.
 */
final class PeerCalls implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final Lab lab;
  private final Process process;
  private final Writer requests;
  private final BufferedReader answers;
  private final Path errors;

  private PeerCalls(Lab lab, Process process, Path errors) {
    this.lab = lab;
    this.process = process;
    this.errors = errors;
    requests = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /** Starts the program that has sockets on a host. */
  static PeerCalls start(Lab lab, Lab.Host host) {
    lab.resource("datagrams.py"); // which it imports
    return start(lab, host, "peer.py");
  }

  /**
   * Starts a program on a host that is asked and answers in the same way.
   *
   * @param script its file in the folder {@code lab} of the resources
   */
  static PeerCalls start(Lab lab, Lab.Host host, String script) {
    Path program = lab.resource(script);
    Path errors = lab.workFolder().resolve(script + "-" + COUNTER.incrementAndGet() + ".err");
    Process process =
        lab.startPiped(
            host,
            errors,
            "/usr/bin/python3",
            program.toString(),
            Integer.toString(Patience.FACTOR));
    return new PeerCalls(lab, process, errors);
  }

  /** How long a program shall wait, as it takes it. */
  static double seconds(Duration duration) {
    return Patience.of(duration).toMillis() / 1000.0;
  }

  /**
   * Has the program do something.
   *
   * @param operation a method of the program's main class
   * @throws PeerException if it could not be done
   */
  JsonNode call(String operation, Map<String, ?> arguments) {
    ObjectNode request = JSON.valueToTree(arguments);
    request.put("op", operation);
    try {
      requests.write(request + "\n");
      requests.flush();
      String line = answers.readLine();
      if (line == null) {
        throw new EOFException("end of answers");
      }
      JsonNode answer = JSON.readTree(line);
      if (answer.has("error")) {
        throw new PeerException(
            operation + ": " + answer.path("error").asText() + " " + answer.path("text").asText());
      }
      return answer;
    } catch (IOException e) {
      throw new IllegalStateException("the peer ended at " + operation + ": " + complaint(), e);
    }
  }

  private String complaint() {
    try {
      return Files.readString(errors);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void close() {
    lab.kill(process);
  }
}
