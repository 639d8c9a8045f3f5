package org.pinholed.helper;

import org.jspecify.annotations.Nullable;

/**
 * What leads from an endpoint that others see to one inside ({@link OutcomeSink#announced}).
 *
 * @param destination the endpoint inside
 * @param owner who it belongs to; of several that hold it, any of them
 * @param group its group
 * @param item its item
 */
public record Announced(Endpoint destination, @Nullable OwnerId owner, String group, String item) {}
