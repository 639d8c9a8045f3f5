package org.pinholed.agent.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.helper.sip.SipProtocol;

/** What the limits allow must fit into the virtual machine, as {@code bin/pinholed} starts it. */
class MemoryNeedTest {
  private static final long MIB = 1 << 20;

  /** The largest heap without the half of the young one that is always empty. */
  private static final double HEAP_TO_USE = 0.96;

  private final Memory ofTheDistribution;

  MemoryNeedTest() throws IOException {
    String launcher = Files.readString(Path.of("src", "main", "dist", "bin", "pinholed"));
    ofTheDistribution =
        new Memory(
            (long) (mebibytes("-Xmx([0-9]+)m", launcher) * MIB * HEAP_TO_USE),
            mebibytes("-XX:MaxDirectMemorySize=([0-9]+)m", launcher) * MIB);
  }

  private static long mebibytes(String option, String launcher) {
    Matcher matcher = Pattern.compile(option).matcher(launcher);
    assertTrue(matcher.find());
    return Long.parseLong(matcher.group(1));
  }

  private static AgentConfig parse(Memory memory, String yaml) throws ConfigException {
    return new ConfigLoader(List.of(new FtpProtocol(), new SipProtocol()), memory)
        .parse("f.yaml", yaml);
  }

  private void refused(Memory memory, String yaml, String begin, String end) {
    ConfigException e = assertThrows(ConfigException.class, () -> parse(memory, yaml));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith(begin) && message.endsWith(end), message);
    Matcher most = Pattern.compile("1\\.\\.([0-9]+)").matcher(message);
    if (most.find()) {
      // What the message offers is taken, and not one more.
      String key = yaml.replaceAll("(?s).*?(\\w+): ([0-9]+)\\D*$", "$1: $2");
      String name = key.substring(0, key.indexOf(':'));
      long offered = Long.parseLong(most.group(1));
      try {
        parse(memory, yaml.replace(key, name + ": " + offered));
      } catch (ConfigException refusedToo) {
        throw new AssertionError(message, refusedToo);
      }
      assertThrows(
          ConfigException.class,
          () -> parse(memory, yaml.replace(key, name + ": " + (offered + 1))));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "queues: {count: 16}",
        "queues: {count: 1, batchPackets: 256}",
        "limits: {parents: 80000}",
        "limits: {bufferedBytes: 33554432}",
      })
  void theDistribution_hasRoomFor(String yaml) throws ConfigException {
    parse(ofTheDistribution, yaml);
  }

  @Test
  void packetBuffers_thatDoNotFit_areRefusedWithKeyAndRange() {
    refused(
        ofTheDistribution,
        "queues: {count: 8, batchPackets: 256}",
        "f.yaml:1: queues.batchPackets: 256 (expected: 1..",
        " MiB: -XX:MaxDirectMemorySize in PINHOLED_JAVA_OPTS)");
  }

  @Test
  void queues_thatDoNotFit_areRefusedIfTheFileSaysNothingElse() {
    refused(
        new Memory(1L << 40, 32 * MIB),
        "queues:\n  count: 16",
        "f.yaml:2: queues.count: 16 (expected: 1..",
        " MiB: -XX:MaxDirectMemorySize in PINHOLED_JAVA_OPTS)");
  }

  @Test
  void limits_thatDoNotFit_areRefusedByWhatTheFileSays() {
    String end = " MiB: -Xmx in PINHOLED_JAVA_OPTS)";
    refused(
        ofTheDistribution,
        "limits:\n  parents: 1048576",
        "f.yaml:2: limits.parents: 1048576 (expected: 1..",
        end);
    refused(
        ofTheDistribution,
        "limits:\n  expectations: 1048576",
        "f.yaml:2: limits.expectations: 1048576 (expected: 1..",
        end);
    refused(
        ofTheDistribution,
        "limits:\n  bufferedBytes: 1073741824",
        "f.yaml:2: limits.bufferedBytes: 1073741824 (expected: ",
        end);
  }

  /** Of which a client may have a quarter: two messages of SIP, each while it grows. */
  @Test
  void bufferedBytes_haveRoomForTheLongestMessage_ofWhatIsRead() throws ConfigException {
    String sip = "helpers:\n- {id: 1, name: sip, protocol: tcp, port: 5060";
    String little = "limits:\n  bufferedBytes: 1000000\n";
    parse(ofTheDistribution, little);
    parse(ofTheDistribution, little + sip.replace("tcp", "udp") + "}");
    parse(ofTheDistribution, little + sip + ", enabled: false}");
    refused(
        ofTheDistribution,
        little + sip + "}",
        "f.yaml:2: limits.bufferedBytes: 1000000 (expected: 2724840..",
        "1073741824)");
  }

  @Test
  void aHeapTooSmallForTheDefaults_isSaid() {
    refused(
        new Memory(20 * MIB, 1 << 30),
        "",
        "f.yaml:1: limits: parents: 65536 (expected: less, and other limits too, or a heap of ",
        " MiB: -Xmx in PINHOLED_JAVA_OPTS)");
  }

  @Test
  void aMachineOfUnknownSize_refusesNothing() throws ConfigException {
    AgentConfig config =
        parse(Memory.NOT_THIS_PROCESS, "limits: {parents: 1048576, expectations: 1048576}");
    assertEquals(1048576, config.limits().parents());
  }

  @Test
  void thisProcess_hasAHeapAndDirectMemory() {
    Memory memory = Memory.ofThisProcess();
    assertEquals(Runtime.getRuntime().maxMemory(), memory.heapBytes());
    assertTrue(memory.directBytes() >= MIB);
  }
}
