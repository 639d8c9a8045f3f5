package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.kernel.netlink.NetlinkException;

/** What an operator sees of a dialogue. */
class TraceOfADialogueTest {
  private static final ListingFilter ALL = ListingFilter.ALL;

  private final WorkerBench bench;
  private final List<TraceLine> lines = new ArrayList<>();

  TraceOfADialogueTest() throws NetlinkException {
    bench = new WorkerBench();
  }

  private List<String> text() {
    return lines.stream()
        .map(line -> line.packet() + " " + line.serial() + " " + line.step() + ": " + line.text())
        .toList();
  }

  @Test
  void passive_whatWasReadAndWhatBecameOfIt() {
    bench.traces().subscribe(ALL, 100, lines::add);
    TcpDialogue dialogue = new TcpDialogue(bench).connect().server("220 ready\r\n");
    dialogue
        .client("USER joe\r\n")
        .server("230 welcome\r\n")
        .passive(30000)
        .deliver(dialogue.clientSays("QUIT\r\n", PacketView.FIN));

    assertEquals(
        """
        1 00001234 received: TCP 198.51.100.7:21 -> 192.0.2.10:40001 SYN ACK seq 4294967280, 0 bytes of payload
        1 00001234 session: new session of helper ftp, direction reply, vetted
        1 00001234 verdict: accept, as it came
        2 00001234 received: TCP 198.51.100.7:21 -> 192.0.2.10:40001 ACK seq 4294967281, 11 bytes of payload
        2 00001234 session: existing session, direction reply, policy 25
        2 00001234 helper: reads 11 bytes of direction reply, state greeting
        2 00001234 understood: 220
        2 00001234 verdict: accept, as it came
        3 00001234 received: TCP 192.0.2.10:40001 -> 198.51.100.7:21 ACK seq 2147483633, 10 bytes of payload
        3 00001234 session: existing session, direction original, policy 25
        3 00001234 helper: reads 10 bytes of direction original, state login
        3 00001234 understood: USER
        3 00001234 verdict: accept, as it came
        4 00001234 received: TCP 198.51.100.7:21 -> 192.0.2.10:40001 ACK seq 4294967292, 13 bytes of payload
        4 00001234 session: existing session, direction reply, policy 25
        4 00001234 helper: reads 13 bytes of direction reply, state login
        4 00001234 understood: 230
        4 00001234 session: proven: both sides speak ftp
        4 00001234 verdict: accept, as it came
        5 00001234 received: TCP 192.0.2.10:40001 -> 198.51.100.7:21 ACK seq 2147483643, 6 bytes of payload
        5 00001234 session: existing session, direction original, policy 25
        5 00001234 helper: reads 6 bytes of direction original, state ready
        5 00001234 understood: PASV
        5 00001234 verdict: accept, as it came
        6 00001234 received: TCP 198.51.100.7:21 -> 192.0.2.10:40001 ACK seq 9, 50 bytes of payload
        6 00001234 session: existing session, direction reply, policy 25
        6 00001234 helper: reads 50 bytes of direction reply, state passiveAsked
        6 00001234 understood: 227
        6 00001234 expectation: opens TCP 192.0.2.10:any -> 198.51.100.7:30000 once for 30 s (expectation 1)
        6 00001234 verdict: accept, as it came
        7 00001234 received: TCP 192.0.2.10:40001 -> 198.51.100.7:21 ACK FIN seq 2147483649, 6 bytes of payload
        7 00001234 session: existing session, direction original, policy 25
        7 00001234 helper: reads 6 bytes of direction original, state ready
        7 00001234 understood: QUIT
        7 00001234 session: half closed by FIN
        7 00001234 verdict: accept, as it came
        """
            .lines()
            .toList(),
        text());
    lines.forEach(line -> assertFalse(Instant.parse(line.time()).isAfter(Instant.now())));
  }

  /** Both ends are translated; how, each packet of the flow says, beside its devices. */
  @Test
  void translated_showsDevicesAndTranslationOfTheParent_andEachRewrite() {
    bench.routes().device(5, "lan0", 1500);
    bench.routes().device(6, "wan0", 1500);
    bench.routes().route("192.0.2.10", 5);
    bench.routes().route("198.51.100.7", 6);
    TcpDialogue dialogue =
        new TcpDialogue(
            bench,
            TcpDialogue.CLIENT,
            TcpDialogue.SERVER,
            new InetSocketAddress("203.0.113.9", 53541),
            new InetSocketAddress("203.0.113.100", 21),
            0x1234,
            25);
    dialogue.connection().makeAdjustable();
    dialogue.by(5, 6).login();
    bench.traces().subscribe(ALL, 100, lines::add);
    dialogue.client("PORT 192,0,2,10,117,48\r\n");

    String session =
        "1 00001234 session: existing session, direction original, policy 25, in by lan0, out by"
            + " wan0, SNAT 192.0.2.10:40001->203.0.113.9:53541,"
            + " DNAT 203.0.113.100:21->198.51.100.7:21";
    assertEquals(session, text().get(1));
    String rewrite = "1 00001234 rewrite: \"192,0,2,10,117,48\" -> \"203,0,113,9,117,48\"";
    assertTrue(text().contains(rewrite), text()::toString);
  }

