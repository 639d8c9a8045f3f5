package org.pinholed.agent.replay;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.replay.capture.CaptureReader;
import org.pinholed.agent.replay.capture.CapturedPacket;
import org.pinholed.agent.replay.capture.ForwardedCopies;
import org.pinholed.agent.replay.capture.Fragments;
import org.pinholed.agent.replay.capture.LinkLayer;
import org.pinholed.helper.HelperProtocol;

/**
 * Reads a capture as one agent or several would have read it, each with its own configuration, all
 * at the same time: that of the packets. Nothing of the file is kept. Not thread-safe.
 */
public final class Replay {
  private static final long TICK_NS = 250_000_000L;

  /** What a silence lasts beyond this is gone through in longer steps. */
  private static final long SHORT_SILENCE_NS = 60 * 1_000_000_000L;

  /** Less than the 20 s after which leases are renewed. */
  private static final long LONG_STEP_NS = 15_000_000_000L;

  /**
   * Steps through silences in all, so that a capture whose times jump costs no more than its size
   * allows: so many and {@link #STEPS_PER_PACKET} for each packet. Weeks of true silence take less.
   */
  private static final long STEPS_AT_LEAST = 1 << 18;

  private static final long STEPS_PER_PACKET = 256;

  /** Capturing on several processors mixes packets up by much less. */
  private static final long BACK_NS = 1_000_000_000L;

  /** How often a progress is told. */
  private static final long PACKETS_BETWEEN = 1 << 16;

  private final List<HelperProtocol> protocols;
  private final CaptureClock clock = new CaptureClock();
  private final PacketView packet = new PacketView();
  private final Fragments fragments = new Fragments();
  private final ForwardedCopies copies = new ForwardedCopies();
  private final List<ReplayedAgent> agents = new ArrayList<>();
  private final Map<String, Long> skipped = new TreeMap<>();
  private Runnable stepDone = () -> {};
  private LongConsumer progress = offset -> {};
  private long packets;
  private long readable;
  private long back;
  private long steps;
  private long leaps;
  private long firstNs;
  private long tickedNs;

  /** An agent that is to be: its decisions go to a listener. */
  private record Planned(AgentConfig config, Consumer<Decision> decisions) {}

  private final List<Planned> planned = new ArrayList<>();

  /**
   * Makes a replay with no agent yet.
   *
   * @param protocols the protocols that a configuration may name
   */
  public Replay(List<HelperProtocol> protocols) {
    this.protocols = List.copyOf(protocols);
  }

  /**
   * Adds an agent.
   *
   * @param config a checked configuration
   * @param decisions told what it decides, in order
   */
  public void add(AgentConfig config, Consumer<Decision> decisions) {
    planned.add(new Planned(config, decisions));
  }

  /**
   * Says what is to be done when all agents have read a packet, or time went on for all of them.
   *
   * @param newStepDone compares what they decided
   */
  public void setStepDone(Runnable newStepDone) {
    stepDone = newStepDone;
  }

  /**
   * Says who is told how far the file was read.
   *
   * @param newProgress gets an offset now and then
   */
  public void setProgress(LongConsumer newProgress) {
    progress = newProgress;
  }

  /**
   * Reads a capture to its end, or up to where it is damaged.
   *
   * @param reader at its first packet; {@link CaptureReader#damage} tells afterwards how it ended
   * @throws IOException if the file cannot be read
   */
  public void run(CaptureReader reader) throws IOException {
    while (reader.next()) {
      CapturedPacket captured = reader.packet();
      packets++;
      advanceTo(captured.epochNs());
      read(captured);
      if (packets % PACKETS_BETWEEN == 0) {
        progress.accept(reader.offset());
      }
    }
    if (agents.isEmpty()) {
      begin(0);
    }
    // What ended with the last packets is told once their children are known.
    tickedNs = Math.max(tickedNs, clock.nanoTime()) + TICK_NS;
    clock.set(tickedNs);
    tick();
  }

  private void begin(long epochNs) {
    firstNs = epochNs;
    tickedNs = epochNs;
    clock.set(epochNs);
    for (Planned each : planned) {
      agents.add(new ReplayedAgent(each.config(), protocols, clock, each.decisions()));
    }
  }

