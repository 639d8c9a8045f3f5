package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.RpcDialogue;
import org.pinholed.it.lab.RpcFormat;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcTower;
import org.pinholed.it.lab.RpcWay;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipRegistration;
import org.pinholed.it.lab.SipRouter;
import org.pinholed.it.lab.SipScenario;

/**
 * A helper that only observes, beside a firewall that has rules of its own for data connections.
 */
class ObserveIT {
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private static String agent(String mode) {
    return agent(mode, "30s");
  }

  private static String agent(String mode, String timeout) {
    return "helpers: [{id: 1, name: ftp, protocol: tcp, port: 21, timeout: %s, mode: %s}]\n"
        .formatted(timeout, mode);
  }

  /** The operator's own rule for the ports of the server. */
  private static void allowDataPorts(Scenario scenario) {
    scenario
        .lab()
        .firewall(
            Lab.Host.ROUTER,
            "add rule inet filter forward ip daddr "
                + Family.V4.server()
                + " tcp dport 30000-30009 ct state new accept");
  }

  private static void connect(Scenario scenario, int port) {
    try (Listener listener = scenario.server().listen(Family.V4.server(), port)) {
      scenario
          .client()
          .tryConnect(Family.V4.client(), Family.V4.server(), listener.port(), PATIENCE)
          .orElseThrow()
          .close();
    }
  }

