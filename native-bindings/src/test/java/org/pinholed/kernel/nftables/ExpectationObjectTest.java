package org.pinholed.kernel.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExpectationObjectTest {
  /** What kernels make of what they are asked for; size 255 is what 7.2 and later make of 0. */
  @ParameterizedTest
  @CsvSource({
    "33, 0, 0, true",
    "6, 1000, 0, true",
    "33, 0, 255, true",
    "33, 0, 1, true",
    "132, 0, 255, true",
    "33, 1000, 255, false",
    "6, 0, 255, false",
    "17, 0, 255, false",
    "6, 1000, 255, false"
  })
  void opensNothing_onlyIfNothingIsExpected_orItIsOverAtOnceAndNotForTcpOrUdp(
      int protocol, int timeoutMs, int size, boolean nothing) {
    assertEquals(
        nothing, new ExpectationObject(NftFamily.IP, protocol, 1, timeoutMs, size).opensNothing());
  }
}
