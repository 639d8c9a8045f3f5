package org.pinholed.agent.pinhole.nftables;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A test that is run with every translation of datagrams to port 5060: the rules ({@link
 * RoutedNetwork#translate}), the client, the address that it sends to, the server and its port.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedTest
@CsvSource({
  "'', 192.0.2.2, 198.51.100.2, 198.51.100.2, 5060",
  "masquerade, 192.0.2.2, 198.51.100.2, 198.51.100.2, 5060",
  "dnat ip to 198.51.100.3:5070, 192.0.2.2, 192.0.2.1, 198.51.100.3, 5070",
  "masquerade dnat ip to 198.51.100.3:5070, 192.0.2.2, 192.0.2.1, 198.51.100.3, 5070",
  "'', 2001:db8:1::2, 2001:db8:2::2, 2001:db8:2::2, 5060",
  "masquerade, 2001:db8:1::2, 2001:db8:2::2, 2001:db8:2::2, 5060",
  "dnat ip6 to [2001:db8:2::3]:5070, 2001:db8:1::2, 2001:db8:1::1, 2001:db8:2::3, 5070",
  "masquerade dnat ip6 to [2001:db8:2::3]:5070, 2001:db8:1::2, 2001:db8:1::1, 2001:db8:2::3,"
      + " 5070",
})
public @interface EveryTranslation {}
