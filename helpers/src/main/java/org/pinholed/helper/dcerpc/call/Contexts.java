package org.pinholed.helper.dcerpc.call;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.pdu.BindResultView;
import org.pinholed.helper.dcerpc.pdu.BindView;
import org.pinholed.helper.dcerpc.pdu.PduView;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.Service;
import org.pinholed.helper.dcerpc.words.Syntax;

/**
 * The presentation contexts of one association (C706 12.6.4.3, MS-RPCE 3.3.1.5): those that were
 * accepted for an interface that is read, and those that are offered and not answered yet. Bounded.
 * Not thread-safe.
 */
public final class Contexts {
  /** How many accepted contexts of interfaces that are read there can be. */
  public static final int MOST = 256;

  /** How many elements of binds can wait for their answer: two binds of the greatest length. */
  private static final int OFFERED_MOST = 510;

  private int[] ids = new int[2];
  private Service[] services = new Service[2];
  private Syntax[] syntaxes = new Syntax[2];
  private int count;

  private Offer[] offers = new Offer[0];
  private int offered;

  /** One element of a bind that was not answered. */
  private static final class Offer {
    private int callId;
    private int id;
    private @Nullable Service service;
    private int syntaxes;
  }

  /** Makes it empty. */
  public Contexts() {}

  /**
   * Takes what a client offers.
   *
   * @param pdu a bind or alter_context, whole
   * @param view reads it
   * @return why a part of it is left out; null if nothing is
   */
  public @Nullable DceRpcReason offer(PduView pdu, BindView view) {
    int callId = pdu.callId();
    withdraw(callId);
    int elements = view.wrap(pdu);
    if (elements < 0) {
      return DceRpcReason.BAD_BIND;
    }
    if (offered + elements > OFFERED_MOST) {
      return DceRpcReason.TOO_MANY_CONTEXTS;
    }
    int taken = 0;
    while (view.next()) {
      Offer offer = room();
      offer.callId = callId;
      offer.id = view.id();
      offer.service = Service.of(view.high(), view.low(), view.majorVersion());
      offer.syntaxes = offer.service == null ? 0 : view.syntaxes();
      taken++;
    }
    return taken < elements ? DceRpcReason.BAD_BIND : null;
  }

  private Offer room() {
    if (offered == offers.length) {
      offers = Arrays.copyOf(offers, Math.min(OFFERED_MOST, offered == 0 ? 4 : 4 * offered));
      for (int at = offered; at < offers.length; at++) {
        offers[at] = new Offer();
      }
    }
    return offers[offered++];
  }

  /**
   * Takes what a server answers.
   *
   * @param pdu a bind_ack or alter_context_resp, whole
   * @param view reads it
   * @return why a part of it is left out; null if nothing is
   */
  public @Nullable DceRpcReason answer(PduView pdu, BindResultView view) {
    int callId = pdu.callId();
    DceRpcReason reason = null;
    int results = view.wrap(pdu);
    int read = 0;
    for (int at = firstOffer(callId); view.next(); read++) {
      if (at < offered && offers[at].callId == callId) {
        if (view.isAccepted()) {
          DceRpcReason refused = accept(offers[at], view.syntax());
          reason = reason == null ? refused : reason;
        }
        at++;
      }
    }
    withdraw(callId);
    return (reason == null && read < results) || results < 0 ? DceRpcReason.BAD_BIND : reason;
  }

  private @Nullable DceRpcReason accept(Offer offer, @Nullable Syntax syntax) {
    int at = indexOf(offer.id);
    Service service = offer.service;
    boolean isOffered = syntax != null && (offer.syntaxes & syntax.bit()) != 0;
    if (service == null || syntax == null || !isOffered) {
      if (at >= 0) {
        remove(at); // the number means something else from now on
      }
      return service == null ? null : DceRpcReason.SYNTAX_NOT_OFFERED;
    }
    if (at < 0) {
      if (count == MOST) {
        return DceRpcReason.TOO_MANY_CONTEXTS;
      }
      at = count++;
      if (at == ids.length) {
        ids = Arrays.copyOf(ids, 4 * at);
        services = Arrays.copyOf(services, 4 * at);
        syntaxes = Arrays.copyOf(syntaxes, 4 * at);
      }
    }
    ids[at] = offer.id;
    services[at] = service;
    syntaxes[at] = syntax;
    return null;
  }

  private void remove(int at) {
    count--;
    ids[at] = ids[count];
    services[at] = services[count];
    syntaxes[at] = syntaxes[count];
  }

  /**
   * Forgets what a bind offered.
   *
   * @param callId the call that offered it
   */
  public void withdraw(int callId) {
    int kept = 0;
    for (int at = 0; at < offered; at++) {
      if (offers[at].callId != callId) {
        Offer withdrawn = offers[kept];
        offers[kept++] = offers[at];
        offers[at] = withdrawn;
      }
    }
    offered = kept;
  }

  private int firstOffer(int callId) {
    int at = 0;
    while (at < offered && offers[at].callId != callId) {
      at++;
    }
    return at;
  }

  /**
   * Where a context is.
   *
   * @param id its number
   * @return for {@link #service} and {@link #syntax}; -1 if its calls are not read
   */
  public int indexOf(int id) {
    for (int at = 0; at < count; at++) {
      if (ids[at] == id) {
        return at;
      }
    }
    return -1;
  }

  /**
   * The interface of a context.
   *
   * @param index as {@link #indexOf} says
   * @return the service
   */
  public Service service(int index) {
    return services[index];
  }

  /**
   * How the arguments of its calls are written.
   *
   * @param index as {@link #indexOf} says
   * @return the transfer syntax
   */
  public Syntax syntax(int index) {
    return syntaxes[index];
  }

  /**
   * Whether there is none.
   *
   * @return true if no call can be read
   */
  public boolean isEmpty() {
    return count == 0;
  }

  void write(SnapshotWriter to) {
    to.number(count);
    for (int at = 0; at < count; at++) {
      to.number(ids[at]);
      to.number(services[at].high());
      to.number(services[at].low());
      to.number(syntaxes[at].bit());
    }
    to.number(offered);
    for (int at = 0; at < offered; at++) {
      Offer offer = offers[at];
      to.number(Integer.toUnsignedLong(offer.callId));
      to.number(offer.id);
      to.number(offer.service == null ? 0 : offer.service.high());
      to.number(offer.service == null ? 0 : offer.service.low());
      to.number(offer.syntaxes);
    }
  }

  static Contexts read(SnapshotReader from) {
    Contexts contexts = new Contexts();
    int accepted = from.number(MOST);
    Offer offer = new Offer();
    for (int at = 0; at < accepted && from.ok(); at++) {
      offer.id = from.number(0xffff);
      offer.service = from.service();
      Syntax syntax = from.syntax();
      offer.syntaxes = syntax.bit();
      contexts.accept(offer, syntax);
    }
    int waiting = from.number(OFFERED_MOST);
    for (int at = 0; at < waiting && from.ok(); at++) {
      Offer next = contexts.room();
      next.callId = from.number32();
      next.id = from.number(0xffff);
      next.service = from.serviceOrNone();
      next.syntaxes = from.number(Syntax.NDR.bit() | Syntax.NDR64.bit());
    }
    return contexts;
  }
}
