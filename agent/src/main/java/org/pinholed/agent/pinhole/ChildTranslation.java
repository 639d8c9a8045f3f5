package org.pinholed.agent.pinhole;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;

/**
 * How the child of a pinhole is translated, so that it follows its parent. The source of a child
 * that does not come from the parent's peer stays as it is.
 *
 * @param inside where the child really goes; null if its destination is not translated
 * @param source from which address it comes for who is connected to; null if its source is not
 *     translated
 */
public record ChildTranslation(@Nullable Endpoint inside, @Nullable InetAddress source) {
  /** Refuses a translation of nothing. */
  public ChildTranslation {
    if (inside == null && source == null) {
      throw new IllegalArgumentException("neither destination nor source is translated");
    }
  }
}
