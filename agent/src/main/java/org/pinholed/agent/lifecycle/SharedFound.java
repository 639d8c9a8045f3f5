package org.pinholed.agent.lifecycle;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.OwnerId;

/**
 * Who else may have held a pinhole that was found. The kernel has the comment of one of those who
 * held it, so that of the calls of a trunk one is written at the pinhole of their signalling. If
 * this one ended and the pinhole with it, the others would not hear of their own ends any more.
 *
 * <p>So each owner that was found with a pinhole of its own, such as its media, is taken to hold
 * also those pinholes of children that are read (its signalling) which lead to the same host from
 * the same source, or were announced by the same parent. That opens nothing that does not stand,
 * and ends with the owner. Used once, at the start.
 */
final class SharedFound {
  /** How many pinholes an owner is taken to hold besides; a host may have thousands. */
  static final int MOST = 8;

  /** The group of what nobody has said; it ends with its owner. */
  static final String GROUP = "found";

  private final MarkBits marks;
  private final Map<Way, List<FoundPinhole>> signalling = new HashMap<>();
  private final List<FoundPinhole> others = new ArrayList<>();
  private final Map<OwnerId, Set<PinholeKey>> held = new HashMap<>();

  /**
   * What two pinholes have in common that may belong together.
   *
   * @param inside the host that they lead to
   * @param source who may come; null for anybody, and if the parent tells
   * @param parent who announced it; null if the source tells
   */
  private record Way(
      String helper,
      InetAddress outside,
      InetAddress inside,
      @Nullable InetAddress source,
      FoundPinhole.@Nullable Name parent) {
    static Way byParent(FoundPinhole found) {
      return of(found, null, found.parentName());
    }

    static Way bySource(FoundPinhole found) {
      return of(found, found.pinhole().source(), null);
    }

    private static Way of(
        FoundPinhole found, @Nullable InetAddress source, FoundPinhole.@Nullable Name parent) {
      return new Way(
          found.comment().helper(),
          found.pinhole().destination(),
          found.pinhole().leadsTo().address(),
          source,
          parent);
    }
  }

  SharedFound(MarkBits marks) {
    this.marks = marks;
  }

  /** Takes a pinhole that was taken over. */
  void add(FoundPinhole found) {
    OwnerId owner = found.comment().owner();
    if (owner == null) {
      return;
    }
    held.computeIfAbsent(owner, none -> new HashSet<>(4)).add(PinholeKey.of(found.pinhole()));
    if (!marks.isRead(found.pinhole().mark())) {
      others.add(found);
      return;
    }
    note(Way.byParent(found), found);
    note(Way.bySource(found), found);
  }

  private void note(Way way, FoundPinhole found) {
    List<FoundPinhole> same = signalling.computeIfAbsent(way, none -> new ArrayList<>(1));
    if (same.size() < MOST) {
      same.add(found);
    }
  }

  /**
   * What owners are to hold besides what has their comment.
   *
   * @return the pinholes of others, with comments of these owners
   */
  List<FoundPinhole> alsoHeld() {
    Map<OwnerId, List<FoundPinhole>> also = new LinkedHashMap<>();
    for (FoundPinhole own : others) {
      OwnerId owner = Objects.requireNonNull(own.comment().owner());
      List<FoundPinhole> ofOwner = also.computeIfAbsent(owner, none -> new ArrayList<>(2));
      for (Way way : List.of(Way.byParent(own), Way.bySource(own))) {
        for (FoundPinhole shared : signalling.getOrDefault(way, List.of())) {
          boolean isNew =
              own.comment().stay().isLease()
                  && ofOwner.size() < MOST
                  && held.getOrDefault(owner, Set.of()).add(PinholeKey.of(shared.pinhole()));
          if (isNew) {
            ofOwner.add(copy(own, shared, ofOwner.size()));
          }
        }
      }
    }
    return also.values().stream().flatMap(List::stream).toList();
  }

  /** The same pinhole for another owner, with the time that this one has. */
  private static FoundPinhole copy(FoundPinhole own, FoundPinhole shared, int number) {
    String item = number + shared.comment().item(); // its end says how the text was written
    PinholeComment comment =
        own.comment()
            .withPlace(
                GROUP,
                item.length() > ExpectationRequest.ITEM_LENGTH
                    ? item.substring(item.length() - ExpectationRequest.ITEM_LENGTH)
                    : item);
    return new FoundPinhole(
        shared.pinhole().withTimeoutMs(own.pinhole().timeoutMs()).withComment(comment.text()),
        own.expiresInMs(),
        comment);
  }
}
