package org.pinholed.helper.sip.sdp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SdpViewTest {
  static List<String> reading() throws IOException {
    return SdpText.table("reading.tsv");
  }

  @ParameterizedTest
  @MethodSource
  void reading(String row) {
    String[] columns = row.split("\t", -1);
    SdpDescription description = SdpDescription.of(SdpText.read(SdpText.lines(columns[1])));
    assertEquals(columns[2], SdpText.words(description), columns[0]);
    assertEquals(description, SdpDescription.ofText(description.toText()), columns[0]);
  }
}
