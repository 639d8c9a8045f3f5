package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;

/**
 * One dialogue between two peers however the router joins them: login, then an active and a passive
 * data connection. Every packet of it must be read.
 */
public final class ActiveAndPassive {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private ActiveAndPassive() {}

  /**
   * One side of the dialogue.
   *
   * @param peer who speaks and listens
   * @param address its own address, with a zone where it needs one ({@code fe80::2%c0})
   * @param reachedAt how the other side reaches it: its address, or what the router shows instead
   */
  public record End(Peer peer, String address, String reachedAt) {
    /** An end whose address is not translated. */
    public End(Peer peer, String address) {
      this(peer, address, address);
    }
  }

  /** Plays it; throws {@link AssertionError} if a data connection does not come through. */
  public static void works(Scenario scenario, End client, End server) {
    try (Listener control = server.peer().listen(server.address(), 21);
        Connection commands = client.peer().connect(client.address(), server.reachedAt(), 21);
        Connection replies = control.accept()) {
      login(commands, replies);
      try (Listener data = client.peer().listen(client.address(), 0)) {
        commands.send(
            ScriptedSession.commandLine(DataMode.EPRT, zoneless(client.address()), data.port()));
        String heard = replies.line();
        replies.send("200 ok\r\n");
        commands.line();
        opens(scenario, heard, server, client);
      }
      try (Listener data = server.peer().listen(server.address(), 0)) {
        commands.send("EPSV\r\n");
        replies.line();
        replies.send(ScriptedSession.replyLine(DataMode.EPSV, server.address(), data.port()));
        opens(scenario, commands.line(), client, server);
      }
      JsonNode session = session(scenario);
      if (session.path("misrouted").asInt(-1) != 0) {
        throw new AssertionError("packets were not read: " + session);
      }
    }
  }

  /** The server greets and the client logs in. */
  public static void login(Connection commands, Connection replies) {
    replies.send("220 ready\r\n");
    commands.line();
    for (String[] turn :
        new String[][] {{"USER joe\r\n", "331 password\r\n"}, {"PASS x\r\n", "230 in\r\n"}}) {
      commands.send(turn[0]);
      replies.line();
      replies.send(turn[1]);
      commands.line();
    }
  }

  /** How many pinholes wait for their connection. */
  public static long waiting(Scenario scenario) {
    return scenario.rows("expectations").stream()
        .filter(row -> row.path("state").asText().equals("pending"))
        .count();
  }

  /** The session that the agent lists last. */
  public static JsonNode session(Scenario scenario) {
    List<JsonNode> rows = scenario.rows("sessions");
    if (rows.isEmpty()) {
      throw new AssertionError("no session");
    }
    return rows.get(rows.size() - 1);
  }

  private static void opens(Scenario scenario, String heard, End dialer, End listening) {
    if (waiting(scenario) != 1) {
      throw new AssertionError("no pinhole waits behind " + heard + session(scenario));
    }
    Endpoint told = ScriptedSession.announced(heard, zoneless(listening.reachedAt()));
    if (!told.host().equals(zoneless(listening.reachedAt()))) {
      throw new AssertionError(heard + " does not name " + listening.reachedAt());
    }
    dialer
        .peer()
        .tryConnect(dialer.address(), listening.reachedAt(), told.port(), PATIENCE)
        .orElseThrow(() -> new AssertionError("shut: " + heard + session(scenario)))
        .close();
  }

  private static String zoneless(String address) {
    int zone = address.indexOf('%');
    return zone < 0 ? address : address.substring(0, zone);
  }
}
