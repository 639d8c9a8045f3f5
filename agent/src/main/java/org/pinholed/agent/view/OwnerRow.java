package org.pinholed.agent.view;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One owner beyond flows in a listing: a call, a registration.
 *
 * @param id what it is called, 16 characters
 * @param kind what it is, the helper's word; what {@code kind} was asked for if no helper of this
 *     process has said it
 * @param label what the helper calls it; empty if no helper of this process has named it
 * @param state the helper's word; {@code unknown} if no helper of this process has named it
 * @param helper name of the helper
 * @param ageSeconds since the first of what it has was announced
 * @param expireSeconds until it ends if nothing more is said of it; null if it has no end
 * @param media what it has, announced or open
 * @param packets packets of its children that live, both directions; null if the kernel does not
 *     count them ({@code net.netfilter.nf_conntrack_acct})
 * @param bytes bytes of them; null if the kernel does not count them
 * @param why why something of it was not opened last, one word; empty if all was
 */
public record OwnerRow(
    String id,
    String kind,
    String label,
    String state,
    String helper,
    long ageSeconds,
    @Nullable Long expireSeconds,
    List<Media> media,
    @Nullable Long packets,
    @Nullable Long bytes,
    String why) {
  /**
   * One expectation of an owner.
   *
   * @param group the helper's name of what it is replaced and closed together with
   * @param item which of its group it is; empty if there is only one
   * @param state {@code announced} (not open yet), {@code pending} or {@code matched}
   * @param protocol {@code tcp} or {@code udp}
   * @param source who may connect; port 0 is any
   * @param outside where to, as others see it
   * @param inside where that leads to; the same if nothing is translated
   * @param children how many of its children live
   */
  public record Media(
      String group,
      String item,
      String state,
      String protocol,
      EndpointRow source,
      EndpointRow outside,
      EndpointRow inside,
      int children) {}
}
