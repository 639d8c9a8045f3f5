package org.pinholed.agent.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

class ClientKeyTest {
  private static long key(String address) throws UnknownHostException {
    return ClientKey.of(InetAddress.getByName(address));
  }

  @Test
  void ofIpv4_isTheAddress() throws UnknownHostException {
    assertEquals(key("192.0.2.1"), key("192.0.2.1"));
    assertNotEquals(key("192.0.2.1"), key("192.0.2.2"));
    assertNotEquals(key("192.0.2.1"), key("203.0.2.1"));
  }

  @Test
  void ofIpv6_isTheNetworkOf64Bits() throws UnknownHostException {
    assertEquals(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff:ffff:ffff:ffff"));
    assertNotEquals(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
  }

  @Test
  void ofIpv4AndIpv6_areNeverTheSame() throws UnknownHostException {
    assertNotEquals(key("0.0.0.0"), key("::"));
    assertNotEquals(key("192.0.2.1"), key("::c000:201"));
  }
}
