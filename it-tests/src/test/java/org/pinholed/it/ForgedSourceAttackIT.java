package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.RawConnection;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.Wire;

/**
 * The server sends segments in the client's name on its own wire; the router sends them back to it,
 * and conntrack takes them for the client's. They open nothing, end nothing, and the honest
 * client's next announcement opens.
 */
class ForgedSourceAttackIT {
  private static final int ACK = 0x10;
  private static final int PSH_ACK = 0x18;
  private static final int FIN_ACK = 0x11;
  private static final int RST_ACK = 0x14;
  private static final String SERVER_GREETING = "220 ready\r\n";

  /** Long against a round trip here, short against the first repeat of a SYN (1 s). */
  private static final Duration SHUT_PATIENCE = Duration.ofMillis(400);

  private static final Duration OPEN_PATIENCE = Duration.ofSeconds(5);

  private Scenario scenario = Scenario.start("");

  @AfterEach
  void close() {
    try (Scenario ending = scenario) {
      assertEquals(List.of(), ending.agent().complaints());
    }
  }

  /** A control connection whose server is made by hand. */
  private final class Dialogue implements AutoCloseable {
    private final RawConnection server;
    private final Connection client;
    private final Endpoint origin;
    private final Wire wire = new Wire("s0", macOf("r1"));
    private int said;

    Dialogue(Family family) {
      refuseRedirects();
      RawConnection.silenceResets(scenario.lab(), Lab.Host.SERVER, "21");
      server = scenario.server().rawListen(family.server(), 21);
      // both peers take part in the handshake: the client's kernel answers the hand-made SYN+ACK
      Thread accepting = new Thread(server::accept, "accept");
      accepting.start();
      client = scenario.client().connect(family.client(), family.server(), 21);
      try {
        accepting.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      origin = new Endpoint(family.client(), client.port());
      reply(SERVER_GREETING);
      exchange("USER anonymous\r\n", "331 password please\r\n");
      exchange("PASS guest\r\n", "230 welcome\r\n");
    }

    void exchange(String command, String reply) {
      client.send(command);
      assertEquals(command, server.line());
      reply(reply);
    }

    void reply(String text) {
      server.segment(said, text);
      said += text.length();
      assertEquals(text, client.line());
      server.awaitAcked(said);
    }

    void forge(String data, int flags) {
      server.forge(wire, origin, 0, data, flags);
    }

    /** What the server hears of an announcement of the client's, which it confirms. */
    String announce(String command) {
      client.send(command);
      String heard = server.line();
      reply("200 ok\r\n");
      return heard;
    }

    @Override
    public void close() {
      client.close();
      server.close();
    }
  }

  /**
   * An IPv6 router that sends a packet back where it came from redirects the sender that the packet
   * names. A client that believes it looks for the server on its own link: that is another attack,
   * and its end of the connection.
   */
  private void refuseRedirects() {
    scenario
        .lab()
        .run(Lab.Host.CLIENT, OPEN_PATIENCE, "sysctl", "-qw", "net.ipv6.conf.c0.accept_redirects=0")
        .orFail();
  }

  private String macOf(String device) {
    String[] words = scenario.onRouter("ip", "-br", "link", "show", "dev", device).split(" +", -1);
    return words[2];
  }

  private static String portCommand(Family family, int port) {
    return family == Family.V4
        ? "PORT " + family.client().replace('.', ',') + "," + port / 256 + "," + port % 256 + "\r\n"
        : "EPRT |2|" + family.client() + "|" + port + "|\r\n";
  }

  private boolean opens(Family family, String host, int port, Duration patience) {
    Optional<Connection> connection =
        scenario.server().tryConnect(family.server(), host, port, patience);
    connection.ifPresent(Connection::close);
    return connection.isPresent();
  }

  private JsonNode session() {
    List<JsonNode> rows = scenario.rows("sessions");
    assertEquals(1, rows.size(), rows::toString);
    return rows.get(0);
  }

  private void reversePathFilter(int mode) {
    for (String device : new String[] {"all", "default", "r0", "r1"}) {
      scenario.onRouter("sysctl", "-qw", "net.ipv4.conf." + device + ".rp_filter=" + mode);
    }
  }

  private void masquerade() {
    scenario
        .lab()
        .runWithInput(
            Lab.Host.ROUTER,
            OPEN_PATIENCE,
            "table inet masq { chain post { type nat hook postrouting priority srcnat;"
                + " oifname \"r1\" masquerade; }; }",
            "nft",
            "-f",
            "-")
        .orFail();
  }

