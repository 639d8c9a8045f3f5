package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * What somebody says on a control port who is no FTP client, or no honest server, opens nothing:
 * each case ends with a real connection attempt at the port that it tried to open.
 *
 * <p>The dialogues at the end are honest ones. They open, so that the test would see a hole.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ClassicAttackIT {
  /** Long against a round trip here (under 1 ms), short against the first repeat of a SYN (1 s). */
  private static final Duration SHUT_PATIENCE = Duration.ofMillis(400);

  private static final Duration OPEN_PATIENCE = Duration.ofSeconds(5);

  private final Scenario scenario = Scenario.start("");

  @AfterAll
  void close() {
    try (scenario) {
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  /** Who listens at the port that the dialogue is about; the other one tries to connect. */
  private enum Victim {
    CLIENT,
    SERVER
  }

  /**
   * A dialogue.
   *
   * @param name what it is
   * @param victim who listens
   * @param opens whether the port may be reached at its end
   * @param steps a segment each: {@code C} or {@code S} and a blank, then what that side says. In
   *     it {@code ~} is a line end, {@code {six}} the victim's host and port as PORT and 227 write
   *     them, {@code {port}} its port
   */
  private record Dialogue(String name, Victim victim, boolean opens, List<String> steps) {
    static Dialogue shut(String name, Victim victim, String... steps) {
      return new Dialogue(name, victim, false, List.of(steps));
    }

    static Dialogue open(String name, Victim victim, String... steps) {
      return new Dialogue(name, victim, true, List.of(steps));
    }

    /** Begins with a greeting and a login. */
    Dialogue loggedIn() {
      List<String> all =
          new ArrayList<>(
              List.of("S 220 ready~", "C USER a~", "S 331 more~", "C PASS b~", "S 230 in~"));
      all.addAll(steps);
      return new Dialogue(name, victim, opens, all);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** The client's first line is not one of FTP: a browser, a mailer, a chat that was led here. */
  static Stream<Dialogue> otherProtocols() {
    String port = "C PORT {six}~";
    String agreed = "S 200 agreed~";
    return Stream.of(
        Dialogue.shut(
            "POST, the body at the start of a segment",
            Victim.CLIENT,
            "C POST / HTTP/1.1~Host: a~Content-Length: 99~~",
            port,
            agreed),
        Dialogue.shut(
            "POST, greeted",
            Victim.CLIENT,
            "S 220 ready~",
            "C POST / HTTP/1.1~Host: a~~",
            "S 500 what~",
            port,
            agreed),
        Dialogue.shut(
            "POST and everything behind it in one segment",
            Victim.CLIENT,
            "S 220 ready~",
            "C POST / HTTP/1.1~Host: a~~USER a~PASS b~PORT {six}~",
            "S 500 a~500 b~500 c~331 d~230 e~200 f~"),
        Dialogue.shut(
            "WebSocket",
            Victim.CLIENT,
            "C GET /chat HTTP/1.1~Host: a~Upgrade: websocket~Connection: Upgrade~~",
            "S HTTP/1.1 101 Switching Protocols~~",
            "S 220 ready~",
            "C USER a~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "a method that is a verb of FTP",
            Victim.CLIENT,
            "S 220 ready~",
            "C USER / HTTP/1.1~",
            "S 331 more~",
            "C PASS b~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "a method that is a verb of FTP, in lower case",
            Victim.CLIENT,
            "S 220 ready~",
            "C help / http/1.1~",
            "S 214 no~",
            "C USER a~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "a method of four letters that is none",
            Victim.CLIENT,
            "S 220 ready~",
            "C COPY / HTTP/1.1~",
            "S 500 no~",
            "C USER a~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "a method of four letters without a version",
            Victim.CLIENT,
            "S 220 ready~",
            "C COPY /~",
            "S 500 no~",
            "C USER a~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "HEAD in lower case",
            Victim.CLIENT,
            "S 220 ready~",
            "C head / HTTP/1.1~",
            "S 500 no~",
            "C USER a~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "header lines before the login",
            Victim.CLIENT,
            "S 220 ready~",
            "C NOOP~",
            "S 200 yes~",
            "C Host: a~Content-Length: 9~",
            "S 500 a~",
            "S 500 b~",
            "C USER a~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "a news reader",
            Victim.CLIENT,
            "S 200 news~",
            "C MODE READER~",
            "S 200 yes~",
            "C USER a~",
            "S 281 in~",
            port,
            agreed),
        Dialogue.shut(
            "a mailer",
            Victim.CLIENT,
            "S 220 mail~",
            "C EHLO a~",
            "S 250 hello~",
            "C USER a~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "a mailer of the old kind",
            Victim.CLIENT,
            "S 220 mail~",
            "C HELO a~",
            "S 250 hello~",
            "C MAIL FROM:<a>~",
            "S 250 ok~",
            port,
            agreed),
        Dialogue.shut(
            "a chat",
            Victim.CLIENT,
            "C NICK a~USER a 0 * :a~",
            "S :s NOTICE * :hello~",
            "S 220 ready~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "TLS from the first byte",
            Victim.CLIENT,
            "S 220 ready~",
            "C \u0016\u0003\u0001\u0002\u0000\u0001~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "a telephone",
            Victim.CLIENT,
            "C REGISTER sip:a;transport=t SIP/2.0~Contact: <sip:b>~~",
            "S 220 ready~",
            "C USER a~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
            "a data base's line protocol",
            Victim.CLIENT,
            "S 220 ready~",
            "C SET a b~",
            "S 500 no~",
            "C USER a~",
            "S 230 in~",
            port,
            agreed));
  }

  /** FTP words, but not in step, or said by the wrong side, or of somebody else. */
  static Stream<Dialogue> outOfStep() {
    String port = "C PORT {six}~";
    String agreed = "S 200 agreed~";
    String passive = "S 227 Entering Passive Mode ({six}).~";
    String elsewhere = "198,51,100,3,200,10";
    return Stream.of(
        Dialogue.shut("no greeting", Victim.CLIENT, "C USER a~", "S 230 in~", port, agreed),
        Dialogue.shut("no login", Victim.CLIENT, "S 220 ready~", port, agreed),
        Dialogue.shut("no login, passive", Victim.SERVER, "S 220 ready~", "C PASV~", passive),
        Dialogue.shut(
            "a login that failed",
            Victim.CLIENT,
            "S 220 ready~",
            "C USER a~",
            "S 331 more~",
            "C PASS b~",
            "S 530 no~",
            port,
            agreed),
        Dialogue.shut(
            "a 230 that answers something else",
            Victim.CLIENT,
            "S 220 ready~",
            "C NOOP~",
            "S 230 in~",
            port,
            agreed),
        Dialogue.shut(
                "a login that is taken back",
                Victim.CLIENT,
                "C REIN~",
                "S 220 ready~",
                port,
                agreed)
            .loggedIn(),
        Dialogue.shut("227 without a command", Victim.SERVER, passive).loggedIn(),
        Dialogue.shut("227 that answers another command", Victim.SERVER, "C NOOP~", passive)
            .loggedIn(),
        Dialogue.shut(
                "227 inside a reply of several lines",
                Victim.SERVER,
                "C PASV~",
                "S 227-text~",
                "S 227-({six})~",
                passive.replace("227 E", " 227 E"),
                "S 227 no numbers here~")
            .loggedIn(),
        Dialogue.shut(
                "227 said by the client",
                Victim.CLIENT,
                "C PASV~",
                "C 227 Entering Passive Mode ({six}).~")
            .loggedIn(),
        Dialogue.shut("PORT said by the server", Victim.SERVER, "S PORT {six}~").loggedIn(),
        Dialogue.shut("PORT refused by the server", Victim.CLIENT, port, "S 500 no~").loggedIn(),
        Dialogue.shut("PORT inside a longer line", Victim.CLIENT, "C NOOP PORT {six}~", agreed)
            .loggedIn(),
        Dialogue.shut("bounce to a third host", Victim.CLIENT, "C PORT " + elsewhere + "~", agreed)
            .loggedIn(),
        Dialogue.shut(
                "STAT whose file names hold a 227, with PASV in one segment",
                Victim.SERVER,
                "C STAT dir~PASV~",
                "S 213-status~",
                "S -rw-r--r-- 1 a a 1 x~213 end~" + passive.substring(2),
                "S 213 end~")
            .loggedIn(),
        Dialogue.shut(
                "MLST whose file name holds a 227, with PASV in one segment",
                Victim.SERVER,
                "C MLST x~PASV~",
                "S 250-x~250 end~" + passive.substring(2),
                "S 250 end~")
            .loggedIn(),
        Dialogue.shut(
                "an unknown command whose text holds a 227, with EPSV in one segment",
                Victim.SERVER,
                "C XYZY x~EPSV~",
                "S 200 x~229 Entering (|||{port}|)~",
                "S 200 end~")
            .loggedIn(),
        Dialogue.shut("a number above 255", Victim.CLIENT, "C PORT 198,51,100,258,200,10~", agreed)
            .loggedIn(),
        Dialogue.shut(
                "AUTH TLS, then what looks like PORT",
                Victim.CLIENT,
                "C AUTH TLS~",
                "S 234 go~",
                port,
                agreed)
            .loggedIn());
  }

  /** Honest ones: without them a test in which nothing can open would pass. */
  static Stream<Dialogue> honest() {
    return Stream.of(
        Dialogue.open("active", Victim.CLIENT, "C PORT {six}~", "S 200 agreed~").loggedIn(),
        Dialogue.open("passive", Victim.SERVER, "C PASV~", "S 227 Entering Passive Mode ({six}).~")
            .loggedIn(),
        Dialogue.open(
            "FEAT and NOOP before the login",
            Victim.SERVER,
            "S 220 ready~",
            "C FEAT~",
            "S 211 none~",
            "C NOOP~",
            "S 200 ok~",
            "C USER a~",
            "S 331 more~",
            "C PASS b~",
            "S 230 in~",
            "C EPSV~",
            "S 229 yes (|||{port}|)~"),
        Dialogue.open(
            "AUTH refused, then in clear text",
            Victim.CLIENT,
            "S 220 ready~",
            "C AUTH TLS~",
            "S 502 no~",
            "C user a~",
            "S 230 in~",
            "C PORT {six}~",
            "S 200 agreed~"),
        Dialogue.open(
                "a list between, each answered",
                Victim.SERVER,
                "C STAT dir~",
                "S 213-x~",
                "S 213 end~",
                "C PASV~",
                "S 227 ok ({six})~")
            .loggedIn());
  }

  @ParameterizedTest
  @MethodSource({"otherProtocols", "outOfStep", "honest"})
  void dialogue_reachesThePort_onlyIfItIsHonest(Dialogue dialogue) {
    boolean server = dialogue.victim() == Victim.SERVER;
    Peer listening = server ? scenario.server() : scenario.client();
    Peer dialing = server ? scenario.client() : scenario.server();
    String host = server ? Family.V4.server() : Family.V4.client();
    String from = server ? Family.V4.client() : Family.V4.server();
    try (Listener victim = listening.listen(host, 0);
        ScriptedSession session = scenario.open(Family.V4)) {
      for (String step : dialogue.steps()) {
        say(session, step.charAt(0) == 'C', textOf(step.substring(2), host, victim.port()));
      }
      Duration patience = dialogue.opens() ? OPEN_PATIENCE : SHUT_PATIENCE;
      Optional<Connection> child = dialing.tryConnect(from, host, victim.port(), patience);
      child.ifPresent(Connection::close);
      assertEquals(dialogue.opens(), child.isPresent());
      if (!dialogue.opens()) {
        List<JsonNode> rows = scenario.rows("expectations");
        assertTrue(
            rows.stream().noneMatch(row -> row.path("state").asText().equals("pending")),
            rows::toString);
      }
    }
  }

  private static String textOf(String step, String host, int port) {
    String six = host.replace('.', ',') + "," + (port >> 8) + "," + (port & 255);
    return step.replace("{six}", six)
        .replace("{port}", Integer.toString(port))
        .replace("~", "\r\n");
  }

  /** One segment; over when the other side has all of its lines, and so the verdict is given. */
  private static void say(ScriptedSession session, boolean byClient, String text) {
    Connection from = byClient ? session.client() : session.server();
    Connection to = byClient ? session.server() : session.client();
    from.send(text);
    StringBuilder heard = new StringBuilder();
    while (heard.length() < text.length()) {
      heard.append(to.line());
    }
    assertEquals(text, heard.toString());
  }
}
