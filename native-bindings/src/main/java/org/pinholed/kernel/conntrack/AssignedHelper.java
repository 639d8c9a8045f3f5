package org.pinholed.kernel.conntrack;

/**
 * What is in the one place that a connection has for a helper. All that depends on a helper's name
 * is decided here.
 */
public enum AssignedHelper {
  /** Nothing works on the connection: the place is empty, or only an expectation object has it. */
  NONE,

  /** A helper of the kernel, or of a program behind {@code nfnetlink_cthelper}. */
  FOREIGN;

  /** What Linux 7.2 and later call the helper of a flow that has a {@code ct expectation}. */
  public static final String EXPECTATION_OBJECT = "nft_ct_expect";

  /**
   * Judges a helper by its name.
   *
   * @param name {@code CTA_HELP_NAME}; an empty string if there is none
   * @return a name that is not known is {@link #FOREIGN}
   */
  public static AssignedHelper of(String name) {
    return name.isEmpty() || name.equals(EXPECTATION_OBJECT) ? NONE : FOREIGN;
  }
}
