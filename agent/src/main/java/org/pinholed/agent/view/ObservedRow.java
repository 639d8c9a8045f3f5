package org.pinholed.agent.view;

/**
 * What came to a range of ports, and how much of it a helper that only observes had been told of.
 *
 * @param helper name of the helper; {@code others} for what is not told one by one, because it
 *     leads to too many places: {@code notCome} has the number
 * @param protocol {@code tcp} or {@code udp}
 * @param source from where: an address; of several the network of 24 bits (IPv6: 64); {@code any}
 *     where the announcements name nobody and nobody came
 * @param destination address that was connected to, as the first packet of a connection says
 * @param firstPort the lowest port that was announced or came
 * @param lastPort the highest
 * @param announced announcements
 * @param connections connections that came, and whose first packet the firewall let pass
 * @param expected how many of these were announced
 * @param notCome announcements that are over and by which nobody came
 */
public record ObservedRow(
    String helper,
    String protocol,
    String source,
    String destination,
    int firstPort,
    int lastPort,
    long announced,
    long connections,
    long expected,
    long notCome) {}
