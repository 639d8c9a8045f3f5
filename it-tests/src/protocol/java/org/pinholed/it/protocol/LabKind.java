package org.pinholed.it.protocol;

import java.util.Locale;
import org.pinholed.helper.HelperWord;

/** What an owner may be said to be. */
enum LabKind implements HelperWord {
  CALL,
  REGISTRATION;

  @Override
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
