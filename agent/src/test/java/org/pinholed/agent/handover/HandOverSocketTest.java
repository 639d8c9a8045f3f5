package org.pinholed.agent.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pinholed.agent.control.ControlServer;
import org.pinholed.agent.control.FakeAgent;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.agent.flow.FlowDevices;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.HalfOpenFlows;
import org.pinholed.agent.flow.HalfOpenState;
import org.pinholed.agent.nat.TranslatedState;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.agent.view.ControlException;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.libc.Libc;
import org.pinholed.kernel.unix.Descriptors;

/** Two processes in one: the server is the old one, the test the new one. */
@SuppressWarnings("NullAway.Init")
class HandOverSocketTest {
  private static final InetAddress SERVER = new InetSocketAddress("198.51.100.7", 0).getAddress();

  @TempDir Path folder;

  private ControlServer open() throws IOException {
    String group = Files.readAttributes(folder, PosixFileAttributes.class).group().getName();
    return ControlServer.open(folder.resolve("control.sock"), group, new FakeAgent());
  }

  private static HandOver handOver(int descriptor, int flows) throws IOException {
    InetAddress address = InetAddress.getByName("192.0.2.10");
    Pinhole pinhole =
        new Pinhole(
            Pinhole.Kind.OPEN_ANY, Transport.UDP, null, address, 30000, -5, 30_000, "a comment");
    Pinhole translated =
        new Pinhole(
            Pinhole.Kind.ONCE,
            Transport.TCP,
            address,
            InetAddress.getByName("198.51.100.7"),
            30001,
            7,
            30_000,
            "",
            new ChildTranslation(
                new Endpoint(InetAddress.getByName("203.0.113.9"), 40000), address));
    Pinhole lease =
        Pinhole.lease(
            Transport.TCP, address, address, new PortRange(49152, 65535), 200, 7, 60_000, "rpc");
    List<FlowState> states = new ArrayList<>();
    for (int id = 0; id < flows; id++) {
      states.add(
          new FlowState(
              identity(-id, id),
              FlowFacts.Origin.RESUMED,
              5,
              0,
              0xffff_ffffL,
              -1,
              "ftp1 words",
              List.of(pinhole, translated, lease),
              new TranslatedState(
                  0xffff_fff0L,
                  List.of(
                      new TranslatedState.Group(
                          true, List.of(new TranslatedState.Edit(5, 3, "1,\u00ff", 4))),
                      new TranslatedState.Group(false, List.of())),
                  List.of(new TranslatedState.Edit(9, 0, "x", 9)),
                  new TranslatedState.Hold(
                      7,
                      TranslatedState.NONE,
                      4294967295L,
                      List.of(
                          new TranslatedState.Laid(1, 4, 4, -1, true, null),
                          new TranslatedState.Laid(5, 8, 8, 1, false, "\u00ff\n")))),
              null,
              17,
              FlowDevices.LOCAL,
              id % 2 == 0,
              id % 3 == 0));
    }
    HalfOpenState halfOpen =
        new HalfOpenState(
            Long.MIN_VALUE + 1,
            List.of(
                new HalfOpenState.Held(-3, new HalfOpenFlows.Beginning(-1, -2, 0x7fffffff, true)),
                new HalfOpenState.Held(4, new HalfOpenFlows.Beginning(5, 0, -1, false))));
    List<ReadChild> children =
        List.of(
            new ReadChild(
                identity(1, 4), "sip", 3, new FlowFacts.Announcement(null, "contact", "")),
            new ReadChild(
                identity(2, 5),
                "sip",
                3,
                new FlowFacts.Announcement(
                    new OwnerId.Digest("test").of(new byte[] {1}), "contact", "1")));
    return new HandOver(
        ProcessHandle.current().pid(), // both are this process
        List.of(new HandOver.Queue(3, descriptor)),
        states,
        halfOpen,
        new HandOver.Beyond(List.of(), List.of(), children, List.of()));
  }

  /** The same id for many, and addresses that are easily read as others. */
  private static ConntrackIdentity identity(int id, int port) throws IOException {
    byte[] mapped = new byte[16];
    mapped[10] = -1;
    mapped[11] = -1;
    mapped[15] = 7;
    InetAddress odd = Inet6Address.getByAddress(null, mapped, -1);
    FlowTuple original =
        port % 2 == 0
            ? new FlowTuple(6, odd, port, InetAddress.getByName("2001:db8::1"), 21)
            : new FlowTuple(6, InetAddress.getByName("192.0.2.1"), port, SERVER, 21);
    return new ConntrackIdentity(id / 100, original, original.inverse(), 0);
  }

  private static String nameOf(int descriptor) throws IOException {
    return Files.readSymbolicLink(Descriptors.link(descriptor)).toString();
  }

