package org.pinholed.agent.expectation;

import org.pinholed.helper.OwnerId;

/**
 * How long an owner beyond flows lives at most, as its helper said last. Only the process knows it
 * that was told.
 *
 * @param helper name of its helper
 * @param id what it is called
 * @param leftMs milliseconds; 0 or less if its time is over
 * @param cut whether its children end with it
 */
public record KeptOwner(String helper, OwnerId id, long leftMs, boolean cut) {}
