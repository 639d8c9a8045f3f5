package org.pinholed.helper.testkit;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Announced;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;
import org.pinholed.helper.Transport;

/**
 * What is open because of what helpers say: groups, owners, times, and ports of translated
 * addresses, as the agent has them. Of several flows; each has a {@link #sink}. For one thread.
 */
public final class PinholeModel {
  private static final int PORT_MAX = 65535;

  private final Map<Group, List<Held>> groups = new LinkedHashMap<>();
  private final Map<OwnerId, Long> ends = new HashMap<>();
  private final Map<OwnerId, String> states = new LinkedHashMap<>();
  private final Map<Endpoint, Endpoint> outside = new HashMap<>();
  private final Set<Endpoint> taken = new HashSet<>();
  private final List<String> reasons = new ArrayList<>();
  private final Set<String> cut = new TreeSet<>();
  private long nowNs;
  private int calls;

  private record Group(@Nullable OwnerId owner, String name) {}

  private record Held(
      ExpectationRequest request,
      Endpoint seen,
      InetAddress peer,
      long endNs,
      boolean active,
      Lifetime.@Nullable Provisional provisional) {
    Held activated() {
      return new Held(request, seen, peer, endNs, true, provisional);
    }

    Held prolonged(long untilNs) {
      return new Held(request, seen, peer, Math.max(endNs, untilNs), active, provisional);
    }

    Held settled() {
      return new Held(request, seen, peer, endNs, active, null);
    }

    String text() {
      String source =
          switch (request.source()) {
            case PEER -> peer.getHostAddress();
            case ADDRESS -> Objects.requireNonNull(request.sourceAddress()).getHostAddress();
            case ANY -> "*";
          };
      return (request.transport() == Transport.UDP ? "" : "tcp ")
          + source
          + " > "
          + request.destination();
    }
  }

  /** Makes a firewall in which nothing is open. */
  public PinholeModel() {}

  /**
   * Says that somebody else has a port of a translated address.
   *
   * @param endpoint address and port
   */
  public void taken(Endpoint endpoint) {
    taken.add(endpoint);
  }

  /**
   * Lets time pass.
   *
   * @param time how long
   */
  public void pass(Duration time) {
    nowNs += time.toNanos();
    for (Map.Entry<OwnerId, Long> end : new HashMap<>(ends).entrySet()) {
      if (end.getValue() <= nowNs) {
        end(end.getKey(), true);
      }
    }
    for (List<Held> held : groups.values()) {
      held.removeIf(one -> one.endNs() <= nowNs);
    }
    forgetEmpty();
  }

  /**
   * The time.
   *
   * @return for the helpers
   */
  public long nowNs() {
    return nowNs;
  }

  /**
   * What is open.
   *
   * @return {@code source > destination}, in order
   */
  public Set<String> open() {
    Set<String> open = new TreeSet<>();
    groups
        .values()
        .forEach(held -> held.stream().filter(Held::active).forEach(one -> open.add(one.text())));
    return open;
  }

  /**
   * What is open for a transport and a receiver, without children that are read.
   *
   * @param receiver its address
   * @return ports
   */
  public Set<Integer> mediaPorts(InetAddress receiver) {
    Set<Integer> ports = new TreeSet<>();
    groups
        .values()
        .forEach(
            held ->
                held.stream()
                    .filter(one -> one.active() && !one.request().isRead())
                    .filter(one -> one.request().destination().address().equals(receiver))
                    .forEach(one -> ports.add(one.request().destination().port())));
    return ports;
  }

  /**
   * The groups that there are.
   *
   * @return names, in order
   */
  public Set<String> groups() {
    Set<String> names = new TreeSet<>();
    groups.keySet().forEach(group -> names.add(group.name()));
    return names;
  }

  /**
   * What was cut.
   *
   * @return {@code source > destination}, in order
   */
  public Set<String> cut() {
    return cut;
  }

  /**
   * Why something was not opened.
   *
   * @return words, in order; taken out
   */
  public List<String> takeReasons() {
    List<String> all = List.copyOf(reasons);
    reasons.clear();
    return all;
  }

  /**
   * What was said of owners that live.
   *
   * @return {@code kind label state}
   */
  public List<String> states() {
    return List.copyOf(states.values());
  }

  /**
   * How often sinks were called.
   *
   * @return since the beginning
   */
  public int calls() {
    return calls;
  }

  /**
   * How long an owner lives.
   *
   * @return of the owner that ends last; empty if none does
   */
  public Optional<Duration> kept() {
    return ends.values().stream().max(Long::compare).map(endNs -> Duration.ofNanos(endNs - nowNs));
  }

  private List<Group> heldBy(OwnerId owner) {
    return groups.keySet().stream().filter(group -> owner.equals(group.owner())).toList();
  }

