package org.pinholed.helper.sip.registration;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Announced;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.policy.MediaPolicy;
import org.pinholed.helper.sip.policy.MediaPolicy.Destination;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.sip.registration.Registration.Asked;
import org.pinholed.helper.sip.registration.Registration.Binding;
import org.pinholed.helper.sip.registration.Registration.Place;
import org.pinholed.helper.sip.registration.Registration.Wanted;
import org.pinholed.helper.sip.words.SipReason;

/**
 * The registrations of a flow, shared with all other flows of the protocol. One per flow, used by
 * its thread only.
 *
 * <p>A request takes the ports of its contacts, shut. They open at a 2xx of the same Call-ID, CSeq
 * and branch that comes from where the request went, for the time that this grants: the {@code
 * expires} of the contact, else Expires, else 3600 s, at most 24 h (RFC 3261 section 10.2.4). What
 * a 2xx does not list any more closes (section 10.3, step 8).
 */
public final class Registrations {
  private static final Comparator<Binding> LONGEST_FIRST =
      (one, other) -> Long.signum(other.endNs() - one.endNs());

  private static final Duration ASKED = Duration.ofSeconds(32);
  private static final long EXPIRES_USUAL = 3600;
  private static final long EXPIRES_MAX = Duration.ofHours(24).toSeconds();

  private final FlowFacts facts;
  private final SipSettings settings;
  private final MediaPolicy policy;
  private final RegistrationNames names;
  private final SharedMap<Registration> registrations;
  private final RegistrationsOfSource ofSource;
  private final UnopenedRegisters unopened = new UnopenedRegisters();

  /**
   * Makes the registrations of a flow.
   *
   * @param facts the flow
   * @param shared what all flows share
   * @param settings what the entry allows
   */
  public Registrations(FlowFacts facts, SharedState shared, SipSettings settings) {
    this.facts = facts;
    this.settings = settings;
    policy = new MediaPolicy(facts, settings);
    names = new RegistrationNames(facts);
    registrations = shared.map("registrations", settings.registrations(), Registration.CODEC);
    ofSource = new RegistrationsOfSource(shared, settings.registrationsPerSource());
  }

  /**
   * What makes the hashes of its messages.
   *
   * @return the same at every call
   */
  public RegistrationNames names() {
    return names;
  }

  /**
   * Takes a REGISTER. Takes ports for its contacts, which open at the answer.
   *
   * @param message what it says
   * @param nowNs the time that the helper was given with its bytes
   * @param out takes the outcomes
   * @return what the registrar must see
   */
  public SeenContacts onRequest(RegisterMessage message, long nowNs, OutcomeSink out) {
    // Whoever came in by a pinhole could have one opened to himself, by a phone that plays
    // registrar.
    // The phone that took the connection may speak on it: over UDP it is the same flow for both.
    boolean isLetIn = facts.announcement() != null && message.direction() == Direction.ORIGINAL;
    SipReason refusal =
        isLetIn
            ? SipReason.REGISTER_IN_CHILD
            : message.contacts().size() > settings.contacts() ? SipReason.TOO_MANY_CONTACTS : null;
    InetAddress source = facts.sender(message.direction()).address();
    boolean asks = message.all() || !message.contacts().isEmpty();
    if (refusal == null && asks && !ofSource.take(source, message.registration(), ASKED, nowNs)) {
      refusal = SipReason.TOO_MANY_REGISTRATIONS_OF_SOURCE;
    }
    if (refusal != null) {
      return refused(refusal, message, out);
    }
    List<@Nullable Place> places = new ArrayList<>();
    for (RegisterMessage.Contact contact : message.contacts()) {
      places.add(place(contact, message, out));
    }
    if (!asks) {
      unopened.add(message);
      return SeenContacts.NONE;
    }
    return ask(message, places, nowNs, out);
  }

  private SeenContacts refused(SipReason reason, RegisterMessage message, OutcomeSink out) {
    out.report(reason, message.streamOffset());
    unopened.add(message);
    return SeenContacts.NONE;
  }

