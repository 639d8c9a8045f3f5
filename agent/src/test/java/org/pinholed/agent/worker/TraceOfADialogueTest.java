package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.TraceFilter;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.kernel.netlink.NetlinkException;

/** What an operator sees of a dialogue. */
class TraceOfADialogueTest {
  private static final TraceFilter ALL = new TraceFilter(null, null, null, null);

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
        1 00001234 session: new session of helper ftp, vetted
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