  /** How long an owner lives if it is found, of which nothing lasts. */
  private Optional<Duration> provisionalOf(OwnerId owner) {
    List<Lifetime.@Nullable Provisional> all = new ArrayList<>();
    heldBy(owner)
        .forEach(
            group ->
                Objects.requireNonNull(groups.get(group))
                    .forEach(one -> all.add(one.provisional())));
    return all.stream().anyMatch(Objects::isNull)
        ? Optional.empty()
        : all.stream().map(one -> Objects.requireNonNull(one).atMost()).max(Duration::compareTo);
  }

  /**
   * The agent is killed, and another one finds what stands. What was not open is gone, and so is
   * what only the old one knew: how long owners live.
   */
  public void kill() {
    ends.clear();
    states.clear();
    groups.values().forEach(held -> held.removeIf(one -> !one.active()));
    forgetEmpty();
    Set<OwnerId> owners = new HashSet<>();
    groups.keySet().forEach(group -> owners.add(group.owner()));
    owners.remove(null);
    for (OwnerId owner : owners) {
      provisionalOf(owner).ifPresent(atMost -> ends.put(owner, nowNs + atMost.toNanos()));
    }
  }

  private void end(OwnerId owner, boolean cuts) {
    ends.remove(owner);
    states.remove(owner);
    for (Group group : List.copyOf(groups.keySet())) {
      if (owner.equals(group.owner())) {
        close(group, cuts);
      }
    }
  }

  private void close(Group group, boolean cuts) {
    List<Held> held = groups.remove(group);
    if (held != null && cuts) {
      held.forEach(this::cutUnlessHeld);
    }
    forgetEmpty();
  }

  private void cutUnlessHeld(Held gone) {
    boolean held =
        groups.values().stream()
            .flatMap(List::stream)
            .anyMatch(one -> one.text().equals(gone.text()));
    if (!held) {
      cut.add(gone.text());
    }
  }

  private void forgetEmpty() {
    for (Iterator<List<Held>> each = groups.values().iterator(); each.hasNext(); ) {
      if (each.next().isEmpty()) {
        each.remove();
      }
    }
    Set<OwnerId> owners = new HashSet<>();
    Set<Endpoint> used = new HashSet<>();
    groups.forEach(
        (group, held) -> {
          owners.add(group.owner());
          held.forEach(one -> used.add(one.seen()));
        });
    ends.keySet().retainAll(owners);
    states.keySet().retainAll(owners);
    outside.values().retainAll(used);
  }

  /**
   * What takes the outcomes of a flow.
   *
   * @param facts the flow
   * @return its sink
   */
  public OutcomeSink sink(FlowFacts facts) {
    return new Sink(facts);
  }

  private final class Sink implements OutcomeSink {
    private final FlowFacts facts;

    Sink(FlowFacts facts) {
      this.facts = facts;
    }

    @Override
    public List<Optional<Endpoint>> expectGroup(List<ExpectationRequest> requests) {
      calls++;
      ExpectationRequest first = requests.get(0);
      Group group = new Group(first.owner(), first.group());
      List<Held> held = new ArrayList<>();
      List<Optional<Endpoint>> answers = new ArrayList<>();
      Map<String, Endpoint> byItem = new HashMap<>();
      Set<String> items = new HashSet<>();
      for (ExpectationRequest request : requests) {
        if (!items.add(request.item())
            || !request.group().equals(first.group())
            || !Objects.equals(request.owner(), first.owner())) {
          throw new IllegalArgumentException(request.group() + "/" + request.item());
        }
        if (request.pairedWith() != null && !items.contains(request.pairedWith())) {
          throw new IllegalArgumentException("paired with nothing: " + request.item());
        }
        boolean hasPair =
            requests.stream().anyMatch(other -> request.item().equals(other.pairedWith()));
        Endpoint seen = seen(request, hasPair, byItem);
        answers.add(Optional.ofNullable(seen));
        if (seen == null) {
          reasons.add("noFreePort");
          continue;
        }
        byItem.put(request.item(), seen);
        InetAddress peer = facts.sender(request.announcedIn().opposite()).address();
        Lifetime lifetime = request.lifetime();
        Lifetime.Provisional provisional =
            lifetime instanceof Lifetime.WithOwner withOwner ? withOwner.provisional() : null;
        held.add(new Held(request, seen, peer, endOf(lifetime), request.active(), provisional));
      }
      groups.put(group, held);
      forgetEmpty();
      return answers;
    }

    private long endOf(Lifetime lifetime) {
      if (lifetime instanceof Lifetime.WithOwner withOwner) {
        return nowNs + Objects.requireNonNull(withOwner.longest()).toNanos();
      }
      if (lifetime instanceof Lifetime.Until until) {
        return nowNs + until.fromNow().toNanos();
      }
      return nowNs + ((Lifetime.Fixed) lifetime).time().toNanos();
    }

