package org.pinholed.agent.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

class ClientCountsTest {
  @Test
  void change_countsEachClient_anIpv6NetworkAsOne() throws UnknownHostException {
    ClientCounts counts = new ClientCounts();
    InetAddress one = InetAddress.getByName("192.0.2.1");
    assertEquals(1, counts.change(one, 1));
    assertEquals(2, counts.change(one, 1));
    assertEquals(1, counts.change(InetAddress.getByName("192.0.2.2"), 1));
    assertEquals(1, counts.change(one, -1));
    assertEquals(0, counts.change(one, -1));
    assertEquals(1, counts.change(one, 1));
    assertEquals(1, counts.change(InetAddress.getByName("2001:db8::1"), 1));
    assertEquals(2, counts.change(InetAddress.getByName("2001:db8::2"), 1));
    assertEquals(1, counts.change(InetAddress.getByName("2001:db8:0:1::2"), 1));
  }
}
