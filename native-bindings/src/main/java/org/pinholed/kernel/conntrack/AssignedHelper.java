package org.pinholed.kernel.conntrack;

/**
 * What is in the one place that a connection has for a helper. All that depends on a helper's name
 * is decided here.
 */
public enum AssignedHelper {
  /** Nothing works on the connection: the place is empty, or only an expectation object has it. */
  NONE,

  /** The one that only carries the agent's expectations: it reads nothing and queues nothing. */
  OWN,

  /** A helper of the kernel, or of a program behind {@code nfnetlink_cthelper}. */
  FOREIGN;

  /** The name of {@link #OWN}. */
  public static final String OWN_NAME = "pinholed";

  /** What Linux 7.2 and later call the helper of a flow that has a {@code ct expectation}. */
  public static final String EXPECTATION_OBJECT = "nft_ct_expect";

  /**
   * Judges a helper by its name.
   *
   * @param name {@code CTA_HELP_NAME}; an empty string if there is none
   * @return a name that is not known is {@link #FOREIGN}
   */
  public static AssignedHelper of(String name) {
    if (name.isEmpty() || name.equals(EXPECTATION_OBJECT)) {
      return NONE;
    }
    return name.equals(OWN_NAME) ? OWN : FOREIGN;
  }
}
