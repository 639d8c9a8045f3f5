package org.pinholed.agent.pinhole.nftables;

import java.util.ArrayList;
import java.util.List;
import org.pinholed.agent.pinhole.Applied;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.RewrittenDirection;

/**
 * A change of pinholes, and how far it has come: the first elements of each list are done.
 *
 * <p>A transaction is written from where the change stands, by {@link #part}, and {@link
 * #partIsDone} moves it on. So one that is refused may be written again. Used again for each change
 * of a session; not thread-safe.
 */
final class Progress {
  private List<Pinhole> close = List.of();
  private List<Pinhole> open = List.of();
  private List<RewrittenDirection> rewritten = List.of();
  private int closed;
  private int opened;
  private int held;
  private int closing;
  private int opening;
  private int holding;
  private final List<Pinhole> unused = new ArrayList<>();

  /** Starts a change. */
  void begin(List<Pinhole> toClose, List<Pinhole> toOpen, List<RewrittenDirection> directions) {
    close = toClose;
    open = toOpen;
    rewritten = directions;
    closed = 0;
    opened = 0;
    held = 0;
    unused.clear();
    part();
  }

  boolean isDone() {
    return closed == close.size() && opened == open.size() && held == rewritten.size();
  }

  /** Starts the next transaction, where the last one that was done ended. */
  void part() {
    closing = closed;
    opening = opened;
    holding = held;
  }

  boolean hasToClose() {
    return closing < close.size();
  }

  Pinhole nextToClose() {
    return close.get(closing++);
  }

  /** How many pinholes the transaction shuts. */
  int closing() {
    return closing - closed;
  }

  boolean hasToOpen() {
    return !hasToClose() && opening < open.size();
  }

  Pinhole nextToOpen() {
    return open.get(opening++);
  }

  boolean hasToHold() {
    return !hasToClose() && !hasToOpen() && holding < rewritten.size();
  }

  RewrittenDirection nextToHold() {
    return rewritten.get(holding++);
  }

  /** The pinholes that the transaction shuts. */
  List<Pinhole> partToClose() {
    return close.subList(closed, closing);
  }

  /** The pinholes that the transaction opens. */
  List<Pinhole> partToOpen() {
    return open.subList(opened, opening);
  }

  /** The transaction was made. */
  void partIsDone() {
    closed = closing;
    opened = opening;
    held = holding;
  }

  /** What the transaction was to shut is shut, though the transaction was refused. */
  void closingIsDone() {
    closed = closing;
  }

  /** The pinholes of the transaction were changed, each in one of its own. */
  void pinholesOfPartAreDone() {
    closed = closing;
    opened = opening;
  }

  /** One that was shut stood until then. */
  void stood(Pinhole pinhole) {
    unused.add(pinhole);
  }

  List<Pinhole> unused() {
    return unused.isEmpty() ? List.of() : List.copyOf(unused);
  }

  Applied applied() {
    return closed + opened + held == 0
        ? Applied.NOTHING
        : new Applied(closed, opened, held, unused);
  }

  /** What was done, as the end of a sentence on what was not; empty if nothing was. */
  String words() {
    if (closed + opened + held == 0) {
      return "";
    }
    StringBuilder words = new StringBuilder("; before that ");
    String between = "";
    if (!close.isEmpty()) {
      words.append(closed).append(" of ").append(close.size()).append(" pinholes were shut");
      between = ", ";
    }
    if (!open.isEmpty()) {
      words.append(between).append(opened).append(" of ").append(open.size()).append(" opened");
      between = ", ";
    }
    if (!rewritten.isEmpty()) {
      words.append(between).append(held).append(" of ").append(rewritten.size()).append(" held");
    }
    return words.toString();
  }
}
