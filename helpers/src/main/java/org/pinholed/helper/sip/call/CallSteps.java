package org.pinholed.helper.sip.call;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OutcomeSink.Children;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.call.Step.Opening;
import org.pinholed.helper.sip.policy.MediaPolicy.Place;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.sip.words.OwnerKind;

/**
 * Does the steps that follow from one message, and takes down what others see of what was opened.
 */
final class CallSteps {
  private final SipSettings settings;
  private final CallMessage message;
  private final OutcomeSink out;
  private final IdentityHashMap<Media, Media> seenMedia = new IdentityHashMap<>();
  private final Map<Signals, Signals> seenSignals = new HashMap<>();

  CallSteps(SipSettings settings, CallMessage message, OutcomeSink out) {
    this.settings = settings;
    this.message = message;
    this.out = out;
  }

  void carryOut(List<Step> steps) {
    for (Step step : steps) {
      if (step instanceof Step.OpenMedia open) {
        open(open);
      } else if (step instanceof Step.OpenSignals open) {
        open(open);
      } else if (step instanceof Step.Close close) {
        out.close(message.call(), close.group(), close.isMedia() ? cut() : Children.KEEP);
      } else if (step instanceof Step.Keep keep) {
        out.keepOwner(message.call(), keep.atMost(), cut());
      } else if (step instanceof Step.Settle) {
        out.settle(message.call());
      } else if (step instanceof Step.Prolong prolong) {
        out.prolong(message.call(), prolong.longest());
      } else if (step instanceof Step.Named named) {
        out.named(message.call(), OwnerKind.CALL, message.label(), named.state());
      } else if (step instanceof Step.Refuse refuse) {
        out.report(refuse.reason(), message.streamOffset());
      } else {
        out.endOwner(message.call(), cut());
      }
    }
  }

  private Children cut() {
    return settings.cutMedia() ? Children.CUT : Children.KEEP;
  }

  /**
   * What is opened, with what others see of it; the same for what was not opened by this message.
   */
  Media seen(Media media) {
    return seenMedia.getOrDefault(media, media);
  }

  Signals seen(Signals signals) {
    return seenSignals.getOrDefault(signals, signals);
  }

  /** The call, with what others see of its ports. */
  Call noted(Call call) {
    Call noted = call;
    for (Map.Entry<Media, Media> each : seenMedia.entrySet()) {
      noted = noted.replacing(each.getKey(), each.getValue());
    }
    for (Map.Entry<Signals, Signals> each : seenSignals.entrySet()) {
      noted = noted.replacing(each.getKey(), each.getValue());
    }
    return noted;
  }

  /** Whether there is anything to note. */
  boolean hasNews() {
    return !seenMedia.isEmpty() || !seenSignals.isEmpty();
  }

  private void open(Step.OpenMedia open) {
    Media media = open.media();
    Requests requests = new Requests(2 * media.streams());
    for (int at = 0; at < media.streams(); at++) {
      Opening opening = open.openings().get(at);
      Transport transport = media.kind(at).transport();
      if (opening == null || transport == null) {
        continue;
      }
      boolean asked = false;
      if (media.place(at) != Place.NONE) {
        Endpoint rtp = media.rtp(at);
        String what = media.kind(at).name().toLowerCase(Locale.ROOT);
        asked =
            requests.add(
                at, request(open, rtp, media.place(at), "" + at, what, transport, opening));
      }
      if (opening.rtcp() && media.rtcpPlace(at) != Place.NONE) {
        Endpoint rtcp = media.rtcp(at);
        ExpectationRequest.Builder request =
            request(open, rtcp, media.rtcpPlace(at), at + "c", "rtcp", transport, opening);
        boolean isNext =
            media.rtcpPort(at) == media.port(at) + 1
                && rtcp.address().equals(media.address(at))
                && asked;
        requests.add(media.streams() + at, isNext ? request.pairedWith("" + at) : request);
      }
    }
    @Nullable Endpoint[] seen = requests.expect(open.group());
    boolean[] asked = requests.asked();
    for (int at = 0; at < media.streams(); at++) {
      if (asked[at] && seen[at] == null) {
        // A port is missing: half of a description leads nowhere, so nothing of it is shown.
        Arrays.fill(seen, null);
        Arrays.fill(asked, true);
        break;
      }
    }
    Media shown = media.withSeen(seen, asked);
    if (shown != media) {
      seenMedia.put(media, shown);
    }
  }

