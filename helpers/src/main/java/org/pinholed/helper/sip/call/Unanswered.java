package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.sip.policy.SourceName;

/**
 * How many calls each source has begun within 32 s that nobody has answered, so that one host
 * cannot fill the table of calls. Of a source there are five numbers, whatever it sends: one for
 * each 8 s that are not over, and the one that is going on.
 */
final class Unanswered {
  private static final int SLOTS = 5;
  private static final long SLOT_NS = Duration.ofSeconds(8).toNanos();
  private static final Duration REMEMBERED = Duration.ofNanos(SLOTS * SLOT_NS);
  private static final int SOURCES_MAX = 1 << 16;

  private final SharedMap<Counts> map;
  private final int most;

  /**
   * What one source began.
   *
   * @param sinceNs when the newest slot began
   * @param slots calls that were begun in it, then in those before
   */
  record Counts(long sinceNs, List<Integer> slots) {
    Counts {
      slots = List.copyOf(slots);
    }

    static Counts none(long nowNs) {
      return new Counts(nowNs, Collections.nCopies(SLOTS, 0));
    }

    Counts at(long nowNs) {
      long passed = (nowNs - sinceNs) / SLOT_NS;
      if (passed <= 0) {
        return this;
      }
      if (passed >= SLOTS) {
        return none(nowNs);
      }
      List<Integer> moved = new ArrayList<>(Collections.nCopies((int) passed, 0));
      moved.addAll(slots.subList(0, SLOTS - (int) passed));
      return new Counts(sinceNs + passed * SLOT_NS, moved);
    }

    int all() {
      int all = 0;
      for (int slot = 0; slot < SLOTS; slot++) {
        all += slots.get(slot);
      }
      return all;
    }

    Counts plusOne() {
      return with(0, 1);
    }

    /** Which of them was answered nobody knows: the newest ones are the first to be forgotten. */
    Counts minusOne() {
      for (int at = 0; at < SLOTS; at++) {
        if (slots.get(at) > 0) {
          return with(at, -1);
        }
      }
      return this;
    }

    private Counts with(int slot, int more) {
      List<Integer> changed = new ArrayList<>(slots);
      changed.set(slot, slots.get(slot) + more);
      return new Counts(sinceNs, changed);
    }
  }

  /** Writes {@code age in ms,count,...}. */
  private static final SharedMap.Codec<Counts> CODEC =
      new SharedMap.Codec<>() {
        @Override
        public String write(Counts value, long nowNs) {
          StringBuilder text = new StringBuilder();
          text.append((nowNs - value.sinceNs()) / 1_000_000);
          for (int slot : value.slots()) {
            text.append(',').append(slot);
          }
          return text.toString();
        }

        @Override
        public @Nullable Counts read(String text, long nowNs) {
          if (!text.matches("[0-9]{1,9}(,[0-9]{1,7}){" + SLOTS + "}")) {
            return null;
          }
          List<Integer> numbers = new ArrayList<>();
          for (String number : text.split(",", -1)) {
            numbers.add(Integer.valueOf(number));
          }
          return new Counts(
              nowNs - numbers.get(0) * 1_000_000L, numbers.subList(1, numbers.size()));
        }
      };

  Unanswered(SharedState shared, int most) {
    map = shared.map("unanswered", SOURCES_MAX, CODEC);
    this.most = most;
  }

  /** Counts a call that begins; false if its source has too many. */
  boolean begins(InetAddress source, long nowNs) {
    boolean[] taken = new boolean[1];
    boolean known =
        map.change(
            SourceName.of(source),
            nowNs,
            REMEMBERED,
            before -> {
              Counts now = before == null ? Counts.none(nowNs) : before.at(nowNs);
              taken[0] = now.all() < most;
              return taken[0] ? now.plusOne() : now;
            });
    // A table full of sources is no reason to refuse those that are not in it: calls has a limit.
    return taken[0] || !known;
  }

  /** Counts a call no more. */
  void answered(InetAddress source, long nowNs) {
    map.change(
        SourceName.of(source),
        nowNs,
        REMEMBERED,
        before -> {
          Counts now = before == null ? null : before.at(nowNs).minusOne();
          return now == null || now.all() == 0 ? null : now;
        });
  }
}
