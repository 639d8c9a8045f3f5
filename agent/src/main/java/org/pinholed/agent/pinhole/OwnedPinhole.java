package org.pinholed.agent.pinhole;

/**
 * A pinhole that was found in the kernel.
 *
 * @param pinhole what stands there; its timeout is the one it was made with
 * @param expiresInMs what is left of the timeout, in milliseconds
 */
public record OwnedPinhole(Pinhole pinhole, long expiresInMs) {}