  private ExpectationRequest.Builder request(
      Step.OpenMedia open,
      Endpoint destination,
      Place place,
      String item,
      String what,
      Transport transport,
      Opening opening) {
    ExpectationRequest.Builder request =
        begin(open.group(), open.announcedIn(), destination, place, item, open.lifetime())
            .transport(transport)
            .label(label(what));
    opening.source().addTo(request);
    return request;
  }

  private ExpectationRequest.Builder begin(
      String group,
      Direction announcedIn,
      Endpoint destination,
      Place place,
      String item,
      Lifetime.WithOwner lifetime) {
    ExpectationRequest.Builder request =
        ExpectationRequest.builder(group, announcedIn, destination, message.word())
            .owner(message.call())
            .item(item)
            .many()
            .lifetime(lifetime)
            .streamOffset(message.streamOffset());
    if (!message.mayOpen()) {
      request.inactive(); // what is open already stays so
    }
    return place == Place.SEEN ? request.text(ExpectationRequest.Text.STAYS) : request;
  }

  /** What operators call a port of the call, for example {@code call ***@x -> ***@y rtcp}. */
  private String label(String what) {
    return "call " + message.label() + " " + what;
  }

  private void open(Step.OpenSignals open) {
    List<Signals.One> all = open.signals().all();
    Requests requests = new Requests(all.size());
    for (int at = 0; at < all.size(); at++) {
      Signals.One one = all.get(at);
      if (one.place() != Place.NONE) {
        requests.add(
            at,
            begin(
                    open.group(),
                    open.announcedIn(),
                    one.inside(),
                    one.place(),
                    one.item(at),
                    open.lifetime())
                .transport(one.signal().transport())
                .label(label("signalling"))
                .read());
      }
    }
    Signals shown = open.signals().withSeen(requests.expect(open.group()));
    if (!shown.equals(open.signals())) {
      seenSignals.put(open.signals(), shown);
    }
  }

  /** The requests of one group. What is named twice is asked for once. */
  private final class Requests {
    private final List<ExpectationRequest> requests = new ArrayList<>();

    /** Of each place for an answer the index of its request, plus 1. */
    private final int[] indexes;

    Requests(int places) {
      indexes = new int[places];
    }

    /** Adds what a place is answered with; false if another one has asked for that already. */
    boolean add(int place, ExpectationRequest.Builder builder) {
      ExpectationRequest request = builder.build();
      for (int at = 0; at < requests.size(); at++) {
        ExpectationRequest other = requests.get(at);
        if (other.destination().equals(request.destination())
            && other.transport() == request.transport()) {
          indexes[place] = at + 1;
          return false;
        }
      }
      requests.add(request);
      indexes[place] = requests.size();
      return true;
    }

    /** Which places wait for an answer. */
    boolean[] asked() {
      boolean[] asked = new boolean[indexes.length];
      for (int place = 0; place < asked.length; place++) {
        asked[place] = indexes[place] > 0;
      }
      return asked;
    }

    @Nullable Endpoint[] expect(String group) {
      @Nullable Endpoint[] seen = new Endpoint[indexes.length];
      if (requests.isEmpty()) {
        out.close(message.call(), group, cut());
        return seen;
      }
      List<Optional<Endpoint>> answers = out.expectGroup(requests);
      for (int place = 0; place < indexes.length; place++) {
        if (indexes[place] > 0) {
          seen[place] = answers.get(indexes[place] - 1).orElse(null);
        }
      }
      return seen;
    }
  }
}
