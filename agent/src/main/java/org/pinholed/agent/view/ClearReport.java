package org.pinholed.agent.view;

/**
 * What a clear did.
 *
 * @param parents parent conntracks that were deleted
 * @param expectations expectations that went with them
 */
public record ClearReport(int parents, int expectations) {}