  @Test
  void announced_withoutARule_staysShut_andIsReportedAsNotCome() {
    try (Scenario scenario = Scenario.start(agent("observe", "2s"));
        ScriptedSession session = scenario.login(Family.V4);
        ScriptedSession.Announcement announced = session.announce(DataMode.PASV)) {
      JsonNode row = scenario.rows("expectations").get(0);
      assertTrue(row.path("flags").toString().contains("observed"), row::toString);
      assertFalse(announced.isOpen(), "nothing is opened");
      assertEquals("no difference\n", scenario.agent().ctl("audit").orFail());
      scenario.agent().awaitEvent("expired");
      JsonNode report = scenario.agent().printed("report");
      assertEquals(1, report.size(), report::toString);
      assertEquals(1, report.get(0).path("notCome").asInt(), report::toString);
      assertEquals(0, report.get(0).path("connections").asInt(), report::toString);
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  @Test
  void announced_withARule_comesByIt_andTheReportNamesTheRange() {
    try (Scenario scenario = Scenario.start(agent("observe"));
        ScriptedSession session = scenario.login(Family.V4)) {
      allowDataPorts(scenario);
      int came = 0;
      for (int port : new int[] {30000, 30004, 30009}) {
        String server = Family.V4.server();
        session.exchange(
            ScriptedSession.commandLine(DataMode.PASV, server, port),
            ScriptedSession.replyLine(DataMode.PASV, server, port));
        connect(scenario, port);
        int wanted = ++came;
        Scenario.await(
            PATIENCE,
            () -> scenario.agent().matches() == wanted,
            () -> "told: " + scenario.agent().events());
      }
      String marked = scenario.onRouter("conntrack", "-L", "--mark", "0x40000000/0x40000000");
      assertFalse(marked.contains("dport="), marked);
      connect(scenario, 30005); // nobody announced it
      Scenario.await(
          PATIENCE,
          () -> sum(scenario, "connections") == 4,
          () -> "reported: " + scenario.agent().printed("report"));
      assertEquals(
          "ftp\n  tcp "
              + Family.V4.server()
              + ":30000-30009 from "
              + Family.V4.client()
              + ": 4 connections, 3 announced\n",
          scenario.agent().ctl("report").orFail());
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  private static long sum(Scenario scenario, String field) {
    long sum = 0;
    for (JsonNode row : scenario.agent().printed("report")) {
      sum += row.path(field).asLong();
    }
    return sum;
  }

  @Test
  void reload_fromObserveToEnforce_opens() {
    try (Scenario scenario = Scenario.start(agent("enforce"))) {
      scenario.agent().writeConfig(agent("observe"));
      scenario.agent().ctl("reload").orFail();
      try (ScriptedSession session = scenario.login(Family.V4);
          ScriptedSession.Announcement announced = session.announce(DataMode.PASV)) {
        assertFalse(announced.isOpen());
      }
      scenario.agent().writeConfig(agent("enforce"));
      scenario.agent().ctl("reload").orFail();
      try (ScriptedSession session = scenario.login(Family.V4);
          ScriptedSession.Announcement announced = session.announce(DataMode.PASV)) {
        assertTrue(announced.isOpen());
      }
    }
  }

  /**
   * No element of a map gives a mark; of datagrams it is noted what they were, which opens nothing.
   */
  private static void assertNothingOpened(Lab lab, AgentProcess agent) {
    String marked =
        lab.run(Lab.Host.ROUTER, Lab.SHORT, "conntrack", "-L", "--mark", "0x40000000/0x40000000")
            .output();
    assertFalse(marked.contains("dport="), marked);
    String table =
        lab.run(Lab.Host.ROUTER, Lab.SHORT, "nft", "list", "table", "inet", "pinholed").orFail();
    String name = "";
    for (String line : table.lines().map(String::strip).toList()) {
      if (line.matches("(map|set) \\w+ \\{")) {
        name = line.split(" ", -1)[1];
      }
      assertFalse(line.contains(" expires ") && !name.startsWith("flow"), name + "\n" + table);
    }
    assertEquals("no difference\n", agent.ctl("audit").orFail());
    assertEquals(List.of(), agent.complaints());
  }

  private static void awaitReport(AgentProcess agent, String wanted) {
    Scenario.await(
        PATIENCE,
        () -> agent.ctl("report").orFail().equals(wanted),
        () -> "reported: " + agent.ctl("report") + agent.events());
  }

  private static NatScenario translated(NatMode nat) {
    return NatScenario.withAgent(nat, Family.V4, agent("observe"));
  }

  private static void publish(Lab lab, String transport, String outside, String inside, int port) {
    lab.firewall(
        Lab.Host.ROUTER,
        "add rule inet nat pre ip daddr %s %s dport %d-%d dnat ip to %s\n"
                .formatted(outside, transport, port, port + 9, inside)
            + "add rule inet filter forward ip daddr %s %s dport %d-%d ct state new accept\n"
                .formatted(inside, transport, port, port + 9));
  }

  /** A message passes as it is, each part of it at once, and what comes is told by the outside. */
  @ParameterizedTest
  @CsvSource({"MASQUERADE, PORT, 203.0.113.1", "DNAT, PASV, 198.51.100.1"})
  void translated_isNotRewritten_andComesByTheRuleOfTheOperator(
      NatMode nat, DataMode mode, String outside) {
    boolean passive = mode.isPassive();
    String inside = passive ? Family.V4.server() : Family.V4.client();
    String from = passive ? Family.V4.client() : Family.V4.server();
    try (NatScenario scenario = translated(nat);
        ScriptedSession session = scenario.login();
        Listener listener = scenario.listen(mode, inside, 40000)) {
      publish(scenario.lab(), "tcp", outside, inside, 40000);
      String command = ScriptedSession.commandLine(mode, inside, 40000);
      String reply = ScriptedSession.replyLine(mode, inside, 40000);
      String said = passive ? reply : command;
      Connection sender = passive ? session.server() : session.client();
      Connection receiver = passive ? session.client() : session.server();
      if (passive) {
        session.command(command);
      }
      int half = said.length() - 6;
      sender.send(said.substring(0, half));
      assertEquals(said.substring(0, half), receiver.take(half, PATIENCE), "nothing is held");
      sender.send(said.substring(half));
      assertEquals(said.substring(half), receiver.line());
      if (!passive) {
        session.reply(reply);
      }
      JsonNode created = scenario.agent().awaitEvent("created");
      assertEquals("observed, nothing is opened", created.path("detail").asText());
      assertEquals(
          "observed", scenario.agent().printed("explain", "last").get(0).path("outcome").asText());
      Peer dialer = passive ? scenario.client() : scenario.server();
      try (Connection data = dialer.connect(from, outside, 40000);
          Connection accepted = listener.accept()) {
        accepted.send("content\n");
        assertEquals("content\n", data.line());
        String wanted = "ftp\n  tcp %s:40000 from %s: 1 connection, all announced\n";
        awaitReport(scenario.agent(), wanted.formatted(outside, from));
        assertNothingOpened(scenario.lab(), scenario.agent());
      }
      String story = scenario.agent().ctl("explain", "last").orFail();
      assertTrue(
          story.contains("only observed, and 1 connection came by rules of the firewall"), story);
      scenario.watch().assertNone();
    }
  }

  @Test
  void lease_opensNothing_andTheReportHasItsRange() {
    String config =
        "helpers: [{id: 1, name: ftp, protocol: tcp, port: 21, mode: observe,"
            + " options: {leasePorts: 30000-30009, leaseNetworks: \"203.0.113.0/24\"}}]\n";
    try (Scenario scenario = Scenario.start(config);
        ScriptedSession session = scenario.open(Family.V4);
        Listener early = scenario.server().listen(Family.V4.server(), 30003)) {
      session.reply("220 ready\r\n");
      session.exchange("AUTH TLS\r\n", "234 go ahead\r\n");
      scenario.agent().awaitEvent("opaque");
      JsonNode lease = scenario.rows("expectations").get(0);
      assertTrue(lease.path("flags").toString().contains("observed"), lease::toString);
      assertTrue(
          scenario
              .client()
              .tryConnect(
                  Family.V4.client(), Family.V4.server(), early.port(), Duration.ofMillis(400))
              .isEmpty(),
          "nothing is opened");
      allowDataPorts(scenario);
      connect(scenario, 30004);
      connect(scenario, 30007);
      awaitReport(
          scenario.agent(),
          "ftp\n  tcp 203.0.113.2:30000-30009 from 198.51.100.2: 2 connections, all announced\n");
      assertNothingOpened(scenario.lab(), scenario.agent());
    }
  }

  private static String sip() {
    return """
        helpers:
          - {id: 1, name: sip, protocol: udp, port: 5060, mode: observe}
          - {id: 2, name: sip, protocol: tcp, port: 5060, mode: observe}
        """;
  }

  /** Its media go by the rule of the operator, also after the end of the call. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void call_isReported_andNeitherOpenedNorCut(boolean overUdp) {
    try (SipScenario scenario =
            SipScenario.start(Links.VETH, null, Family.V4, SipRouter.Help.AGENT, sip());
        SipLine line = scenario.line(overUdp);
        SipCall call = scenario.call(line)) {
      call.connect();
      scenario.assertSilent(call, call.heard(SipCall.Side.CALLEE), call.heard(SipCall.Side.CALLER));
      scenario
          .lab()
          .firewall(Lab.Host.ROUTER, "add rule inet filter forward udp dport 20000-29999 accept");
      call.assertAudio();
      Scenario.await(
          PATIENCE,
          () -> announcedOf(scenario.agent()) > 0,
          () -> "reported: " + scenario.agent().printed("report"));
      assertNothingOpened(scenario.lab(), scenario.agent());
      call.hangUp(SipCall.Side.CALLER);
      scenario.awaitNoMedia();
      call.assertAudio();
      boolean hasMedia = false;
      for (JsonNode row : scenario.agent().printed("report")) {
        hasMedia |=
            row.path("protocol").asText().equals("udp")
                && row.path("firstPort").asInt() >= 20000
                && row.path("expected").asInt() > 0;
      }
      assertTrue(hasMedia, () -> "reported: " + scenario.agent().ctl("report"));
      assertNothingOpened(scenario.lab(), scenario.agent());
    }
  }

  private static long announcedOf(AgentProcess agent) {
    long sum = 0;
    for (JsonNode row : agent.printed("report")) {
      sum += row.path("expected").asLong();
    }
    return sum;
  }

  /** The registrar's way in, which the operator has forwarded by a rule of his own. */
  @Test
  void registration_behindMasquerade_isNotRewritten_andItsPortIsReported() {
    try (SipScenario scenario =
            SipScenario.start(
                Links.VETH, NatMode.MASQUERADE, Family.V4, SipRouter.Help.AGENT, sip());
        SipLine line = scenario.udp(5062);
        Datagrams other = scenario.atServer(0)) {
      SipRegistration registration = new SipRegistration(line);
      String said = registration.build(registration.contact(5062), 60).text();
      assertEquals(said, line.dialogue().toServer(said));
      String granted = registration.granted(SipMessage.of(said), 60).text();
      assertEquals(granted, line.dialogue().toClient(granted));
      scenario.agent().awaitEvent("created");
      publish(scenario.lab(), "udp", "203.0.113.1", Family.V4.client(), 5062);
      scenario.assertOpen(other, new Endpoint("203.0.113.1", 5062), line.clientSocket());
      Scenario.await(
          PATIENCE,
          () ->
              scenario
                  .agent()
                  .ctl("report")
                  .orFail()
                  .contains("udp 203.0.113.1:5062 from 203.0.113.2: 1 connection, all announced"),
          () -> "reported: " + scenario.agent().ctl("report") + scenario.agent().events());
      assertNothingOpened(scenario.lab(), scenario.agent());
    }
  }

  @Test
  void endpointMapper_isReported_alsoOfAPublishedServer_whoseTowerStays() {
    RpcInterface service = RpcInterface.own(1);
    try (RpcScenario scenario = RpcScenario.start("mode: observe", "");
        RpcDialogue mapper = scenario.openMapper(RpcFormat.LITTLE)) {
      AgentProcess agent = scenario.router().agent();
      Lab lab = scenario.router().lab();
      int port = scenario.serve(RpcWay.ROUTED, Family.V4);
      mapper.map(RpcFormat.LITTLE, service, port);
      agent.awaitEvent("created");
      assertTrue(scenario.isShut(port), "nothing is opened");
      lab.firewall(
          Lab.Host.ROUTER, "add rule inet filter forward tcp dport 1024-65535 ct state new accept");
      scenario.use(RpcWay.ROUTED, Family.V4, port);
      String routed =
          "tcp 203.0.113.2:%d from 198.51.100.2: 1 connection, all announced\n".formatted(port);
      awaitReport(agent, "dcerpc\n  " + routed);
      String inside = RpcWay.PUBLISHED.server(Family.V4);
      String outside = RpcWay.PUBLISHED.dialed(Family.V4);
      try (RpcDialogue published =
          scenario.open(RpcWay.PUBLISHED, Family.V4).bind(RpcFormat.LITTLE, RpcInterface.MAPPER)) {
        int another = scenario.serve(RpcWay.PUBLISHED, Family.V4);
        publish(lab, "tcp", outside, inside, another);
        RpcTower tower = new RpcTower(service, RpcTower.TCP, another, inside);
        String heard = published.map(RpcFormat.LITTLE, service, tower);
        assertTrue(heard.contains(tower.octets()), "as it was said");
        scenario.use(RpcWay.PUBLISHED, Family.V4, another);
        Scenario.await(
            PATIENCE,
            () ->
                agent
                    .ctl("report")
                    .orFail()
                    .contains(
                        "tcp %s:%d from 198.51.100.2: 1 connection, all announced\n"
                            .formatted(outside, another)),
            () -> "reported: " + agent.ctl("report") + agent.events());
      }
      assertNothingOpened(lab, agent);
    }
  }
}
