package org.pinholed.agent.pinhole.conntrack;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.nftables.NftablesBackend;
import org.pinholed.agent.pinhole.nftables.NftablesOptions;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * What it costs to open a pinhole and to shut it, with and without an expectation of the kernel
 * beside it. Rounds alternate. To be run as root in a network namespace of its own: {@code
 * it-tests/bench.sh --part backends}. The kernel's FTP helper carries the expectations, so that it
 * runs on kernels without {@code nfnetlink_cthelper}, too.
 */
final class BackendsBenchmark {
  private static final int ROUNDS = 15;
  private static final int PINHOLES = 2000;
  private static final int WARM_UP = 3;
  private static final int MARK = 0x40000019;
  private static final int SIZE = 10_000;
  private static final double NS_PER_US = 1000;

  private BackendsBenchmark() {}

  /**
   * Measures and prints one line for each backend, and their ratio.
   *
   * @param arguments none
   * @throws Exception if the kernel refuses
   */
  public static void main(String[] arguments) throws Exception {
    run("ip", "addr", "add", "192.0.2.1/32", "dev", "lo");
    run("ip", "link", "set", "lo", "up");
    run("nft", "add", "table", "inet", "t");
    run("nft", "add ct helper inet t h { type \"ftp\" protocol tcp; }");
    run("nft", "add chain inet t o { type filter hook output priority -151; }");
    run("nft", "add rule inet t o tcp dport 21 ct helper set \"h\"");
    InetAddress host = InetAddress.getByName("192.0.2.1");
    NftablesOptions options = new NftablesOptions("pinholed", 7, 1, true, MarkBits.DEFAULT, SIZE);
    try (PinholeBackend marks = NftablesBackend.open(options);
        ServerSocket server = new ServerSocket(21, 5, host);
        Socket client = new Socket(host, 21, host, 0)) {
      marks.install(List.of(new HelperPort(Transport.TCP, 2121)));
      FlowTuple parent = new FlowTuple(6, host, client.getLocalPort(), host, server.getLocalPort());
      // closed with the other one, whose table it shares
      PinholeBackend expects =
          new ConntrackBackend(
              marks,
              false,
              "ftp",
              "",
              null,
              new ExpectationRoom(ExpectationRoom.MOST),
              why -> refuse(why.word()));
      try (PinholeBackend.Session alone = marks.openSession();
          PinholeBackend.Session both = expects.openSession()) {
        double[] marked = new double[ROUNDS];
        double[] expected = new double[ROUNDS];
        for (int round = -WARM_UP; round < ROUNDS; round++) {
          double first = round(alone, host, null);
          double second = round(both, host, parent);
          if (round >= 0) {
            marked[round] = first;
            expected[round] = second;
          }
        }
        print(marked, expected);
      }
    }
  }

  private static void refuse(String why) {
    throw new IllegalStateException("no expectation: " + why);
  }

  private static double round(
      PinholeBackend.Session session, InetAddress host, @Nullable FlowTuple parent)
      throws IOException {
    long beganNs = System.nanoTime();
    for (int i = 0; i < PINHOLES; i++) {
      List<Pinhole> one =
          List.of(
              new Pinhole(
                      Pinhole.Kind.ONCE,
                      Transport.TCP,
                      host,
                      host,
                      20_000 + i,
                      MARK,
                      30_000,
                      "benchmark")
                  .withParent(parent));
      session.apply(List.of(), one);
      session.apply(one, List.of());
    }
    return (System.nanoTime() - beganNs) / NS_PER_US / PINHOLES;
  }

  private static void print(double[] marked, double[] expected) {
    double[] ratios = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      ratios[i] = expected[i] / marked[i];
    }
    System.out.printf(
        "  a pinhole, opened and shut: nftables %.1f us, with an expectation %.1f us: ratio %.2f"
            + " (%.2f .. %.2f)%n",
        middle(marked, 0.5),
        middle(expected, 0.5),
        middle(ratios, 0.5),
        middle(ratios, 0.25),
        middle(ratios, 0.75));
  }

  private static double middle(double[] of, double share) {
    double[] sorted = of.clone();
    Arrays.sort(sorted);
    return sorted[(int) (share * (sorted.length - 1))];
  }

  private static void run(String... command) throws IOException, InterruptedException {
    int code = new ProcessBuilder(command).inheritIO().start().waitFor();
    if (code != 0) {
      throw new IOException(String.join(" ", command) + ": exit code " + code);
    }
  }
}
