package org.pinholed.agent.view;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.text.Network;

/**
 * What a listing, an end or a trace is narrowed to; null leaves a field open.
 *
 * @param policyId firewall policy of the parent
 * @param helper name of the helper, for example {@code ftp}
 * @param parentSerial serial of the parent, 8 hex digits
 * @param address a network in which one of the ends has to be
 * @param port port that one of the ends has to have; if there is an address, too, the same end
 * @param not fields that are meant the other way round: what they name is left out
 */
public record ListingFilter(
    @Nullable Integer policyId,
    @Nullable String helper,
    @Nullable String parentSerial,
    @Nullable Network address,
    @Nullable Integer port,
    Set<Field> not) {
  /** Lets everything through. */
  public static final ListingFilter ALL = new ListingFilter(null, null, null);

  /** What can be asked for the other way round. */
  public enum Field {
    /** {@link ListingFilter#policyId}. */
    POLICY,
    /** {@link ListingFilter#helper}. */
    HELPER,
    /** {@link ListingFilter#parentSerial}. */
    PARENT,
    /** {@link ListingFilter#address}. */
    ADDRESS,
    /** {@link ListingFilter#port}. */
    PORT
  }

  /** Refuses to negate what is not there. */
  public ListingFilter {
    not = not.isEmpty() ? Set.of() : Set.copyOf(not);
    EnumSet<Field> given = EnumSet.noneOf(Field.class);
    if (policyId != null) {
      given.add(Field.POLICY);
    }
    if (helper != null) {
      given.add(Field.HELPER);
    }
    if (parentSerial != null) {
      given.add(Field.PARENT);
    }
    if (address != null) {
      given.add(Field.ADDRESS);
    }
    if (port != null) {
      given.add(Field.PORT);
    }
    for (Field field : not) {
      if (!given.contains(field)) {
        throw new IllegalArgumentException(
            "not: " + word(field) + " (expected: a field that the filter has)");
      }
    }
  }

  /**
   * A filter without ends.
   *
   * @param policyId firewall policy of the parent
   * @param helper name of the helper
   * @param parentSerial serial of the parent
   */
  public ListingFilter(
      @Nullable Integer policyId, @Nullable String helper, @Nullable String parentSerial) {
    this(policyId, helper, parentSerial, null, null, Set.of());
  }

  /**
   * The word of a field, as commands and requests write it.
   *
   * @param field which
   * @return lower case
   */
  public static String word(Field field) {
    return field.name().toLowerCase(java.util.Locale.ROOT);
  }

  /**
   * Whether a row belongs into the listing.
   *
   * @param rowPolicyId the row's policy
   * @param rowHelper the row's helper
   * @param rowParentSerial the row's parent
   * @param ends its ends, null for those that it has not
   * @return true if every given field is the same, or another one where it is negated
   */
  public boolean matches(
      int rowPolicyId, String rowHelper, String rowParentSerial, @Nullable Endpoint... ends) {
    return (policyId == null || (policyId == rowPolicyId) != not.contains(Field.POLICY))
        && (helper == null || helper.equals(rowHelper) != not.contains(Field.HELPER))
        && (parentSerial == null
            || parentSerial.equalsIgnoreCase(rowParentSerial) != not.contains(Field.PARENT))
        && matchesEnds(ends);
  }

  private boolean matchesEnds(@Nullable Endpoint[] ends) {
    if (address == null && port == null) {
      return true;
    }
    boolean someAddress = false;
    boolean somePort = false;
    boolean someBoth = false;
    for (Endpoint end : ends) {
      if (end != null) {
        boolean isAddress = address == null || address.contains(end.address());
        boolean isPort = port == null || port == end.port();
        someAddress |= isAddress;
        somePort |= isPort;
        someBoth |= isAddress && isPort;
      }
    }
    boolean noAddress = not.contains(Field.ADDRESS);
    boolean noPort = not.contains(Field.PORT);
    if (!noAddress && !noPort) {
      return someBoth;
    }
    return (address == null || someAddress != noAddress) && (port == null || somePort != noPort);
  }
}
