package org.pinholed.helper.dcerpc.activation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Words;
import org.pinholed.helper.dcerpc.DceRpcCases;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.stub.StubWriter;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.Syntax;
import org.pinholed.helper.testkit.Work;

class ActivationTest {
  private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
  private static final ByteOrder BIG = ByteOrder.BIG_ENDIAN;
  private static final int READS_PER_BYTE = 8;
  private static final int READS_ALWAYS = 256;
  private static final long FAILED = 0x8007_0005L;

  private static final List<String> BINDINGS =
      List.of("\u000f\\\\SRV[\\PIPE\\atsvc]", "\u0007srv[49700]", "\u0007203.0.113.10[49701]");
  private static final String PORTS = "49700 srv, 49701 203.0.113.10";

  private enum Call {
    RESOLVE,
    RESOLVE_2,
    REMOTE,
    ACTIVATION
  }

  private final ResolveOxidReply resolve = new ResolveOxidReply();
  private final RemoteActivationReply remote = new RemoteActivationReply();
  private final ActivationReply activation = new ActivationReply();
  private final AnnouncedPorts ports = new AnnouncedPorts();

  /** Each call in both orders and both syntaxes. */
  static List<Arguments> ways() {
    List<Arguments> ways = new ArrayList<>();
    for (Call call : Call.values()) {
      for (Syntax syntax : Syntax.values()) {
        ways.add(Arguments.of(call, LITTLE, syntax));
        ways.add(Arguments.of(call, BIG, syntax));
      }
    }
    return ways;
  }

  private static StubWriter reply(
      Call call, ByteOrder order, Syntax syntax, long result, List<String> bindings) {
    return switch (call) {
      case RESOLVE -> ActivationText.resolved(order, syntax, false, result, bindings);
      case RESOLVE_2 -> ActivationText.resolved(order, syntax, true, result, bindings);
      case REMOTE -> ActivationText.remote(order, syntax, false, result, bindings);
      case ACTIVATION -> {
        byte[] property = ActivationText.scmReply(bindings).toBytes();
        byte[] blob = ActivationText.blob(property, 1).toBytes();
        yield ActivationText.activation(order, syntax, false, result, blob);
      }
    };
  }

  private @Nullable DceRpcReason readReply(Call call, StubReader stub) {
    return switch (call) {
      case RESOLVE -> resolve.read(stub, false, ports);
      case RESOLVE_2 -> resolve.read(stub, true, ports);
      case REMOTE -> remote.read(stub, ports);
      case ACTIVATION -> activation.read(stub, ports);
    };
  }

  /** The ports with their hosts, and what is wrong with others. */
  private String read(Call call, StubReader stub) {
    @Nullable DceRpcReason reason = readReply(call, stub);
    List<String> words = new ArrayList<>();
    if (reason != null) {
      words.add(Words.lowerCamel(reason.name()));
    }
    for (int at = 0; at < ports.count(); at++) {
      String host = stub.text(ports.hostAt(at), ports.hostLength(at));
      words.add((ports.port(at) + " " + host).strip());
    }
    return String.join(", ", words);
  }

  @ParameterizedTest
  @CsvSource({
    "05-activation-signed, ACTIVATION, 49700 RPXS+49700 203.0.113.10",
    "07-resolve-oxid, RESOLVE_2, 51017 srv+51017 2001:db8:2::10"
  })
  void conversations(String name, Call call, String expected) {
    byte[] stub = DceRpcCases.replyStub(name);
    String words = expected.replace("+", ", ");
    assertEquals(words, read(call, StubWriter.reader(stub, LITTLE, Syntax.NDR)));
    for (int cut = 0; cut < stub.length; cut++) {
      readReply(call, StubWriter.reader(Arrays.copyOf(stub, cut), LITTLE, Syntax.NDR));
      assertEquals(0, ports.count(), cut + " bytes");
    }
  }

