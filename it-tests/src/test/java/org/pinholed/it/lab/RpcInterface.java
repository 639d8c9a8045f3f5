package org.pinholed.it.lab;

import java.util.UUID;

/**
 * An interface of DCE-RPC.
 *
 * @param major its major version
 */
public record RpcInterface(UUID uuid, int major) {
  /** The endpoint mapper (C706 appendix O). */
  public static final RpcInterface MAPPER = of("e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3);

  /** The Security Account Manager (MS-SAMR). */
  public static final RpcInterface SAMR = of("12345778-1234-abcd-ef00-0123456789ac", 1);

  /** The OXID resolver (MS-DCOM section 3.1.2.5.1). */
  public static final RpcInterface RESOLVER = of("99fcfec4-5260-101b-bbcb-00aa0021347a", 0);

  /** The older activator (MS-DCOM section 3.1.2.5.2.1). */
  public static final RpcInterface ACTIVATION = of("4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", 0);

  /** The activator (MS-DCOM section 3.1.2.5.2.2). */
  public static final RpcInterface ACTIVATOR = of("000001a0-0000-0000-c000-000000000046", 0);

  /** An interface by the text of its UUID. */
  public static RpcInterface of(String uuid, int major) {
    return new RpcInterface(UUID.fromString(uuid), major);
  }

  /** An interface that nobody else has, number 0..65535. */
  public static RpcInterface own(int number) {
    return of("6b1f0000-7c1e-4f0a-9d3b-0000%04x0001".formatted(number), 1);
  }
}
