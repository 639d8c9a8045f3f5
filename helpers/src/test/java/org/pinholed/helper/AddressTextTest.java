package org.pinholed.helper;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.net.UnknownHostException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AddressTextTest {
  @ParameterizedTest
  @CsvSource({
    "198.51.100.2, 198.51.100.2",
    "2001:db8:1:0:0:0:0:2, 2001:db8:1::2",
    "2001:DB8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
    "2001:db8:0:1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
    "0:0:0:0:0:0:0:0, ::",
    "0:0:0:0:0:0:0:1, ::1",
    "2001:db8:0:0:0:0:0:0, 2001:db8::",
    "1:0:0:2:0:0:0:3, 1:0:0:2::3"
  })
  void of_anAddress_isTheRecommendedText(String literal, String text) throws UnknownHostException {
    assertEquals(text, AddressText.of(InetAddress.getByName(literal)));
  }

  @Property
  void of_anyIpv6Address_readsBackAsTheSame(@ForAll @Size(16) byte[] bytes)
      throws UnknownHostException {
    InetAddress address = InetAddress.getByAddress(bytes);
    assertEquals(address, InetAddress.getByName(AddressText.of(address)));
  }
}