  @ParameterizedTest
  @CsvSource({
    "V4, 0, false",
    "V4, 2, false",
    "V6, 0, false",
    "V4, 0, true",
    "V4, 2, true",
    "V6, 0, true"
  })
  void forgedAnnouncement_opensNothing_andTheHonestOneDoes(
      Family family, int reversePathFilter, boolean masquerade) {
    reversePathFilter(reversePathFilter);
    if (masquerade) {
      masquerade();
    }
    try (Dialogue dialogue = new Dialogue(family);
        Listener listener = scenario.client().listen(family.client(), 0)) {
      dialogue.forge(portCommand(family, listener.port()), PSH_ACK);
      dialogue.reply("200 ok\r\n");

      assertEquals(List.of(), scenario.rows("expectations"));
      assertFalse(opens(family, family.client(), listener.port(), SHUT_PATIENCE));
      String outside = family == Family.V4 ? "203.0.113.1" : "2001:db8:2::1";
      assertFalse(opens(family, outside, listener.port(), SHUT_PATIENCE));
      JsonNode row = session();
      assertEquals(1, row.path("misrouted").asInt(), row::toString);
      assertFalse(row.path("opaque").asBoolean(), row::toString);
      scenario.agent().awaitEvent("misrouted");

      String heard = dialogue.announce(portCommand(family, listener.port()));
      assertEquals(1, scenario.rows("expectations").size());
      String host = masquerade ? outside : family.client();
      assertTrue(opens(family, host, portIn(heard), OPEN_PATIENCE), heard);
    }
  }

  /** What the option costs; it also shows that the attack is one. */
  @Test
  void withAsymmetricRouting_theForgedAnnouncementOpens() {
    close();
    scenario = Scenario.start("asymmetricRouting: true\n");
    reversePathFilter(0);
    try (Dialogue dialogue = new Dialogue(Family.V4);
        Listener listener = scenario.client().listen(Family.V4.client(), 0)) {
      dialogue.forge(portCommand(Family.V4, listener.port()), PSH_ACK);
      dialogue.reply("200 ok\r\n");
      assertTrue(opens(Family.V4, Family.V4.client(), listener.port(), OPEN_PATIENCE));
    }
  }

  private static int portIn(String command) {
    String[] numbers = command.strip().split("[,|]", -1);
    return command.startsWith("EPRT")
        ? Integer.parseInt(numbers[3])
        : Integer.parseInt(numbers[4]) * 256 + Integer.parseInt(numbers[5]);
  }

  @ParameterizedTest
  @CsvSource({"V4", "V6"})
  void forgedAcknowledgementsFinAndReset_neitherEndNorSpoilTheFlow(Family family) {
    try (Dialogue dialogue = new Dialogue(family);
        Listener listener = scenario.client().listen(family.client(), 0)) {
      dialogue.forge("", ACK);
      dialogue.forge("NOOP\r\n", PSH_ACK);
      dialogue.forge("", FIN_ACK);
      JsonNode row = session();
      assertEquals(2, row.path("misrouted").asInt(), row::toString);
      dialogue.announce(portCommand(family, listener.port()));
      assertTrue(opens(family, family.client(), listener.port(), OPEN_PATIENCE));
    }
  }

  @Test
  void forgedReset_isNotTheEndOfTheParent_butConntracksIs() {
    try (Dialogue dialogue = new Dialogue(Family.V4)) {
      dialogue.exchange("NOOP\r\n", "200 ok\r\n");
      // conntrack believes it, and forgets the flow after its 10 s; until then the parent stands
      dialogue.forge("", RST_ACK);
      assertEquals(1, session().path("misrouted").asInt());
    }
  }

  /** The client's host need not take part: it never hears of the connection that is in its name. */
  @Test
  void aWholeDialogueInTheClientsName_opensNothing() {
    Listener listener = scenario.client().listen(Family.V4.client(), 0);
    String victim = "198.51.100.2";
    scenario
        .lab()
        .runWithInput(
            Lab.Host.CLIENT,
            OPEN_PATIENCE,
            "table inet quiet { chain out { type filter hook output priority 0;"
                + " tcp dport 21 tcp flags & rst == rst drop; }; }",
            "nft",
            "-f",
            "-")
        .orFail();
    RawConnection.silenceResets(scenario.lab(), Lab.Host.SERVER, "21");
    RawConnection server = scenario.server().rawListen(Family.V4.server(), 21);
    Wire wire = new Wire("s0", macOf("r1"));
    server.forgeOpening(wire, new Endpoint(victim, 40000));
    // the agent has read the answer, as it would with a client that takes its time
    Scenario.await(
        OPEN_PATIENCE,
        () -> scenario.agent().json("status").path("packets").asLong() > 0,
        () -> "the agent has not seen the SYN+ACK");
    server.forgeDialogue(
        wire,
        List.of("USER joe\r\n", "PASS x\r\n", portCommand(Family.V4, listener.port())),
        List.of("220 ready\r\n", "331 password\r\n", "230 in\r\n", "200 ok\r\n"));

    assertEquals(List.of(), scenario.rows("expectations"));
    assertFalse(opens(Family.V4, victim, listener.port(), SHUT_PATIENCE));
    JsonNode row = session();
    assertTrue(row.path("misrouted").asInt() >= 3, row::toString);
  }
}
