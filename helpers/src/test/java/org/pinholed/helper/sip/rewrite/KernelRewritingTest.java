package org.pinholed.helper.sip.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.rewrite.HeaderRewriterTest.request;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.message.SipMessage;

/** Each weakness of the kernel's helper (nf_nat_sip.c) that lay in how it rewrites. */
class KernelRewritingTest {
  private static final String SERVER = "203.0.113.10:5060";
  private static final String URI = "sip:b@203.0.113.10";

  private static Rewriting flow(String inside, String outside) {
    return new Rewriting(Transport.UDP, inside, outside, SERVER, SERVER);
  }

  private static String said(String end, String contacts, int fill) {
    String via = "Via: SIP/2.0/UDP " + end + ";branch=z9hG4bK1";
    return request(via, URI, "Contact: " + contacts, "Subject: " + "x".repeat(fill));
  }

  /**
   * The walk over a list of Contact went on at an old place once an entry before had become shorter
   * or longer, and wrote into what stood there.
   */
  @ParameterizedTest
  @CsvSource({"192.0.2.110:50620,1.2.3.4:1", "1.2.3.4:1,192.0.2.110:50620"})
  void contactsOfAList_areEachRewritten_whateverTheirLengths(String inside, String outside) {
    String list = "<sip:a@%1$s>;q=1,<sip:a@198.51.100.7:9>, \"%1$s\" <sip:%1$s>\r\nm: sip:c@%1$s";
    assertEquals(
        said(outside, list.formatted(outside).replace("\"" + outside, "\"" + inside), 0),
        flow(inside, outside).client(said(inside, list.formatted(inside), 0)));
  }

  /**
   * The difference of lengths was kept in 16 bits with a sign, and the rest of the message was then
   * looked for elsewhere: a list of Contact that shrinks, or grows, by more than 32,767 bytes.
   */
  @ParameterizedTest
  @CsvSource({
    "[2001:db8:1111:2222:3333:4444:5555:6666]:50620,[2001:db8::1]:1",
    "[2001:db8::1]:1,[2001:db8:1111:2222:3333:4444:5555:6666]:50620"
  })
  void differenceOfLengths_isNotCutTo16Bits(String inside, String outside) {
    String server = "[2001:db8:2::2]:5060";
    Rewriting flow = new Rewriting(Transport.UDP, inside, outside, server, server);
    String before = said(inside, list(inside, 1100), 3);
    String after = said(outside, list(outside, 1100), 3);
    assertTrue(Math.abs(after.length() - before.length()) > Short.MAX_VALUE);
    assertTrue(Math.max(after.length(), before.length()) <= SipMessage.LENGTH_MAX_BYTES);
    assertEquals(after, flow.client(before));
  }

  private static String list(String end, int count) {
    return ("<sip:" + end + ">,").repeat(count - 1) + "<sip:" + end + ">";
  }

  /**
   * A packet that grew was moved to other memory, and what was to be changed next was looked for in
   * the old one: so many edits that each list of them grows several times, and back.
   */
  @Test
  void whatIsFoundOnce_staysWhereItIs_howeverMuchIsChangedBeforeIt() {
    Rewriting flow = flow("1.2.3.4:1", "192.0.2.110:50620");
    for (int count = 1; count < 400; count += 7) {
      String before = said("1.2.3.4:1", list("1.2.3.4:1", count), count);
      String after = said("192.0.2.110:50620", list("192.0.2.110:50620", count), count);
      assertEquals(after, flow.client(before));
    }
  }
}
