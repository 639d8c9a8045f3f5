package org.pinholed.kernel.route;

/**
 * One network device, as it was when the kernel was asked.
 *
 * @param index its index
 * @param name its name, for example {@code eth0}; another device may have it later
 * @param mtuBytes the longest packet that leaves by it, from the IP header on; 0 if it was not told
 * @param master index of the device that it is enslaved to, as of a bridge or VRF; 0 for none
 */
public record NetworkDevice(int index, String name, int mtuBytes, int master) {}
