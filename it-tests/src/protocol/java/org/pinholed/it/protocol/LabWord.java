package org.pinholed.it.protocol;

import java.util.Locale;
import org.pinholed.helper.HelperWord;

/** The commands of the protocol; {@link LabMessage} says what each does. */
enum LabWord implements HelperWord {
  ITEM,
  EXPECT,
  ACTIVATE,
  CLOSE,
  KEEP,
  END,
  NAME,
  STANDS,
  ANNOUNCED,
  EDIT,
  ME,
  FACTS,
  PUT,
  GET,
  COUNT,
  REFUSE,
  MALFORMED,
  PARTOPAQUE,
  OPAQUE,
  CUT,
  NOOP;

  @Override
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
