package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.policy.MediaPolicy.Place;
import org.pinholed.helper.sip.policy.StateReader;
import org.pinholed.helper.sip.policy.StateWriter;

/**
 * A call as text, one field after the other with a comma behind each: numbers in base 36, moments
 * in milliseconds from now, addresses in hexadecimal, lists with their length before them. What is
 * wrong in one that is read makes it null as a whole.
 */
final class CallText {
  private static final char VERSION = '1';
  private static final int DIALOGS_MAX = 64;
  private static final int STREAMS_MAX = 64;

  /** Their places in these lists are written: what is added goes to the end. */
  private static final List<Leg.Phase> LEG_PHASES =
      List.of(Leg.Phase.CALLING, Leg.Phase.ANSWERED, Leg.Phase.ENDED);

  private static final List<Dialog.Phase> PHASES =
      List.of(
          Dialog.Phase.EARLY, Dialog.Phase.CONFIRMED, Dialog.Phase.SUPERSEDED, Dialog.Phase.ENDED);

  private static final List<Party.Kind> PENDING =
      List.of(Party.Kind.OFFER, Party.Kind.LATE_OFFER, Party.Kind.EARLY_ANSWER, Party.Kind.REFUSED);

  private CallText() {}

  /** Writes a call down. */
  static final class Writer extends StateWriter {
    private Writer(long nowNs) {
      super(VERSION, nowNs);
    }

    static String of(Call call, long nowNs) {
      return new Writer(nowNs).call(call);
    }

    private String call(Call call) {
      moment(call.startNs());
      number(call.caller());
      moment(call.keptUntilNs());
      number(call.legs().size());
      call.legs().forEach(this::leg);
      number(call.dialogs().size());
      call.dialogs().forEach(this::dialog);
      return toString();
    }

    private void leg(Leg leg) {
      number(leg.id());
      address(leg.caller());
      address(leg.callee());
      number(leg.callerPlace());
      number(leg.calleePlace());
      one(leg.phase(), LEG_PHASES);
      number(leg.cseq());
      media(leg.offer());
      signals(leg.signals());
      moment(leg.deadlineNs());
      flag(leg.counted());
    }

    private void dialog(Dialog dialog) {
      number(dialog.leg());
      number(dialog.tag());
      one(dialog.phase(), PHASES);
      party(dialog.caller());
      party(dialog.callee());
      moment(dialog.deadlineNs());
      flag(dialog.bye() != null);
      if (dialog.bye() != null) {
        flag(dialog.bye().ofCaller());
        number(dialog.bye().cseq());
        moment(dialog.bye().deadlineNs());
      }
      flag(dialog.reoffered());
    }

    private void party(Party party) {
      media(party.media());
      Party.Pending pending = party.pending();
      flag(pending != null);
      if (pending != null) {
        one(pending.kind(), PENDING);
        media(pending.media());
        number(pending.cseq());
        flag(pending.isInvite());
      }
      signals(party.signals());
      flag(party.refresh() != null);
      if (party.refresh() != null) {
        signals(party.refresh());
      }
      number(party.refreshCseq());
      number(party.settledCseq());
    }

    private void media(@Nullable Media media) {
      number(media == null ? 0 : media == Media.UNKNOWN ? 1 : media.streams() + 2);
      if (media == null || media == Media.UNKNOWN) {
        return;
      }
      address(media.seenAddress());
      for (int at = 0; at < media.streams(); at++) {
        one(media.kind(at), Media.KINDS);
        address(media.address(at));
        number(media.port(at));
        one(media.place(at), Media.PLACES);
        address(media.rtcpAddress(at));
        number(media.rtcpPort(at));
        one(media.rtcpPlace(at), Media.PLACES);
        flag(media.isMux(at));
        flag(media.isOff(at));
        flag(media.isHeld(at));
        number(media.bundledInto(at));
        number(media.seenPort(at));
        number(media.seenRtcpPort(at));
      }
    }

    private void signals(Signals signals) {
      number(signals.all().size());
      for (Signals.One one : signals.all()) {
        flag(one.signal().kind() == Signal.Kind.CONTACT);
        endpoint(one.signal().endpoint());
        flag(one.signal().portNamed());
        flag(one.signal().transport() == Transport.TCP);
        one(one.place(), Media.PLACES);
        endpoint(one.inside());
        flag(one.seen() != null);
        if (one.seen() != null) {
          endpoint(one.seen());
        }
      }
    }
  }

  /** Reads what {@link Writer} wrote, or anything else. */
  static final class Reader extends StateReader {
    private Reader(String text, long nowNs) {
      super(VERSION, text, nowNs);
    }

    static @Nullable Call of(String text, long nowNs) {
      return new Reader(text, nowNs).call();
    }