    private @Nullable Endpoint seen(
        ExpectationRequest request, boolean hasPair, Map<String, Endpoint> byItem) {
      Direction direction = request.announcedIn();
      Endpoint own = facts.sender(direction);
      Endpoint ownSeen = facts.senderSeenByPeer(direction);
      Endpoint inside = request.destination();
      if (own.equals(ownSeen)) {
        return inside;
      }
      if (inside.equals(own) && request.transport() == facts.transport()) {
        outside.put(inside, ownSeen);
      }
      Endpoint known = outside.get(inside);
      if (known != null) {
        return known;
      }
      Endpoint first = request.pairedWith() == null ? null : byItem.get(request.pairedWith());
      int port = first == null ? inside.port() : first.port() + 1;
      int step = first == null ? 2 : PORT_MAX;
      for (; port <= PORT_MAX; port += step) {
        Endpoint wanted = new Endpoint(ownSeen.address(), port);
        boolean pairFree =
            !hasPair || (port < PORT_MAX && isFree(new Endpoint(ownSeen.address(), port + 1)));
        if (isFree(wanted) && pairFree) {
          outside.put(inside, wanted);
          return wanted;
        }
        if (request.text() == ExpectationRequest.Text.STAYS) {
          return null;
        }
      }
      return null;
    }

    private boolean isFree(Endpoint endpoint) {
      return !taken.contains(endpoint) && !outside.containsValue(endpoint);
    }

    @Override
    public void activate(@Nullable OwnerId owner, String group) {
      calls++;
      groups.computeIfPresent(
          new Group(owner, group),
          (same, held) -> {
            List<Held> active = new ArrayList<>(held);
            active.replaceAll(Held::activated);
            return active;
          });
    }

    @Override
    public void close(@Nullable OwnerId owner, String group, Children children) {
      calls++;
      PinholeModel.this.close(new Group(owner, group), children == Children.CUT);
    }

    @Override
    public void keepOwner(OwnerId owner, Duration atMost, Children children) {
      calls++;
      if (atMost.isNegative() || atMost.isZero()) {
        throw new IllegalArgumentException("atMost: " + atMost);
      }
      ends.put(owner, nowNs + atMost.toNanos());
      forgetEmpty();
    }

    @Override
    public void settle(OwnerId owner) {
      calls++;
      heldBy(owner)
          .forEach(group -> Objects.requireNonNull(groups.get(group)).replaceAll(Held::settled));
    }

    @Override
    public void prolong(OwnerId owner, Duration longest) {
      calls++;
      long untilNs = nowNs + longest.toNanos();
      heldBy(owner)
          .forEach(
              group ->
                  Objects.requireNonNull(groups.get(group))
                      .replaceAll(one -> one.prolonged(untilNs)));
    }

    @Override
    public boolean isProvisional(OwnerId owner) {
      calls++;
      return provisionalOf(owner).isPresent();
    }

    @Override
    public void endOwner(OwnerId owner, Children children) {
      calls++;
      end(owner, children == Children.CUT);
    }

    @Override
    public void named(OwnerId owner, HelperWord kind, String label, String state) {
      calls++;
      states.put(owner, kind.word() + " " + label + " " + state);
      forgetEmpty();
    }

    @Override
    public boolean stands(@Nullable OwnerId owner, String group) {
      calls++;
      return groups.containsKey(new Group(owner, group));
    }

    /** All is announced over flows with the same other end. */
    @Override
    public boolean isKnownTo(Transport transport, Endpoint seen, InetAddress who) {
      return announced(transport, seen) != null;
    }

    @Override
    public Set<String> groups(OwnerId owner) {
      calls++;
      Set<String> names = new TreeSet<>();
      heldBy(owner).forEach(group -> names.add(group.name()));
      return names;
    }

    @Override
    public @Nullable Announced announced(Transport transport, Endpoint seen) {
      calls++;
      for (Map.Entry<Group, List<Held>> each : groups.entrySet()) {
        for (Held held : each.getValue()) {
          ExpectationRequest request = held.request();
          if (request.transport() == transport
              && held.seen().equals(seen)
              && !request.destination().equals(seen)) {
            return new Announced(
                request.destination(), request.owner(), request.group(), request.item());
          }
        }
      }
      return null;
    }

    @Override
    public void edit(long streamOffset, int lengthBytes, byte[] replacement) {
      calls++;
    }

    @Override
    public void report(Reason reason, long streamOffset) {
      reasons.add(reason.word());
    }

    @Override
    public void understood(HelperWord word) {
      calls++;
    }

    @Override
    public void cut(Reason reason, long streamOffset) {
      reasons.add("cut " + reason.word());
    }
  }
}