  @ParameterizedTest
  @MethodSource("ways")
  void bindingsOfTcp_areRead(Call call, ByteOrder order, Syntax syntax) {
    assertEquals(PORTS, read(call, reply(call, order, syntax, 0, BINDINGS).reader()));
    assertEquals("", read(call, reply(call, order, syntax, 0, List.of()).reader()));
    byte[] whole = reply(call, order, syntax, 0, BINDINGS).toBytes();
    for (int cut = 0; cut < whole.length; cut++) {
      readReply(call, StubWriter.reader(Arrays.copyOf(whole, cut), order, syntax));
      assertEquals(0, ports.count(), cut + " bytes");
    }
  }

  @ParameterizedTest
  @MethodSource("ways")
  void aStatusThatIsNot0_announcesNothing(Call call, ByteOrder order, Syntax syntax) {
    for (long status : List.of(FAILED, 1L, 5L)) {
      assertEquals("", read(call, reply(call, order, syntax, status, BINDINGS).reader()));
      assertEquals(status, ports.status());
    }
  }

  /** The activation succeeded, but the call did not. */
  @Test
  void aLastStatusThatIsNot0_announcesNothing() {
    for (Syntax syntax : Syntax.values()) {
      byte[] stub = ActivationText.remote(LITTLE, syntax, false, 0, BINDINGS).toBytes();
      stub[stub.length - Integer.BYTES] = 5;
      assertEquals("", read(Call.REMOTE, StubWriter.reader(stub, LITTLE, syntax)));
      assertEquals(5, ports.status());
    }
  }

