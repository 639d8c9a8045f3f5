package org.pinholed.helper.sip.registration;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.sip.policy.SourceName;
import org.pinholed.helper.sip.policy.StateReader;
import org.pinholed.helper.sip.policy.StateWriter;

/**
 * How many registrations each source has, asked for or granted. Of a registration there is its name
 * in short and its end, so that one that is asked for again is counted once.
 */
final class RegistrationsOfSource {
  private static final int SOURCES_MAX = 1 << 16;

  private final SharedMap<Held> map;
  private final int most;

  /** One registration. */
  private record One(int name, long endNs) {}

  /** Those of a source. */
  private record Held(List<One> all) {
    long leftNs(long nowNs) {
      return all.stream().mapToLong(one -> one.endNs() - nowNs).max().orElse(1);
    }
  }

  /** The most that a text has room for are written; what is lost is counted again when it comes. */
  private static final SharedMap.Codec<Held> CODEC =
      new SharedMap.Codec<>() {
        private static final char VERSION = '1';
        private static final int WRITTEN_MAX = 200;

        @Override
        public String write(Held value, long nowNs) {
          StateWriter to = new StateWriter(VERSION, nowNs);
          int written = Math.min(WRITTEN_MAX, value.all().size());
          to.number(written);
          for (One one : value.all().subList(0, written)) {
            to.number(one.name());
            to.moment(one.endNs());
          }
          return to.toString();
        }

        @Override
        public @Nullable Held read(String text, long nowNs) {
          StateReader from = new StateReader(VERSION, text, nowNs);
          List<One> all = new ArrayList<>();
          for (int left = from.index(WRITTEN_MAX + 1); left > 0 && from.isOk(); left--) {
            int name = (int) from.number(Integer.MIN_VALUE, Integer.MAX_VALUE);
            all.add(new One(name, from.moment()));
          }
          return from.isOkAndOver() ? new Held(all) : null;
        }
      };

  RegistrationsOfSource(SharedState shared, int most) {
    map = shared.map("registrationsOfSource", SOURCES_MAX, CODEC);
    this.most = most;
  }

  /**
   * Counts a registration until its time is over.
   *
   * @return false if its source has too many others; then it is not counted
   */
  boolean take(InetAddress source, OwnerId registration, Duration atMost, long nowNs) {
    boolean[] taken = new boolean[1];
    long endNs = nowNs + atMost.toNanos();
    int name = registration.low();
    boolean known =
        map.change(
            SourceName.of(source),
            nowNs,
            before -> {
              List<One> all = new ArrayList<>(before == null ? List.of() : before.all());
              all.removeIf(one -> one.endNs() - nowNs <= 0);
              boolean isLonger =
                  all.stream().anyMatch(one -> one.name() == name && one.endNs() - endNs > 0);
              boolean isKnown = all.removeIf(one -> one.name() == name && !isLonger) || isLonger;
              taken[0] = isKnown || all.size() < most;
              if (taken[0] && !isLonger) {
                all.add(new One(name, endNs));
              }
              return kept(all, nowNs);
            });
    // A table full of sources is no reason to refuse those that are not in it: registrations has a
    // limit of its own.
    return taken[0] || !known;
  }

  /** Counts a registration no more. */
  void release(InetAddress source, OwnerId registration, long nowNs) {
    map.change(
        SourceName.of(source),
        nowNs,
        before -> {
          List<One> all = new ArrayList<>(before == null ? List.of() : before.all());
          all.removeIf(one -> one.name() == registration.low() || one.endNs() - nowNs <= 0);
          return kept(all, nowNs);
        });
  }

  private static SharedMap.@Nullable Kept<Held> kept(List<One> all, long nowNs) {
    Held held = new Held(List.copyOf(all));
    return all.isEmpty()
        ? null
        : new SharedMap.Kept<>(held, Duration.ofNanos(Math.max(1, held.leftNs(nowNs))));
  }
}
