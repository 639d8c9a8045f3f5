package org.pinholed.agent.view;

import org.jspecify.annotations.Nullable;

/**
 * What a listing is narrowed to; null leaves a field open.
 *
 * @param policyId firewall policy of the parent
 * @param helper name of the helper, for example {@code ftp}
 * @param parentSerial serial of the parent, 8 hex digits
 */
public record ListingFilter(
    @Nullable Integer policyId, @Nullable String helper, @Nullable String parentSerial) {
  /** Lets everything through. */
  public static final ListingFilter ALL = new ListingFilter(null, null, null);

  /**
   * Whether a row belongs into the listing.
   *
   * @param rowPolicyId the row's policy
   * @param rowHelper the row's helper
   * @param rowParentSerial the row's parent
   * @return true if every given field is the same
   */
  public boolean matches(int rowPolicyId, String rowHelper, String rowParentSerial) {
    return (policyId == null || policyId == rowPolicyId)
        && (helper == null || helper.equals(rowHelper))
        && (parentSerial == null || parentSerial.equalsIgnoreCase(rowParentSerial));
  }
}
