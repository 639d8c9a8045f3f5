package org.pinholed.helper.sip.registration;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.registration.Registration.Place;
import org.pinholed.helper.sip.words.OwnerKind;
import org.pinholed.helper.sip.words.SipWord;

/**
 * What one message does to the pinholes of a registration. Each contact has two groups: {@code q}
 * with its name for what is asked, shut, and {@code r} for what is granted. So a request that is
 * not answered changes nothing of what was granted before.
 */
final class Pinholes {
  private static final OwnerId.Digest CONTACTS = new OwnerId.Digest("sip contact");
  private static final int NAME_LENGTH = 10;
  private static final char GRANTED = 'r';

  private final RegisterMessage message;
  private final Direction fromPhone;
  private final OutcomeSink out;

  Pinholes(RegisterMessage message, Direction fromPhone, OutcomeSink out) {
    this.message = message;
    this.fromPhone = fromPhone;
    this.out = out;
  }

  /** Takes a port; null if there is none. */
  @Nullable Endpoint ask(Place place, Duration atMost) {
    return expect(request('q', place, new Lifetime.Fixed(atMost)).inactive());
  }

  /** Opens it for the registrar; false if that was refused. */
  boolean open(Place place, Duration granted) {
    return expect(request(GRANTED, place, new Lifetime.Until(granted))) != null;
  }

  void close(Place place) {
    out.close(message.registration(), group(GRANTED, place), OutcomeSink.Children.KEEP);
  }

  /**
   * Shuts what is open for the registration and is not to stay, also what an earlier process has
   * opened, of which nothing else is known.
   *
   * @param staying groups by {@link #granted}
   */
  void closeOthers(Set<String> staying) {
    for (String group : out.groups(message.registration())) {
      if (group.charAt(0) == GRANTED && !staying.contains(group)) {
        out.close(message.registration(), group, OutcomeSink.Children.KEEP);
      }
    }
  }

  /** The group of a contact that is granted. */
  static String granted(Transport transport, Endpoint inside) {
    return group(GRANTED, transport, inside);
  }

  void forget(Place place) {
    out.close(message.registration(), group('q', place), OutcomeSink.Children.KEEP);
  }

  void named(String state) {
    out.named(message.registration(), OwnerKind.REGISTRATION, message.label(), state);
  }

  private @Nullable Endpoint expect(ExpectationRequest.Builder request) {
    return out.expectGroup(List.of(request.build())).get(0).orElse(null);
  }

  private ExpectationRequest.Builder request(char kind, Place place, Lifetime lifetime) {
    ExpectationRequest.Builder request =
        ExpectationRequest.builder(group(kind, place), fromPhone, place.inside(), SipWord.REGISTER)
            .owner(message.registration())
            .item(item(place))
            .transport(place.transport())
            .many()
            .read()
            .lifetime(lifetime)
            .label("registration " + message.label() + " signalling")
            .streamOffset(message.streamOffset());
    return place.isSeen() ? request.text(ExpectationRequest.Text.STAYS) : request;
  }

  // How the contact was written, so that it is given back in the same way: n without a port, o as
  // the endpoint that others see.
  private static String item(Place place) {
    return place.isSeen() ? "co" : place.portNamed() ? "c" : "cn";
  }

  private static String group(char kind, Place place) {
    return group(kind, place.transport(), place.inside());
  }

  /** Made of the contact alone, so that the next process finds it again. */
  private static String group(char kind, Transport transport, Endpoint inside) {
    int port = inside.port();
    byte[] rest = {(byte) (port >> 8), (byte) port, (byte) (transport == Transport.TCP ? 1 : 0)};
    OwnerId name = CONTACTS.of(inside.address().getAddress(), rest);
    return kind + name.text().substring(0, NAME_LENGTH);
  }
}