  @Test
  void label_standsInEachLineOfItsExpectation() throws Exception {
    WorkerBench own =
        new WorkerBench(
            new LambdaProtocol(
                (direction, text, facts, out) -> {
                  if (text.equals("close")) {
                    out.close(null, "media");
                  } else {
                    out.expect(
                        Announcements.once("media", facts, 30000)
                            .label("call of \u001b]0;alice")
                            .build());
                  }
                }),
            AgentConfig.Limits.DEFAULT,
            Duration.ofSeconds(30));
    own.traces().subscribe(ALL, 100, lines::add);
    TcpDialogue dialogue = new TcpDialogue(own).connect().server("open").server("close");
    own.backend().refuse(pinhole -> true);
    dialogue.server("open");

    assertEquals(
        List.of(
            "2 00001234 expectation: opens TCP 192.0.2.10:any -> 198.51.100.7:30000 once for 30 s"
                + " (expectation 1, call of \\x1b]0;alice)",
            "3 00001234 expectation: shuts expectation 1, call of \\x1b]0;alice",
            "4 00001234 expectation: opens TCP 192.0.2.10:any -> 198.51.100.7:30000 once for 30 s"
                + " (expectation 2, call of \\x1b]0;alice)"),
        text().stream().filter(line -> line.contains(" expectation: ")).toList());
    assertTrue(
        text().stream()
            .anyMatch(
                line ->
                    line.contains(
                        "refused backendRefused for expectation 2, call of \\x1b]0;alice: ")),
        text()::toString);
    assertEquals(
        List.of("call of \\x1b]0;alice"),
        own.log().all().stream()
            .filter(event -> event.expectationId() != 0)
            .map(AgentEvent::label)
            .distinct()
            .toList());
  }

  @Test
  void password_neverShown() {
    bench.traces().subscribe(ALL, 100, lines::add);
    new TcpDialogue(bench).login();

    assertTrue(lines.size() > 20, "there is a trace");
    assertFalse(lines.toString().contains("secret"));
  }

  @Test
  void refused_saysWhy() {
    new TcpDialogue(bench).login();
    bench.traces().subscribe(ALL, 100, lines::add);
    TcpDialogue dialogue = new TcpDialogue(bench);
    assertEquals(List.of(), text());
    dialogue.login().client("PORT 192,0,2,10,0,21\r\n");

    assertTrue(
        text().stream()
            .anyMatch(
                line ->
                    line.endsWith(
                        "reason: refused portBelow1024 at offset 23: the announced port is below"
                            + " 1024")),
        text().toString());
  }

  @Test
  void backendRefuses_saysSo() {
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    bench.traces().subscribe(ALL, 100, lines::add);
    bench.backend().refuse(pinhole -> true);
    dialogue.passive(30000);

    assertTrue(
        text().stream().anyMatch(line -> line.contains("reason: refused backendRefused")),
        text().toString());
  }

  @Test
  void count_endsItBehindThatManyPackets() {
    AgentControl.Trace trace = bench.traces().subscribe(ALL, 2, lines::add);
    TcpDialogue dialogue = new TcpDialogue(bench).connect();
    assertFalse(trace.isDone());
    dialogue.server("220 ready\r\n");
    assertTrue(trace.isDone());
    dialogue.client("NOOP\r\n");

    assertEquals(2, lines.get(lines.size() - 1).packet());
    assertEquals("verdict", lines.get(lines.size() - 1).step());
  }

  @Test
  void helperThrows_linesOfThatPacketEndWithItsVerdict() throws Exception {
    WorkerBench own =
        new WorkerBench(
            new LambdaProtocol(
                (direction, text, facts, out) -> {
                  throw new IllegalStateException("a fault of the helper");
                }),
            AgentConfig.Limits.DEFAULT,
            null);
    own.traces().subscribe(ALL, 100, lines::add);
    new TcpDialogue(own).connect().server("x").server("y");

    assertEquals(
        List.of(
            "2 00001234 reason: opaque helperFailed at offset 0: the helper failed, a fault of this"
                + " program, so the flow is not trusted any more",
            "2 00001234 verdict: accept, as it came"),
        text().stream().filter(line -> line.startsWith("2 ")).skip(3).toList());
    assertEquals(
        List.of("received", "session", "verdict"),
        lines.stream().filter(line -> line.packet() == 3).map(TraceLine::step).toList());
  }
}
