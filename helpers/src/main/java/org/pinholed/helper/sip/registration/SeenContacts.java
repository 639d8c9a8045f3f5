package org.pinholed.helper.sip.registration;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;

/** What the receiver of a message must see in its URIs of Contact. Immutable. */
public final class SeenContacts {
  /** All of them stay as they are. */
  public static final SeenContacts NONE = new SeenContacts(List.of());

  private final List<@Nullable Endpoint> endpoints;

  SeenContacts(List<@Nullable Endpoint> endpoints) {
    this.endpoints = Collections.unmodifiableList(new ArrayList<>(endpoints));
  }

  /**
   * What the receiver must see.
   *
   * @param index its index in {@link RegisterMessage#contacts}
   * @return null to leave it: nothing is opened there, or what the sender wrote is right already
   */
  public @Nullable Endpoint contact(int index) {
    return index < endpoints.size() ? endpoints.get(index) : null;
  }
}
