package org.pinholed.helper.sip;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.message.Span;
import org.pinholed.helper.sip.message.UriView;
import org.pinholed.helper.sip.sdp.SdpMedia;
import org.pinholed.helper.sip.sdp.SdpView;

/**
 * What operators read of a message. User parts are masked unless they are to be shown; of other
 * fields nothing is shown that may name somebody.
 */
final class SipText {
  private static final String MASKED = "***";
  private static final String[] SCHEMES = {"tel:", "sip:", "sips:", "urn:", "mailto:"};

  private final boolean partiesShown;

  SipText(boolean partiesShown) {
    this.partiesShown = partiesShown;
  }

  /**
   * A party as operators see it.
   *
   * @param uri of From, To or a request line
   * @return for example {@code ***@example.com}; of other schemes than sip and sips the scheme at
   *     most
   */
  String party(UriView uri) {
    if (uri.isAbsent()) {
      return MASKED;
    }
    if (partiesShown) {
      String user = uri.user().isAbsent() ? "" : withoutPassword(uri.user().text()) + "@";
      return uri.scheme() == UriView.Scheme.OTHER ? uri.text() : user + host(uri);
    }
    if (uri.scheme() == UriView.Scheme.OTHER) {
      return scheme(uri.text()) + MASKED;
    }
    return uri.user().isAbsent() ? host(uri) : MASKED + "@" + host(uri);
  }

  private static String withoutPassword(String user) {
    int colon = user.indexOf(':');
    return colon < 0 ? user : user.substring(0, colon);
  }

  // What cannot be read may have a name where a scheme should be: only known ones are shown.
  private static String scheme(String uri) {
    for (String scheme : SCHEMES) {
      if (uri.regionMatches(true, 0, scheme, 0, scheme.length())) {
        return scheme;
      }
    }
    return "";
  }

  private static String host(UriView uri) {
    return uri.host().text();
  }

  /**
   * Who speaks with whom.
   *
   * @param message any
   * @return for example {@code ***@example.com -> ***@example.com}
   */
  String parties(SipMessage message) {
    return party(message.fromUri()) + " -> " + party(message.toUri());
  }

  /**
   * One line of the trace.
   *
   * @param message any
   * @param call the owner of its call
   * @param sdp its description; null if it has none that can be read
   * @return for example {@code INVITE cseq 1 call k3x... sdp audio 192.0.2.10:4000}
   */
  String line(SipMessage message, OwnerId call, @Nullable SdpView sdp) {
    StringBuilder text = new StringBuilder();
    if (message.isRequest()) {
      text.append(message.word().word());
    } else {
      text.append(message.status()).append(" to ").append(message.method().word());
    }
    text.append(" cseq ").append(message.cseq()).append(" call ").append(call);
    for (int at = 0; sdp != null && at < sdp.streams(); at++) {
      SdpMedia media = sdp.media(at);
      text.append(at == 0 ? " sdp " : ", ").append(type(message, media)).append(' ');
      if (media.refusal() != null) {
        text.append(media.refusal().word());
      } else if (media.port() == 0) {
        text.append("off");
      } else {
        text.append(AddressText.of(media.connection().address())).append(':');
        text.append(media.port()).append(media.isHeld() ? " held" : "");
      }
    }
    return text.toString();
  }

  // What kind of stream it is may be any word; the known ones name nobody.
  private static String type(SipMessage message, SdpMedia media) {
    StringBuilder type = new StringBuilder();
    for (int at = media.typeFrom(); at < media.typeTo(); at++) {
      type.append((char) message.cursor().u8At(at));
    }
    return switch (type.toString()) {
      case "audio", "video", "image", "application", "text", "message" -> type.toString();
      default -> "other";
    };
  }

  /**
   * The digits of a tag or branch as text.
   *
   * @param span any
   * @return empty if it is absent
   */
  static byte[] bytes(Span span) {
    return span.isAbsent() ? new byte[0] : span.bytes();
  }
}
