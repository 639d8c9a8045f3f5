package org.pinholed.agent.cli;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.pinholed.agent.config.NumericAddress;
import org.pinholed.helper.AddressText;

/**
 * Puts names in the place of addresses: the same for the same address, and with a secret that is
 * forgotten, so that nobody can find the address by trying all of them. Those that say nothing of
 * anybody stay: any address, and those of the machine itself. Not thread-safe.
 */
final class HashedAddresses {
  private static final Pattern ADDRESS =
      Pattern.compile(
          "(?<![0-9A-Za-z.])[0-9]{1,3}(?:\\.[0-9]{1,3}){3}(?![0-9.]*[0-9])"
              + "|(?<![0-9A-Za-z:])(?:[0-9a-fA-F]{0,4}:){2,7}(?:[0-9a-fA-F]{1,4})?"
              + "(?:(?:\\.[0-9]{1,3}){3})?(?![0-9A-Za-z:])");

  private final Mac mac;

  HashedAddresses() {
    byte[] secret = new byte[32];
    new SecureRandom().nextBytes(secret);
    try {
      mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HmacSHA256"));
    } catch (NoSuchAlgorithmException | InvalidKeyException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  /**
   * Replaces all addresses.
   *
   * @param text any
   * @return with names such as {@code ip4-1f9c02ab} in their places
   */
  String in(String text) {
    Matcher matcher = ADDRESS.matcher(text);
    return matcher.replaceAll(this::name);
  }

  private String name(MatchResult found) {
    InetAddress address = NumericAddress.parse(found.group());
    if (address == null || address.isAnyLocalAddress() || address.isLoopbackAddress()) {
      return Matcher.quoteReplacement(found.group());
    }
    byte[] hash = mac.doFinal(AddressText.of(address).getBytes(StandardCharsets.US_ASCII));
    return (address.getAddress().length == 4 ? "ip4-" : "ip6-")
        + HexFormat.of().formatHex(hash, 0, 6);
  }
}
