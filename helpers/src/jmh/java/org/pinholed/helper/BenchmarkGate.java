package org.pinholed.helper;

import java.util.Collection;
import java.util.Locale;
import java.util.Objects;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs the benchmarks, prints one line each, and fails above the limits. Of several rounds the
 * fastest counts: other work on the machine can only make one slower.
 */
public final class BenchmarkGate {
  private static final double ALLOCATED_BYTES_MAX = 0.5; // 0 but for what the profiler itself adds

  private BenchmarkGate() {}

  /**
   * Runs the benchmarks of a class.
   *
   * @param arguments the full name of the class, or of one of its benchmarks; the nanoseconds that
   *     each must stay below; and the bytes that each may allocate, none unless said
   * @throws RunnerException if one cannot be run
   */
  public static void main(String[] arguments) throws RunnerException {
    double nanosecondsMax = Double.parseDouble(arguments[1]);
    double bytesMax = arguments.length > 2 ? Double.parseDouble(arguments[2]) : ALLOCATED_BYTES_MAX;
    Collection<RunResult> results =
        new Runner(
                new OptionsBuilder()
                    .include(arguments[0])
                    .addProfiler(GCProfiler.class)
                    .verbosity(VerboseMode.SILENT)
                    .shouldFailOnError(true)
                    .build())
            .run();
    boolean held = !results.isEmpty();
    for (RunResult result : results) {
      double nanoseconds = result.getPrimaryResult().getStatistics().getMin();
      double bytes =
          Objects.requireNonNull(result.getSecondaryResults().get("gc.alloc.rate.norm")).getScore();
      boolean ok = nanoseconds < nanosecondsMax && bytes < bytesMax;
      held &= ok;
      System.out.printf(
          Locale.ROOT,
          "%-30s %8.1f ns/op %8.3f B/op   (below %.0f ns, %.0f B) %s%n",
          result.getPrimaryResult().getLabel(),
          nanoseconds,
          bytes,
          nanosecondsMax,
          Math.floor(bytesMax),
          ok ? "held" : "MISSED");
    }
    if (!held) {
      System.exit(1);
    }
  }
}