    private @Nullable Call call() {
      long startNs = moment();
      long caller = number(0, Long.MAX_VALUE);
      long keptNs = moment();
      List<Leg> legs = new ArrayList<>();
      for (int left = index(Leg.MOST + 1); left > 0 && isOk(); left--) {
        add(legs, leg());
      }
      List<Dialog> dialogs = new ArrayList<>();
      for (int left = index(DIALOGS_MAX + 1); left > 0 && isOk(); left--) {
        add(dialogs, dialog());
      }
      for (Dialog dialog : dialogs) {
        require(legs.stream().anyMatch(leg -> leg.id() == dialog.leg()));
      }
      require(!legs.isEmpty());
      return isOkAndOver() ? new Call(startNs, caller, keptNs, legs, dialogs) : null;
    }

    private <T> void add(List<T> list, @Nullable T one) {
      require(one != null);
      if (one != null) {
        list.add(one);
      }
    }

    private @Nullable Leg leg() {
      int id = index(Leg.MOST);
      InetAddress caller = address();
      InetAddress callee = address();
      int callerPlace = (int) number(0, Integer.MAX_VALUE);
      int calleePlace = (int) number(0, Integer.MAX_VALUE);
      Leg.Phase phase = one(LEG_PHASES);
      long cseq = number(-1, Long.MAX_VALUE);
      Media offer = media();
      Signals signals = signals();
      long deadlineNs = moment();
      boolean counted = flag();
      return caller == null || callee == null
          ? null
          : new Leg(
              id,
              caller,
              callee,
              callerPlace,
              calleePlace,
              phase,
              cseq,
              offer,
              signals,
              deadlineNs,
              counted);
    }

    private Dialog dialog() {
      int leg = index(Leg.MOST);
      long tag = number(0, Long.MAX_VALUE);
      Dialog.Phase phase = one(PHASES);
      Party caller = party();
      Party callee = party();
      long deadlineNs = moment();
      Dialog.Bye bye = null;
      if (flag()) {
        boolean ofCaller = flag();
        bye = new Dialog.Bye(ofCaller, number(0, Long.MAX_VALUE), moment());
      }
      return new Dialog(leg, tag, phase, caller, callee, deadlineNs, bye, flag());
    }

    private Party party() {
      Media media = media();
      Party.Pending pending = null;
      if (flag()) {
        Party.Kind kind = one(PENDING);
        Media said = media();
        long cseq = number(-1, Long.MAX_VALUE);
        boolean isInvite = flag();
        require(said != null);
        pending = said == null ? null : new Party.Pending(kind, said, cseq, isInvite);
      }
      Signals signals = signals();
      Signals refresh = flag() ? signals() : null;
      long refreshCseq = number(0, Long.MAX_VALUE);
      return new Party(media, pending, signals, refresh, refreshCseq, number(-1, Long.MAX_VALUE));
    }

    private @Nullable Media media() {
      int streams = index(STREAMS_MAX + 3) - 2;
      if (streams < 0 || !isOk()) {
        return streams == -1 && isOk() ? Media.UNKNOWN : null;
      }
      Media.Builder media = new Media.Builder(streams).seenAddress(address());
      for (int stream = 0; stream < streams; stream++) {
        media.add(
            one(Media.KINDS),
            address(),
            port(),
            place(),
            address(),
            port(),
            place(),
            flag(),
            flag(),
            flag(),
            (int) number(-1, streams - 1L));
        media.seen(port(), port());
      }
      Media read = media.build();
      for (int stream = 0; stream < streams; stream++) {
        require(isSound(read.place(stream), read.address(stream), read.port(stream)));
        require(isSound(read.rtcpPlace(stream), read.rtcpAddress(stream), read.rtcpPort(stream)));
      }
      return read;
    }

    private static boolean isSound(Place place, @Nullable InetAddress address, int port) {
      return place == Place.NONE || (address != null && port > 0);
    }

    private Place place() {
      return one(Media.PLACES);
    }

    private Signals signals() {
      List<Signals.One> all = new ArrayList<>();
      for (int left = index(Signals.MOST + 1); left > 0 && isOk(); left--) {
        Signal.Kind kind = flag() ? Signal.Kind.CONTACT : Signal.Kind.RECORD_ROUTE;
        Endpoint endpoint = endpoint();
        boolean portNamed = flag();
        Transport transport = flag() ? Transport.TCP : Transport.UDP;
        Place place = place();
        Endpoint inside = endpoint();
        Endpoint seen = flag() ? endpoint() : null;
        if (endpoint != null && inside != null) {
          require(place == Place.NONE || inside.port() > 0);
          all.add(
              new Signals.One(
                  new Signal(kind, endpoint, portNamed, transport), place, inside, seen));
        }
      }
      return all.isEmpty() ? Signals.NONE : new Signals(all);
    }
  }
}
