package org.pinholed.helper.sip.words;

import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Words;

/** What outlives a flow of SIP and has ports of its own, for listings. */
public enum OwnerKind implements HelperWord {
  /** A call: all dialogs of one INVITE. */
  CALL,
  /** Where somebody can be reached. */
  REGISTRATION,
  /** Where somebody is told of events. */
  SUBSCRIPTION;

  private final String word = Words.lowerCamel(name());

  @Override
  public String word() {
    return word;
  }
}