  /** Where a contact is; null if nothing is opened for it. */
  private @Nullable Place place(
      RegisterMessage.Contact contact, RegisterMessage message, OutcomeSink out) {
    Transport transport = contact.transport();
    if (transport == null) {
      out.report(SipReason.CONTACT_TRANSPORT, message.streamOffset());
      return null;
    }
    Destination destination =
        policy.signalling(contact.endpoint(), transport, message.direction(), out);
    SipReason refusal = destination.refusal();
    if (refusal != null) {
      out.report(refusal, message.streamOffset());
      return null;
    }
    return destination.place() == MediaPolicy.Place.HAIRPIN
        ? null // that other phone registers itself
        : new Place(
            transport,
            destination.endpoint(),
            destination.place() == MediaPolicy.Place.SEEN,
            contact.portNamed(),
            null);
  }

  private SeenContacts ask(
      RegisterMessage message, List<@Nullable Place> places, long nowNs, OutcomeSink out) {
    Registration known = registrations.get(message.registration(), nowNs);
    if (known == null && !hasPlace(message, nowNs)) {
      return refused(SipReason.TOO_MANY_REGISTRATIONS, message, out);
    }
    Pinholes pinholes = new Pinholes(message, message.direction(), out);
    List<@Nullable Endpoint> seen = new ArrayList<>();
    List<Wanted> wanted = new ArrayList<>();
    for (int at = 0; at < places.size(); at++) {
      Place place = places.get(at);
      Endpoint outside = place == null ? null : pinholes.ask(place, ASKED);
      seen.add(outside == null || (place != null && place.isSeen()) ? null : outside);
      if (place != null && outside != null) {
        wanted.add(
            new Wanted(
                new Place(
                    place.transport(), place.inside(), place.isSeen(), place.portNamed(), outside),
                expires(message.contacts().get(at).expires(), message.expires())));
      }
    }
    Asked asked =
        new Asked(
            message.transaction(), message.cseq(), message.all(), wanted, nowNs + ASKED.toNanos());
    registrations.change(
        message.registration(),
        nowNs,
        before -> kept(with(before == null ? Registration.NONE : before, asked, nowNs), nowNs));
    if (known == null || known.bindings().isEmpty()) {
      pinholes.named("asked");
    }
    return new SeenContacts(seen);
  }

  private boolean hasPlace(RegisterMessage message, long nowNs) {
    return registrations.change(
        message.registration(),
        nowNs,
        before -> before == null ? kept(Registration.NONE, nowNs) : kept(before, nowNs));
  }

  private static Registration with(Registration before, Asked asked, long nowNs) {
    Registration now = before.at(nowNs);
    List<Asked> all = new ArrayList<>(now.asked());
    all.removeIf(
        one -> one.cseq() == asked.cseq() && one.transaction().equals(asked.transaction()));
    all.add(asked);
    return new Registration(
        all.subList(Math.max(0, all.size() - Registration.ASKED_MAX), all.size()), now.bindings());
  }

  private static SharedMap.@Nullable Kept<Registration> kept(Registration value, long nowNs) {
    return new SharedMap.Kept<>(value, Duration.ofNanos(value.leftNs(nowNs)));
  }

  /**
   * Takes an answer to a REGISTER.
   *
   * @param message what it says
   * @param nowNs the time that the helper was given with its bytes
   * @param out takes the outcomes
   * @return what the phone must see
   */
  public SeenContacts onAnswer(RegisterMessage message, long nowNs, OutcomeSink out) {
    // Before anything closes: an answer that takes a contact out may list it once more.
    List<@Nullable Endpoint> seen = new ArrayList<>();
    for (RegisterMessage.Contact contact : message.contacts()) {
      seen.add(inside(contact, message.direction(), out));
    }
    if (message.isSuccess()) {
      Registration known = registrations.get(message.registration(), nowNs);
      Asked asked = known == null ? null : known.answeredBy(message);
      if (known != null && asked != null) {
        granted(message, known.at(nowNs), asked, nowNs, out);
      } else if (!message.contacts().isEmpty() && !unopened.has(message)) {
        out.report(SipReason.REGISTER_UNASKED, message.streamOffset());
      }
    }
    return new SeenContacts(seen);
  }

  private @Nullable Endpoint inside(
      RegisterMessage.Contact contact, Direction direction, OutcomeSink out) {
    Transport transport = contact.transport();
    Announced leads = transport == null ? null : out.announced(transport, contact.endpoint());
    InetAddress phone = facts.sender(direction.opposite()).address();
    return leads != null && leads.destination().address().equals(phone)
        ? leads.destination()
        : null;
  }

