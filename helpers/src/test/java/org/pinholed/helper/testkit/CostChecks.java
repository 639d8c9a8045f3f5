package org.pinholed.helper.testkit;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.stream.InOrderStream;

/** What reading costs, by counts and not by time, so that it is the same on every machine. */
public final class CostChecks {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** How much more work than bytes may grow: what is kept in buffers grows by doubling. */
  private static final double TOLERANCE = 1.1;

  private static final int FLOWS = 1000;

  private CostChecks() {}

  /**
   * Twice as much takes about twice the work: bytes that are read, calls, memory. On a stream also
   * one byte at a time, which shows who looks again at all that came before.
   *
   * @param setup what is run
   * @param ofSize a dialogue of a size, whatever grows: one message, or their number
   * @param size the least one; twice and four times as much are tried, too
   */
  public static void linear(HelperSetup setup, IntFunction<Dialogue> ofSize, int size) {
    List<Boolean> ways = new HelperRun(setup).isStream() ? List.of(false, true) : List.of(false);
    for (boolean torn : ways) {
      Dialogue dialogue = ofSize.apply(size);
      Work work = cost(setup, dialogue, torn);
      for (int times = 2; times <= 4; times *= 2) {
        Dialogue larger = ofSize.apply(size * times);
        double most = TOLERANCE * larger.lengthBytes() / dialogue.lengthBytes();
        Work next = cost(setup, larger, torn);
        String what = (torn ? "one byte at a time" : "at once") + ", size " + size * times;
        grows(what + ", bytes read", work.readBytes(), next.readBytes(), most, 64);
        grows(what + ", calls", work.calls(), next.calls(), most, 16);
        grows(what + ", memory", work.allocatedBytes(), next.allocatedBytes(), most, 1 << 14);
        dialogue = larger;
        work = next;
      }
    }
  }

  private static void grows(String what, long before, long after, double most, long always) {
    if (after > before * most + always) {
      throw new AssertionError(
          what + ": grew from " + before + " to " + after + " (expected: " + most + " times)");
    }
  }

  private static Work cost(HelperSetup setup, Dialogue dialogue, boolean torn) {
    @Nullable Work least = null;
    for (int round = 0; round < 3; round++) { // the first ones also load classes
      HelperRun run = new HelperRun(setup);
      Work work = (torn ? run.sayTorn(dialogue, new Random(0), 1) : run.say(dialogue)).work();
      if (least == null || work.allocatedBytes() < least.allocatedBytes()) {
        least = work;
      }
    }
    return Objects.requireNonNull(least);
  }

  /**
   * Messages of no interest allocate nothing.
   *
   * @param setup what is run
   * @param before what brings the flow to where it spends its life
   * @param ofNoInterest what is said there, again and again; must not change where it stands
   */
  public static void allocatesNothing(HelperSetup setup, Dialogue before, Dialogue ofNoInterest) {
    Flow flow = new Flow(setup, setup.factory(), new SimpleState());
    packets(setup, before).forEach(flow::send);
    List<Packet> packets = packets(setup, ofNoInterest);
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 6; round++) {
      long measured = THREADS.getCurrentThreadAllocatedBytes();
      measured = THREADS.getCurrentThreadAllocatedBytes() - measured;
      long start = THREADS.getCurrentThreadAllocatedBytes();
      for (int count = 0; count < 200; count++) {
        for (int at = 0; at < packets.size(); at++) {
          flow.send(packets.get(at));
        }
      }
      long allocated = THREADS.getCurrentThreadAllocatedBytes() - start - measured;
      least = round == 0 ? Long.MAX_VALUE : Math.min(least, allocated); // classes are loaded in 0
    }
    if (least > 0) {
      throw new AssertionError(
          "200 rounds of no interest allocate " + least + " bytes (expected: 0)");
    }
  }

  /**
   * What a flow takes, with its helper, its streams and their readers.
   *
   * @param setup what is run
   * @param before what was said on it
   * @return bytes of heap
   */
  public static long bytesPerFlow(HelperSetup setup, Dialogue before) {
    HelperProtocol.Factory factory = setup.factory();
    List<Packet> packets = packets(setup, before);
    SimpleState shared = new SimpleState(); // of all flows
    List<Flow> flows = new ArrayList<>(FLOWS);
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 5; round++) {
      flows.clear();
      long start = THREADS.getCurrentThreadAllocatedBytes();
      for (int count = 0; count < FLOWS; count++) {
        Flow flow = new Flow(setup, factory, shared);
        for (int at = 0; at < packets.size(); at++) {
          flow.send(packets.get(at));
        }
        flows.add(flow);
      }
      least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - start);
    }
    return least / flows.size();
  }

  private record Packet(Direction direction, ByteBuffer bytes, boolean stream) {}

  private static List<Packet> packets(HelperSetup setup, Dialogue dialogue) {
    boolean stream = setup.facts().transport() == Transport.TCP;
    List<Packet> packets = new ArrayList<>();
    for (Message message : dialogue.messages()) {
      ByteBuffer bytes = ByteBuffer.allocateDirect(message.bytes().length);
      packets.add(new Packet(message.direction(), bytes.put(0, message.bytes()), stream));
    }
    return packets;
  }

  /** A flow as the agent holds it, without anything that records. */
  private static final class Flow extends QuietSink {
    // Of the worker, not of a flow.
    private static final ByteCursor DATAGRAM = new ByteCursor();
    private static long nowNs;

    private final SessionHelper helper;
    private final InOrderStream client;
    private final InOrderStream server;
    private final InOrderStream.Reader onClient = this::onClient;
    private final InOrderStream.Reader onServer = this::onServer;

    Flow(HelperSetup setup, HelperProtocol.Factory factory, SimpleState shared) {
      helper = factory.open(setup.facts(), shared);
      client = new InOrderStream(setup.limits());
      server = new InOrderStream(setup.limits());
      client.start(1);
      server.start(2);
    }

    void send(Packet packet) {
      nowNs += 1000;
      Direction direction = packet.direction();
      ByteBuffer bytes = packet.bytes();
      if (!packet.stream()) {
        DATAGRAM.wrap(bytes, 0, bytes.capacity(), 0);
        ((DatagramHelper) helper).onDatagram(direction, DATAGRAM, nowNs, this);
      } else if (direction == Direction.ORIGINAL) {
        client.push(client.sequenceOf(client.bytesRead()), bytes, 0, bytes.capacity(), onClient);
      } else {
        server.push(server.sequenceOf(server.bytesRead()), bytes, 0, bytes.capacity(), onServer);
      }
    }

    private int onClient(ByteCursor bytes) {
      return ((StreamHelper) helper).onBytes(Direction.ORIGINAL, bytes, nowNs, this);
    }

    private int onServer(ByteCursor bytes) {
      return ((StreamHelper) helper).onBytes(Direction.REPLY, bytes, nowNs, this);
    }
  }
}
