package org.pinholed.helper.sip.call;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.sip.policy.MediaPolicy.Place;

/**
 * Where a party takes requests, as a call remembers it.
 *
 * @param all one for each {@link CallMessage#signals} that was looked at
 */
record Signals(List<One> all) {
  static final Signals NONE = new Signals(List.of());

  /** How many are looked at; a message with more is no usual one. */
  static final int MOST = 8;

  /**
   * One of them.
   *
   * @param signal as the message names it
   * @param place how it is announced
   * @param inside the endpoint inside
   * @param seen what others see; null if nothing was opened
   */
  record One(Signal signal, Place place, Endpoint inside, @Nullable Endpoint seen) {
    One withSeen(@Nullable Endpoint other) {
      return Objects.equals(other, seen) ? this : new One(signal, place, inside, other);
    }

    /**
     * Its name within its group; {@code n} says that the text had no port, {@code o} that it named
     * what others see, so that it is given back in the same way.
     */
    String item(int index) {
      String wrote = place == Place.SEEN ? "o" : signal.portNamed() ? "" : "n";
      return "" + signal.kind().letter() + index + wrote;
    }
  }

  Signals {
    all = List.copyOf(all);
  }

  boolean isEmpty() {
    return all.isEmpty();
  }

  boolean says(Signals other) {
    if (all.size() != other.all.size()) {
      return false;
    }
    for (int at = 0; at < all.size(); at++) {
      if (!all.get(at).signal().equals(other.all.get(at).signal())) {
        return false;
      }
    }
    return true;
  }

  private List<One> of(Signal.Kind kind) {
    List<One> some = new ArrayList<>(all);
    some.removeIf(one -> one.signal().kind() != kind);
    return some;
  }

  boolean hasContact() {
    return !of(Signal.Kind.CONTACT).isEmpty();
  }

  /**
   * The same after a request that names another Contact: the route stays as long as the dialog (RFC
   * 3261 section 12.2).
   */
  Signals refreshedBy(Signals other) {
    List<One> refreshed = other.of(Signal.Kind.CONTACT);
    refreshed.addAll(of(Signal.Kind.RECORD_ROUTE));
    Signals now = new Signals(refreshed);
    return now.says(this) ? this : now;
  }

  /** What others see of a place that a message names; null to leave it. */
  @Nullable Endpoint seenOf(Signal named) {
    for (One one : all) {
      if (one.signal().equals(named)) {
        boolean isWritten = one.place() == Place.NAMED || one.place() == Place.HAIRPIN;
        return isWritten ? one.seen() : null;
      }
    }
    return null;
  }

  /** Whether an address is one of theirs, so that the party may speak from there. */
  boolean names(java.net.InetAddress address) {
    for (One one : all) {
      if (one.inside().address().equals(address)) {
        return true;
      }
    }
    return false;
  }

  Signals withSeen(@Nullable Endpoint[] seenBy) {
    List<One> changed = new ArrayList<>(all.size());
    boolean same = true;
    for (int at = 0; at < all.size(); at++) {
      One one = all.get(at).withSeen(seenBy[at]);
      same &= one.equals(all.get(at));
      changed.add(one);
    }
    return same ? this : new Signals(changed);
  }
}