  @ParameterizedTest
  @MethodSource("ways")
  void aPortThatIsNone_isLeftOut_andSaid(Call call, ByteOrder order, Syntax syntax) {
    for (String text : List.of("[]", "[0]", "[65536]", "[-1]", "[+1]", "[1 ]", "[123456]", "]")) {
      List<String> bindings = List.of("\u0007srv" + text, "\u0007srv[1]", "\u0007[65535]");
      assertEquals(
          "badBinding, 1 srv, 65535",
          read(call, reply(call, order, syntax, 0, bindings).reader()),
          text);
    }
    List<String> hosts = List.of("\u0007srv", "\u00072001:db8::1", "\u0007", "\u0008srv[1]");
    assertEquals("", read(call, reply(call, order, syntax, 0, hosts).reader()));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void sixtyFourBindings_areRead_oneMoreIsNot(Call call, ByteOrder order, Syntax syntax) {
    List<String> bindings = new ArrayList<>(Collections.nCopies(64, "\u0007s[2]"));
    read(call, reply(call, order, syntax, 0, bindings).reader());
    assertEquals(64, ports.count());
    bindings.add("\u000fx");
    String words = read(call, reply(call, order, syntax, 0, bindings).reader());
    assertEquals("tooManyBindings", words);
  }

  @ParameterizedTest
  @MethodSource("ways")
  void everyCountAndLength_thatLies_announcesNothingElse(
      Call call, ByteOrder order, Syntax syntax) {
    for (byte[] lie : reply(call, order, syntax, 0, BINDINGS).lies()) {
      checkLie(call, StubWriter.reader(new Work(), lie, order, syntax));
    }
  }

  @Test
  void everyCountAndLengthOfAnActivation_thatLies_announcesNothingElse() {
    StubWriter property = ActivationText.scmReply(BINDINGS);
    List<byte[]> blobs = new ArrayList<>(ActivationText.blob(property.toBytes(), 1).lies());
    for (byte[] lie : property.lies()) {
      blobs.add(ActivationText.blob(lie, 1).toBytes());
    }
    for (byte[] blob : blobs) {
      for (Syntax syntax : Syntax.values()) {
        byte[] stub = ActivationText.activation(BIG, syntax, false, 0, blob).toBytes();
        checkLie(Call.ACTIVATION, StubWriter.reader(new Work(), stub, BIG, syntax));
      }
    }
  }

  private void checkLie(Call call, StubReader stub) {
    String words = read(call, stub);
    assertTrue(ports.count() == 0 || words.equals(PORTS), words);
  }

  @Test
  void extensions_areGoneOver() {
    byte[] blob = ActivationText.blob(ActivationText.scmReply(BINDINGS).toBytes(), 0).toBytes();
    for (Syntax syntax : Syntax.values()) {
      StubWriter stub = ActivationText.activation(BIG, syntax, true, 0, blob);
      assertEquals(PORTS, read(Call.ACTIVATION, stub.reader()));
      stub = ActivationText.remote(LITTLE, syntax, true, 0, BINDINGS);
      assertEquals(PORTS, read(Call.REMOTE, stub.reader()));
    }
  }

  @Test
  void thirtyTwoProperties_areRead_oneMoreIsNot() {
    byte[] property = ActivationText.scmReply(BINDINGS).toBytes();
    byte[] blob = ActivationText.blob(property, 31).toBytes();
    StubWriter stub = ActivationText.activation(BIG, Syntax.NDR, false, 0, blob);
    assertEquals(PORTS, read(Call.ACTIVATION, stub.reader()));
    blob = ActivationText.blob(property, 32).toBytes();
    stub = ActivationText.activation(BIG, Syntax.NDR, false, 0, blob);
    assertEquals("tooManyProperties", read(Call.ACTIVATION, stub.reader()));
  }

  @Test
  void anyBytes_neverThrow_orAnnounceTooMuch() {
    Random random = new Random(1);
    for (int round = 0; round < 20_000; round++) {
      Syntax syntax = random.nextBoolean() ? Syntax.NDR : Syntax.NDR64;
      ByteOrder order = random.nextBoolean() ? LITTLE : BIG;
      Call call = Call.values()[random.nextInt(4)];
      byte[] stub = reply(call, order, syntax, 0, BINDINGS).toBytes();
      if (round % 4 == 0) {
        random.nextBytes(stub);
      }
      for (int change = random.nextInt(4); change >= 0; change--) {
        stub[random.nextInt(stub.length)] = (byte) random.nextInt(8);
      }
      Work work = new Work();
      readReply(call, StubWriter.reader(work, stub, order, syntax));
      assertTrue(ports.count() <= AnnouncedPorts.MOST);
      assertTrue(work.readBytes() <= READS_ALWAYS + READS_PER_BYTE * (long) stub.length);
    }
  }

  @Test
  void reading_allocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    StubReader reader = reply(Call.RESOLVE, BIG, Syntax.NDR64, 0, BINDINGS).reader();
    Call[] calls = Call.values();
    ByteBuffer[] stubs = new ByteBuffer[calls.length];
    ByteCursor[] cursors = new ByteCursor[stubs.length];
    for (int at = 0; at < calls.length; at++) {
      stubs[at] = ByteBuffer.wrap(reply(calls[at], BIG, Syntax.NDR64, 0, BINDINGS).toBytes());
      cursors[at] = new ByteCursor().wrap(stubs[at], 0, stubs[at].capacity(), 0);
    }
    long least = Long.MAX_VALUE;
    int found = 0;
    for (int round = 0; round < 6; round++) {
      long measured = threads.getCurrentThreadAllocatedBytes();
      measured = threads.getCurrentThreadAllocatedBytes() - measured;
      long start = threads.getCurrentThreadAllocatedBytes();
      for (int count = 0; count < 200; count++) {
        for (int at = 0; at < stubs.length; at++) {
          reader.wrap(cursors[at], 0, stubs[at].capacity(), BIG, Syntax.NDR64);
          readReply(calls[at], reader);
          found += ports.count();
        }
      }
      long allocated = threads.getCurrentThreadAllocatedBytes() - start - measured;
      least = round == 0 ? least : Math.min(least, allocated); // classes are loaded in 0
    }
    assertEquals(6 * 200 * 2 * calls.length, found);
    assertEquals(0, least);
  }
}