  private void advanceTo(long epochNs) {
    if (agents.isEmpty()) {
      begin(epochNs);
    }
    if (epochNs - clock.nanoTime() < 0) {
      if (clock.nanoTime() - epochNs > BACK_NS) {
        back++;
      }
      return;
    }
    long silentSinceNs = tickedNs;
    while (epochNs - tickedNs >= TICK_NS) {
      tickedNs += stepNs(tickedNs - silentSinceNs, epochNs - tickedNs);
      clock.set(tickedNs);
      tick();
    }
    clock.set(epochNs);
  }

  // How far to go in a silence of which so much is over and so much left.
  private long stepNs(long overNs, long leftNs) {
    if (agents.stream().noneMatch(ReplayedAgent::isBusy)) {
      return leftNs;
    }
    if (steps >= STEPS_AT_LEAST + STEPS_PER_PACKET * packets) {
      leaps++;
      return leftNs;
    }
    steps++;
    return overNs >= SHORT_SILENCE_NS && leftNs >= LONG_STEP_NS ? LONG_STEP_NS : TICK_NS;
  }

  private void tick() {
    agents.forEach(ReplayedAgent::tick);
    stepDone.run();
  }

  private void read(CapturedPacket captured) {
    int at = LinkLayer.ipOffset(captured);
    if (at < 0) {
      skip(at == LinkLayer.NOT_IP ? "notIp" : "linkType" + captured.linkType());
      return;
    }
    int lengthBytes = captured.offset() + captured.capturedBytes() - at;
    ByteBuffer bytes = captured.buffer();
    if (LinkLayer.isOfAnyDevice(captured) && copies.isCopy(bytes, at, lengthBytes)) {
      skip("copy");
      return;
    }
    if (fragments.isFragment(bytes, at, lengthBytes)) {
      if (fragments.add(bytes, at, lengthBytes, clock.nanoTime())) {
        readIp(fragments.whole(), 0, fragments.wholeBytes());
      }
      return;
    }
    readIp(bytes, at, lengthBytes);
  }

  private void readIp(ByteBuffer bytes, int offset, int lengthBytes) {
    UnreadableReason unreadable = packet.wrap(bytes, offset, lengthBytes);
    if (unreadable != null) {
      skip(unreadable.word());
      return;
    }
    readable++;
    for (ReplayedAgent agent : agents) {
      agent.read(packet, lengthBytes, packets);
    }
    stepDone.run();
  }

  private void skip(String why) {
    skipped.merge(why, 1L, Long::sum);
  }

  /**
   * What became of the agents.
   *
   * @return in the order in which they were added; once {@link #run} has returned
   */
  public List<ReplayTotals> totals() {
    return agents.stream().map(ReplayedAgent::totals).toList();
  }

  /**
   * Packets of the capture.
   *
   * @return a count
   */
  public long packets() {
    return packets;
  }

  /**
   * Packets of TCP and UDP that are whole.
   *
   * @return a count, of fragments one for each whole packet
   */
  public long readable() {
    return readable;
  }

  /**
   * Packets that were not read.
   *
   * @return a count by what they are: {@code notIp}, {@code linkTypeN}, {@code copy} (the same as
   *     it left the router), or a word of {@link UnreadableReason}
   */
  public Map<String, Long> skipped() {
    return Map.copyOf(skipped);
  }

  /**
   * Fragments whose packet never became whole.
   *
   * @return a count of what was given up
   */
  public long lostFragments() {
    return fragments.lost();
  }

  /**
   * Packets that are more than a second older than one before them; they count as of its time.
   *
   * @return a count
   */
  public long back() {
    return back;
  }

  /**
   * Silences that were not gone through step by step, since the times of the capture jump too
   * often: what would have ended within ended at their end.
   *
   * @return a count
   */
  public long leaps() {
    return leaps;
  }

  /**
   * How long the capture is.
   *
   * @return nanoseconds from the first packet to the latest
   */
  public long durationNs() {
    return packets == 0 ? 0 : clock.nanoTime() - TICK_NS - firstNs;
  }
}
