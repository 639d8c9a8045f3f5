package org.pinholed.agent.replay;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.ConfigException;
import org.pinholed.agent.config.ConfigLoader;
import org.pinholed.agent.config.Memory;
import org.pinholed.agent.replay.capture.CaptureReader;
import org.pinholed.agent.replay.capture.CaptureWriter;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.dcerpc.DceRpcProtocol;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.helper.sip.SipProtocol;

/** Replays captures that were written in memory. */
public final class ReplayBench {
  static final List<HelperProtocol> PROTOCOLS =
      List.of(new FtpProtocol(), new SipProtocol(), new DceRpcProtocol());

  private final List<Decision> decisions = new ArrayList<>();
  private final Replay replay = new Replay(PROTOCOLS);
  private String damage = "";

  private ReplayBench() {}

  /**
   * A capture of one passive transfer by FTP, twenty packets.
   *
   * @return a pcap file
   */
  public static byte[] passiveTransfer() {
    return ReplayTest.passive().captured(CaptureWriter.usual());
  }

  static AgentConfig config(String yaml) {
    try {
      return new ConfigLoader(PROTOCOLS, Memory.NOT_THIS_PROCESS).parse("test", yaml);
    } catch (ConfigException e) {
      throw new IllegalArgumentException(e);
    }
  }

  static CaptureReader reader(byte[] capture) throws IOException {
    return CaptureReader.open(Channels.newChannel(new ByteArrayInputStream(capture)));
  }

  static ReplayBench of(byte[] capture) throws IOException {
    return of(capture, "");
  }

  static ReplayBench of(byte[] capture, String yaml) throws IOException {
    ReplayBench bench = new ReplayBench();
    bench.replay.add(config(yaml), bench.decisions::add);
    CaptureReader reader = reader(capture);
    bench.replay.run(reader);
    bench.damage = reader.damage();
    return bench;
  }

  static ReplayBench of(Talk talk) throws IOException {
    return of(talk.captured(CaptureWriter.usual()));
  }

  static ReplayBench of(Talk talk, String yaml) throws IOException {
    return of(talk.captured(CaptureWriter.usual()), yaml);
  }

  /** What was decided, as words. */
  List<String> words() {
    return decisions.stream()
        .map(each -> each.reason().isEmpty() ? each.word() : each.word() + " " + each.reason())
        .toList();
  }

  List<Decision> decisions() {
    return decisions;
  }

  Replay replay() {
    return replay;
  }

  ReplayTotals totals() {
    return replay.totals().get(0);
  }

  String damage() {
    return damage;
  }
}