  @Test
  void allArrives_withADescriptorOfTheSameSocket() throws Exception {
    int socket = Libc.get().socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC, 0);
    try (ControlServer server = open()) {
      HandOver sent = handOver(socket, 5000); // much more than fits into one message
      server.setSuccessor(connection -> HandOverSocket.send(connection, sent));
      HandOver got = HandOverSocket.ask(server.socket());

      int descriptor = got.queues().get(0).descriptor();
      assertNotEquals(socket, descriptor);
      assertEquals(nameOf(socket), nameOf(descriptor));
      assertEquals(handOver(descriptor, 5000), got);
      Libc.get().close(descriptor);
    } finally {
      Libc.get().close(socket);
    }
  }

  @Test
  void refusal_isToldInItsWords() throws Exception {
    try (ControlServer server = open()) {
      IOException nobody =
          assertThrows(IOException.class, () -> HandOverSocket.ask(server.socket()));
      assertTrue(String.valueOf(nobody.getMessage()).contains("only root"), nobody::toString);
      server.setSuccessor(
          connection -> {
            throw new ControlException("this agent stops already");
          });
      IOException stopping =
          assertThrows(IOException.class, () -> HandOverSocket.ask(server.socket()));
      assertTrue(
          String.valueOf(stopping.getMessage()).contains("stops already"), stopping::toString);
    }
  }

  @Test
  void noSocket_nothingIsLeft() throws Exception {
    assertEquals(HandOver.NOTHING, HandOverSocket.ask(folder.resolve("none")));
  }

  @Test
  void flowOfAnAgentThatDoesNotSayWhichItIs_isLeftAway() throws Exception {
    String text = HandOverText.write(handOver(-1, 1));
    HandOver left = HandOverText.read(text.replace("\"conntrack\"", "\"conntrackId\""), List.of(7));
    assertEquals(List.of(), left.flows());
  }

  @Test
  void tupleThatIsNotUnderstood_isRefused() throws Exception {
    String text = HandOverText.write(handOver(-1, 2));
    for (String bad :
        List.of("6 c0000201 1", "6 c00002 1 c6336407 21", "x c0000201 1 c6336407 2")) {
      String wrong = text.replace("6 c0000201 1 c6336407 21", bad);
      assertNotEquals(text, wrong);
      assertThrows(IOException.class, () -> HandOverText.read(wrong, List.of(7)), bad);
    }
  }

  @Test
  void otherVersion_isRefused() {
    assertThrows(IOException.class, () -> HandOverText.read("{\"handOver\":2}", List.of()));
    assertThrows(IOException.class, () -> HandOverText.read("no JSON", List.of()));
    assertThrows(
        IOException.class,
        () -> HandOverText.read("{\"handOver\":1,\"queues\":[{\"number\":0}]}", List.of()),
        "a queue without its descriptor");
  }

  private static HandOver of(long pid) {
    return new HandOver(pid, List.of(), List.of(), HalfOpenState.NONE, HandOver.Beyond.NOTHING);
  }

  @Test
  void socketOfAKilledAgent_isNoAgentToReplace() throws IOException {
    Path socket = folder.resolve("left.sock");
    try (ServerSocketChannel left = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      left.bind(UnixDomainSocketAddress.of(socket));
    }
    assertEquals(HandOver.NOTHING, HandOverSocket.ask(socket));
    assertTrue(Files.exists(socket), "it was there, or the test shows nothing");
  }

  @Test
  void processThatIsGone_isNotWaitedFor() throws Exception {
    Process process = new ProcessBuilder("true").start();
    assertTrue(HandOverSocket.awaitEnd(of(process.pid())));
    assertTrue(HandOverSocket.awaitEnd(HandOver.NOTHING));
    assertEquals(0, process.waitFor());
  }

  /** As in a container whose first process is no init. */
  @Test
  void processWhoseParentNeverWaitsForIt_hasEnded() throws Exception {
    Process parent = new ProcessBuilder("sh", "-c", "sleep 0.2 & echo $!; exec sleep 60").start();
    try {
      BufferedReader said = parent.inputReader(StandardCharsets.ISO_8859_1);
      long pid = Long.parseLong(said.readLine());
      assertTrue(HandOverSocket.awaitEnd(of(pid)));
      assertTrue(ProcessHandle.of(pid).isPresent(), "it is a zombie, or the test shows nothing");
    } finally {
      parent.destroyForcibly().waitFor();
    }
  }

  @Test
  void processThatLives_isWaitedForInVain_andThatIsNoError() throws Exception {
    Process process = new ProcessBuilder("sleep", "60").start();
    try {
      HandOver left = of(process.pid());
      assertFalse(HandOverSocket.awaitEnd(left, Duration.ofMillis(50)));
    } finally {
      process.destroyForcibly().waitFor();
    }
  }
}
