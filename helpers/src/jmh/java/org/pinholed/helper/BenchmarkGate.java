package org.pinholed.helper;

import java.util.Collection;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
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
   * @param arguments the full name of the class, or of one of its benchmarks; the time that each
   *     must stay below, in nanoseconds, or such as {@code 12x=NAME}, so many times what the
   *     benchmark of that full name takes in the same run; and the bytes that each may allocate,
   *     none unless said
   * @throws RunnerException if one cannot be run
   */
  public static void main(String[] arguments) throws RunnerException {
    TimeLimit limit = TimeLimit.of(arguments[1]);
    double bytesMax = arguments.length > 2 ? Double.parseDouble(arguments[2]) : ALLOCATED_BYTES_MAX;
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(arguments[0])
            .addProfiler(GCProfiler.class)
            .verbosity(VerboseMode.SILENT)
            .shouldFailOnError(true);
    if (limit.reference() != null) {
      options.include(Pattern.quote(limit.reference()) + "$");
    }
    Collection<RunResult> results = new Runner(options.build()).run();
    double nanosecondsMax = limit.nanoseconds(results);
    int judged = 0;
    boolean held = true;
    for (RunResult result : results) {
      if (result.getParams().getBenchmark().equals(limit.reference())) {
        continue;
      }
      judged++;
      double nanoseconds = nanoseconds(result);
      double bytes =
          Objects.requireNonNull(result.getSecondaryResults().get("gc.alloc.rate.norm")).getScore();
      boolean ok = nanoseconds < nanosecondsMax && bytes < bytesMax;
      held &= ok;
      System.out.printf(
          Locale.ROOT,
          "%-30s %8.1f ns/op %8.3f B/op   (below %.0f ns%s, %.0f B) %s%n",
          result.getPrimaryResult().getLabel(),
          nanoseconds,
          bytes,
          nanosecondsMax,
          limit.text(),
          Math.floor(bytesMax),
          ok ? "held" : "MISSED");
    }
    held &= judged > 0;
    if (!held) {
      System.exit(1);
    }
  }

  private static double nanoseconds(RunResult result) {
    return result.getPrimaryResult().getStatistics().getMin();
  }

  /**
   * A time to stay below: so many nanoseconds, or so many times another benchmark, which does not
   * depend on the machine as much.
   *
   * @param factor nanoseconds if there is no reference
   * @param reference the full name of the other benchmark
   */
  private record TimeLimit(double factor, @Nullable String reference) {
    private static final String TIMES = "x=";

    static TimeLimit of(String text) {
      int times = text.indexOf(TIMES);
      return times < 0
          ? new TimeLimit(Double.parseDouble(text), null)
          : new TimeLimit(
              Double.parseDouble(text.substring(0, times)), text.substring(times + TIMES.length()));
    }

    double nanoseconds(Collection<RunResult> results) {
      if (reference == null) {
        return factor;
      }
      for (RunResult result : results) {
        if (result.getParams().getBenchmark().equals(reference)) {
          return factor * BenchmarkGate.nanoseconds(result);
        }
      }
      throw new IllegalArgumentException("no such benchmark: " + reference);
    }

    String text() {
      return reference == null
          ? ""
          : String.format(
              Locale.ROOT,
              " = %.0f x %s",
              factor,
              reference.substring(reference.lastIndexOf('.') + 1));
    }
  }
}
