package org.pinholed.agent.limit;

import java.security.SecureRandom;

/**
 * Hashes of what strangers choose, such as addresses and ports: without a secret they could choose
 * collisions, and a table would become as slow as a list. Allocates nothing.
 */
public final class SecretHash {
  private static final long SECRET = new SecureRandom().nextLong();

  private SecretHash() {}

  /**
   * Begins a hash.
   *
   * @param value the first part of a key
   * @return another one with each start of the program
   */
  public static long of(long value) {
    return mix(SECRET ^ value);
  }

  /**
   * Goes on with the next part. One after the other: two parts that went in together could be
   * chosen so that they cancel out, whatever the secret.
   *
   * @param hash the hash of the parts before
   * @param value the next part
   * @return the hash of all
   */
  public static long and(long hash, long value) {
    return mix(hash ^ value);
  }

  /** The finalizer of SplitMix64: every bit of the input changes every bit of the result. */
  private static long mix(long value) {
    long mixed = (value ^ value >>> 30) * 0xbf58476d1ce4e5b9L;
    mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
    return mixed ^ mixed >>> 31;
  }
}
