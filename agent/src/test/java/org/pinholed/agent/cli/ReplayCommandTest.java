package org.pinholed.agent.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pinholed.agent.replay.ReplayBench;

/** The command line of a replay; what it decides is tested with the replay. */
class ReplayCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final Path file;
  private final Path ftp;
  private final Path nothing;

  ReplayCommandTest(@TempDir Path directory) {
    file = directory.resolve("office.pcap");
    ftp = directory.resolve("ftp.yaml");
    nothing = directory.resolve("nothing.yaml");
  }

  @BeforeEach
  void write() throws IOException {
    Files.write(file, ReplayBench.passiveTransfer());
    Files.writeString(ftp, "helpers: [{id: 1, name: ftp, protocol: tcp, port: 21}]\n");
    Files.writeString(nothing, "helpers: []\n");
  }

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Pinholectl.run(args, new PrintWriter(out), new PrintWriter(err, true));
  }

  private List<String> lines() {
    return out.toString().lines().toList();
  }

  @Test
  void capture_isTold_andSummedUp() {
    assertEquals(0, run("replay", file.toString(), "--config", ftp.toString()));
    assertEquals(
        "2001-09-09T01:46:40.000900Z     #10 created      ftp 00000001 192.0.2.10:40000 >"
            + " 198.51.100.7:21, from 192.0.2.10 to 198.51.100.7:30000 227",
        lines().get(0));
    assertTrue(lines().get(1).contains(" matched "), out::toString);
    assertTrue(lines().contains("control flows     ftp 1"), out::toString);
    assertTrue(
        lines().contains("needed a pinhole  1 connection came by one, 0 found none"),
        out::toString);
    assertEquals("", err.toString());
  }

  @Test
  void json_isALineForEachDecision_andASummary() {
    assertEquals(0, run("replay", file.toString(), "--json", "--config", ftp.toString()));
    assertEquals(3, lines().size(), out::toString);
    assertTrue(
        lines()
            .get(0)
            .startsWith(
                "{\"time\":\"2001-09-09T01:46:40.000900Z\",\"packet\":10,\"event\":\"created\""),
        out::toString);
    assertTrue(lines().get(2).startsWith("{\"event\":\"summary\",\"packets\":"), out::toString);
    assertTrue(lines().get(2).contains("\"controlFlows\":{\"ftp\":1}"), out::toString);
  }

  @Test
  void diff_printsWhatOnlyOneOfThemDecides() {
    assertEquals(
        0,
        run("replay", file.toString(), "--config", nothing.toString(), "--diff", ftp.toString()));
    assertTrue(lines().get(0).startsWith("+ 2001-09-09T01:46:40.000900Z"), out::toString);
    assertTrue(lines().contains(nothing.toString()), out::toString);
    assertTrue(lines().contains(ftp.toString()), out::toString);
    assertEquals(
        0, run("replay", file.toString(), "--config", ftp.toString(), "--diff", ftp.toString()));
    assertTrue(lines().stream().noneMatch(line -> line.matches("[+-] .*")), out::toString);
  }

  @Test
  void damagedCapture_saysWhere_andWhatCameBefore() throws IOException {
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 7));
    assertEquals(1, run("replay", file.toString(), "--config", ftp.toString()));
    assertTrue(lines().contains("  matched         1 by 1 connection"), out::toString);
    assertTrue(
        err.toString().matches("(?s)pinholectl: .*office.pcap: damaged at offset \\d+: .*\n"),
        err::toString);
  }

  @Test
  void whatIsNoCapture_isRefused() throws IOException {
    Files.writeString(file, "hello, world");
    assertEquals(1, run("replay", file.toString(), "--config", ftp.toString()));
    assertEquals(
        "pinholectl: " + file + ": neither pcap nor pcapng: it begins with 0x68656c6c\n",
        err.toString());
    assertEquals(1, run("replay", file + ".gone", "--config", ftp.toString()));
    assertEquals("pinholectl: there is no " + file + ".gone\n", err.toString());
    assertEquals(2, run("replay"));
  }
}