  private void granted(
      RegisterMessage message, Registration known, Asked asked, long nowNs, OutcomeSink out) {
    Pinholes pinholes = new Pinholes(message, message.direction().opposite(), out);
    boolean lists = !message.contacts().isEmpty() || message.othersListed();
    List<Wanted> all = new ArrayList<>(asked.contacts());
    for (Binding binding : known.bindings()) {
      if (all.stream().noneMatch(one -> one.place().isSame(binding.place()))) {
        long left = (binding.endNs() - nowNs) / 1_000_000_000L;
        all.add(new Wanted(binding.place(), asked.all() ? 0 : left));
      }
    }
    List<Binding> bindings = new ArrayList<>();
    int ofAsked = 0;
    for (Wanted one : all) {
      boolean isAsked = asked.contacts().contains(one);
      long seconds = grantedSeconds(message, one, lists, isAsked);
      if (seconds > 0 && message.mayOpen()) {
        if (pinholes.open(one.place(), Duration.ofSeconds(seconds))) {
          bindings.add(new Binding(one.place(), nowNs + seconds * 1_000_000_000L));
        }
      } else if (seconds == 0) {
        pinholes.close(one.place());
      }
      if (isAsked) {
        pinholes.forget(one.place());
        ofAsked = bindings.size();
      }
    }
    if (bindings.size() > settings.contacts()) {
      // Those that were asked for just now come first and stay, of the others what lasts longest.
      bindings.subList(ofAsked, bindings.size()).sort(LONGEST_FIRST);
      List<Binding> tooMany = bindings.subList(settings.contacts(), bindings.size());
      tooMany.forEach(one -> pinholes.close(one.place()));
      tooMany.clear();
      out.report(SipReason.TOO_MANY_CONTACTS, message.streamOffset());
    }
    if (lists || asked.all()) {
      pinholes.closeOthers(staying(message, bindings, out));
    }
    Registration after = new Registration(List.of(), bindings);
    registrations.change(
        message.registration(),
        nowNs,
        before -> {
          // Requests before the one that was answered are over: a late copy of an answer to them
          // must not bring back what this one closed.
          List<Asked> still = (before == null ? known : before.at(nowNs)).asked();
          int from = Math.max(0, still.indexOf(asked));
          return kept(new Registration(still.subList(from, still.size()), bindings), nowNs);
        });
    InetAddress source = facts.sender(message.direction().opposite()).address();
    if (bindings.isEmpty()) {
      ofSource.release(source, message.registration(), nowNs);
    } else {
      ofSource.take(source, message.registration(), Duration.ofNanos(after.leftNs(nowNs)), nowNs);
      pinholes.named("registered");
    }
  }

  /** The groups of what is open now, and of what the answer lists besides. */
  private Set<String> staying(RegisterMessage message, List<Binding> bindings, OutcomeSink out) {
    Set<String> staying = new HashSet<>();
    for (Binding binding : bindings) {
      staying.add(Pinholes.granted(binding.place().transport(), binding.place().inside()));
    }
    for (RegisterMessage.Contact contact : message.contacts()) {
      Transport transport = contact.transport();
      Endpoint inside = inside(contact, message.direction(), out);
      if (transport != null && expires(contact.expires(), message.expires()) > 0) {
        staying.add(Pinholes.granted(transport, inside == null ? contact.endpoint() : inside));
      }
    }
    return staying;
  }

  /** How long a contact is open from now on; 0 if it is not. */
  private static long grantedSeconds(
      RegisterMessage message, Wanted wanted, boolean lists, boolean isAsked) {
    for (RegisterMessage.Contact contact : message.contacts()) {
      if (wanted.place().isNamed(contact)) {
        return Math.min(EXPIRES_MAX, expires(contact.expires(), message.expires()));
      }
    }
    if (lists) {
      return 0;
    }
    // Registrars that list nothing: what was asked for counts, and what was granted before.
    return isAsked && wanted.expires() > 0 && message.expires() >= 0
        ? Math.min(EXPIRES_MAX, message.expires())
        : Math.min(EXPIRES_MAX, wanted.expires());
  }

  private static long expires(long ofContact, long ofMessage) {
    return ofContact >= 0 ? ofContact : ofMessage >= 0 ? ofMessage : EXPIRES_USUAL;
  }
}
