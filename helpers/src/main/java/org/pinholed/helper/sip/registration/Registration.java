package org.pinholed.helper.sip.registration;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.policy.StateReader;
import org.pinholed.helper.sip.policy.StateWriter;

/**
 * What is remembered of a registration. Immutable.
 *
 * @param asked its requests that may be answered yet, the oldest first
 * @param bindings its contacts that are open
 */
record Registration(List<Asked> asked, List<Binding> bindings) {
  static final Registration NONE = new Registration(List.of(), List.of());

  /**
   * How many requests are remembered: one that is answered late, one with credentials, one more.
   */
  static final int ASKED_MAX = 3;

  /**
   * A request.
   *
   * @param transaction which answers are for it
   * @param cseq its number
   * @param all whether it takes out all contacts
   * @param contacts what it asked for
   * @param untilNs until when an answer is awaited
   */
  record Asked(OwnerId transaction, long cseq, boolean all, List<Wanted> contacts, long untilNs) {
    Asked {
      contacts = List.copyOf(contacts);
    }
  }

  /**
   * A contact that a request asks for.
   *
   * @param place where it is
   * @param expires how long, in seconds; 0 to take it out
   */
  record Wanted(Place place, long expires) {}

  /**
   * A contact that is open.
   *
   * @param place where it is
   * @param endNs when its time is over
   */
  record Binding(Place place, long endNs) {}

  /**
   * Where a phone takes requests.
   *
   * @param transport UDP or TCP
   * @param inside its endpoint
   * @param isSeen whether the text names what others see, as a phone does that uses STUN
   * @param portNamed whether the text has a port
   * @param seen what others see; null if nothing was opened
   */
  record Place(
      Transport transport,
      Endpoint inside,
      boolean isSeen,
      boolean portNamed,
      @Nullable Endpoint seen) {
    boolean isSame(Place other) {
      return transport == other.transport && inside.equals(other.inside);
    }

    /**
     * Whether a registrar means it: it knows what others see, without translation the phone's own.
     */
    boolean isNamed(RegisterMessage.Contact contact) {
      return contact.transport() == transport
          && (contact.endpoint().equals(seen) || contact.endpoint().equals(inside));
    }
  }

  Registration {
    asked = List.copyOf(asked);
    bindings = List.copyOf(bindings);
  }

  boolean isEmpty() {
    return asked.isEmpty() && bindings.isEmpty();
  }

  /** Without what had its time. */
  Registration at(long nowNs) {
    List<Asked> stillAsked = new ArrayList<>(asked);
    stillAsked.removeIf(one -> one.untilNs() - nowNs <= 0);
    List<Binding> stillOpen = new ArrayList<>(bindings);
    stillOpen.removeIf(one -> one.endNs() - nowNs <= 0);
    return new Registration(stillAsked, stillOpen);
  }

  /** When all of it is over, in nanoseconds from now. */
  long leftNs(long nowNs) {
    long left = 1;
    for (Asked one : asked) {
      left = Math.max(left, one.untilNs() - nowNs);
    }
    for (Binding one : bindings) {
      left = Math.max(left, one.endNs() - nowNs);
    }
    return left;
  }

  @Nullable Asked answeredBy(RegisterMessage answer) {
    for (Asked one : asked) {
      if (one.cseq() == answer.cseq() && one.transaction().equals(answer.transaction())) {
        return one;
      }
    }
    return null;
  }

  /** Hands it over to another process. */
  static final SharedMap.Codec<Registration> CODEC =
      new SharedMap.Codec<>() {
        private static final char VERSION = '1';
        private static final int CONTACTS_MAX = 64;

        @Override
        public String write(Registration value, long nowNs) {
          StateWriter to = new StateWriter(VERSION, nowNs);
          to.number(value.bindings().size());
          for (Binding binding : value.bindings()) {
            write(to, binding.place());
            to.moment(binding.endNs());
          }
          to.number(value.asked().size());
          for (Asked one : value.asked()) {
            to.number(one.transaction().high() >>> Integer.SIZE);
            to.number(one.transaction().high() & 0xffff_ffffL);
            to.number(one.transaction().low());
            to.number(one.cseq());
            to.flag(one.all());
            to.number(one.contacts().size());
            for (Wanted wanted : one.contacts()) {
              write(to, wanted.place());
              to.number(wanted.expires());
            }
            to.moment(one.untilNs());
          }
          return to.toString();
        }

        private static void write(StateWriter to, Place place) {
          to.flag(place.transport() == Transport.TCP);
          to.endpoint(place.inside());
          to.flag(place.isSeen());
          to.flag(place.portNamed());
          to.flag(place.seen() != null);
          if (place.seen() != null) {
            to.endpoint(place.seen());
          }
        }

        @Override
        public @Nullable Registration read(String text, long nowNs) {
          StateReader from = new StateReader(VERSION, text, nowNs);
          List<Binding> bindings = new ArrayList<>();
          for (int left = from.index(CONTACTS_MAX + 1); left > 0 && from.isOk(); left--) {
            Place place = readPlace(from);
            long endNs = from.moment();
            if (place != null) {
              bindings.add(new Binding(place, endNs));
            }
          }
          List<Asked> asked = new ArrayList<>();
          for (int left = from.index(ASKED_MAX + 1); left > 0 && from.isOk(); left--) {
            asked.add(readAsked(from));
          }
          return from.isOkAndOver() ? new Registration(asked, bindings) : null;
        }

        private static Asked readAsked(StateReader from) {
          long high = from.number(0, 0xffff_ffffL) << Integer.SIZE;
          high |= from.number(0, 0xffff_ffffL);
          int low = (int) from.number(Integer.MIN_VALUE, Integer.MAX_VALUE);
          long cseq = from.number(0, Integer.MAX_VALUE);
          boolean all = from.flag();
          List<Wanted> contacts = new ArrayList<>();
          for (int left = from.index(CONTACTS_MAX + 1); left > 0 && from.isOk(); left--) {
            Place place = readPlace(from);
            long expires = from.number(0, Integer.MAX_VALUE * 2L);
            if (place != null) {
              contacts.add(new Wanted(place, expires));
            }
          }
          return new Asked(new OwnerId(high, low), cseq, all, contacts, from.moment());
        }

        private static @Nullable Place readPlace(StateReader from) {
          Transport transport = from.flag() ? Transport.TCP : Transport.UDP;
          Endpoint inside = from.endpoint();
          boolean isSeen = from.flag();
          boolean portNamed = from.flag();
          Endpoint seen = from.flag() ? from.endpoint() : null;
          from.require(inside != null && inside.port() > 0);
          return inside == null ? null : new Place(transport, inside, isSeen, portNamed, seen);
        }
      };
}
