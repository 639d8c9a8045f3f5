package org.pinholed.agent.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.AgentUnreachableException;
import org.pinholed.agent.control.ControlError;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a listing is shown, and its loop when it is watched. */
final class ListingOptions {
  private static final String CLEAR_SCREEN = "\u001b[H\u001b[2J\u001b[3J";

  @Option(
      names = "--watch",
      paramLabel = "SECONDS",
      arity = "0..1",
      fallbackValue = "2",
      description =
          "Show it again every so many seconds (2) until interrupted: redrawn on a terminal,"
              + " appended otherwise.")
  @Nullable Integer watchSeconds;

  @Mixin WidthOption width = new WidthOption();

  /** Those of a listing that is watched or shown once. */
  ListingOptions() {}

  /**
   * Those of a listing that is shown once.
   *
   * @param width how wide it may be
   */
  ListingOptions(WidthOption width) {
    this.width = width;
  }

  /**
   * Shows rows once, or again and again.
   *
   * @param pinholectl the command above
   * @param request what to ask
   * @param what what there is none of, when there is none
   * @param style makes an empty listing that writes there
   * @return the exit code
   * @throws AgentUnreachableException if no agent answers
   * @throws ControlError if the agent refuses
   */
  int show(Pinholectl pinholectl, JsonFields request, String what, Listing.Style style)
      throws AgentUnreachableException, ControlError {
    Integer seconds = watchSeconds;
    if (seconds == null) {
      showOnce(pinholectl, request, what, style, "");
      return 0;
    }
    if (seconds < 1 || seconds > 3600) {
      throw new ControlError(
          ControlError.BAD_REQUEST, "--watch: " + seconds + " (expected: 1..3600)");
    }
    Interruption.endsWithSuccess();
    String before = isTerminal() && !pinholectl.json() ? CLEAR_SCREEN : "";
    try {
      while (true) {
        showOnce(pinholectl, request, what, style, before);
        TimeUnit.SECONDS.sleep(seconds);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (AgentUnreachableException e) {
      if (!Thread.currentThread().isInterrupted()) {
        throw e;
      }
    } finally {
      Interruption.over();
    }
    return 0;
  }

  private static boolean isTerminal() {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/1")).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }

  private void showOnce(
      Pinholectl pinholectl, JsonFields request, String what, Listing.Style style, String before)
      throws AgentUnreachableException, ControlError {
    PrintWriter out = pinholectl.out();
    out.print(before);
    Listing listing = pinholectl.json() ? Listings.json(out) : style.begin(out, width.columns());
    pinholectl.ask(request, listing::add);
    listing.end();
    pinholectl.requireReader();
    if (listing.count() == 0 && !pinholectl.json()) {
      pinholectl.err().println("no " + what); // not among what a pipe reads
    }
  }
}
