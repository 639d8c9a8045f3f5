package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketHandler;

/**
 * What a packet of no interest on a known flow costs in a worker, from the receive buffer to its
 * verdict, without the kernel: whole turns with a batch of 64 packets.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PathBenchmark {
  private static final int BATCH_PACKETS = 64;

  /** A side says this, and the other one the next. */
  private static final String SAID = "NOOP\r\n";

  private static final String ANSWERED = "200 ok\r\n";

  private final Side datagrams;
  private final Side segments;
  private final SilentProtocol silent = new SilentProtocol();

  /** A worker and where its packets come from. */
  private static final class Side {
    private final List<RepeatedPackets> made = new ArrayList<>(1);
    private final WorkerBench bench;

    Side(HelperProtocol protocol, Transport transport) {
      try {
        bench =
            WorkerBench.over(
                protocol,
                transport,
                queue -> {
                  made.add(new RepeatedPackets(queue));
                  return made.get(0);
                });
      } catch (NetlinkException e) {
        throw new IllegalStateException(e);
      }
    }

    RepeatedPackets packets() {
      return made.get(0);
    }
  }

  /** Brings both flows to where they spend their lives, and tries that packets are read there. */
  public PathBenchmark() {
    datagrams = new Side(silent, Transport.UDP);
    DatagramDialogue dialogue = new DatagramDialogue(datagrams.bench).client("hello").server("hi");
    QueuedPacket there = new QueuedPacket(dialogue.clientSays("keep alive"));
    QueuedPacket back = new QueuedPacket(dialogue.serverSays("alive"));
    datagrams.packets().repeat(handler -> exchange(handler, there, back));

    segments = new Side(new FtpProtocol(), Transport.TCP);
    TcpDialogue control = new TcpDialogue(segments.bench).connect();
    control.login();
    segments.packets().repeat(new Conversation(control));

    long before = silent.bytes();
    if (datagramOfNoInterest() != 1 || segmentOfNoInterest() != 1 || silent.bytes() == before) {
      throw new IllegalStateException("packets that nobody read");
    }
  }

  private static int exchange(PacketHandler handler, QueuedPacket there, QueuedPacket back) {
    for (int i = 0; i < BATCH_PACKETS; i += 2) {
      handler.onPacket(there.asItIs());
      handler.onPacket(back.asItIs());
    }
    return BATCH_PACKETS;
  }

  /** A command and its reply, again and again. */
  private static final class Conversation implements RepeatedPackets.Batch {
    private final QueuedPacket command;
    private final QueuedPacket reply;
    private int clientNext;
    private int serverNext;

    Conversation(TcpDialogue control) {
      command = new QueuedPacket(control.clientSays(SAID, 0));
      reply = new QueuedPacket(control.serverSays(ANSWERED, 0));
      clientNext = command.sequence();
      serverNext = reply.sequence();
    }

    @Override
    public int handOut(PacketHandler handler) {
      for (int i = 0; i < BATCH_PACKETS; i += 2) {
        handler.onPacket(command.with(clientNext, serverNext));
        clientNext += SAID.length();
        handler.onPacket(reply.with(serverNext, clientNext));
        serverNext += ANSWERED.length();
      }
      return BATCH_PACKETS;
    }
  }

  /** A datagram that a helper reads and says nothing of. */
  @Benchmark
  @OperationsPerInvocation(BATCH_PACKETS)
  public long datagramOfNoInterest() {
    return turn(datagrams);
  }

  /** A segment with a command or a reply of FTP that announces nothing. */
  @Benchmark
  @OperationsPerInvocation(BATCH_PACKETS)
  public long segmentOfNoInterest() {
    return turn(segments);
  }

  private static long turn(Side side) {
    long before = side.packets().answered();
    side.bench.worker().turn();
    return side.packets().answered() - before;
  }
}
