package org.pinholed.helper.dcerpc.activation;

import java.nio.ByteOrder;
import java.util.List;
import org.pinholed.helper.dcerpc.stub.StubWriter;
import org.pinholed.helper.dcerpc.words.Syntax;

/** Writes replies of DCOM for tests. */
final class ActivationText {
  /** Says nothing of addresses: tower 7 behind the security offset is none. */
  private static final String SECURITY = "\u0007\uffffsrv[51018]\0\0";

  private static final byte[] SERIALIZATION = {
    1, 0x10, 8, 0, (byte) 0xcc, (byte) 0xcc, (byte) 0xcc, (byte) 0xcc
  };

  private ActivationText() {}

  /** String bindings, each with its tower as first character, and one of security. */
  static StubWriter array(StubWriter stub, List<String> bindings) {
    StringBuilder text = new StringBuilder();
    bindings.forEach(binding -> text.append(binding).append('\0'));
    text.append('\0');
    int security = text.length();
    text.append(SECURITY);
    stub.count(text.length()).length16(text.length()).length16(security);
    return stub.units(text.toString());
  }

  static StubWriter resolved(
      ByteOrder order, Syntax syntax, boolean version, long status, List<String> bindings) {
    StubWriter stub = array(new StubWriter(order, syntax).pointer(0x77), bindings);
    stub.align(4).raw(new byte[16]).u32(4);
    return (version ? stub.u16(5).u16(7) : stub).u32(status);
  }

  private static StubWriter that(ByteOrder order, Syntax syntax, boolean extents) {
    StubWriter stub = new StubWriter(order, syntax).u32(1).pointer(extents ? 1 : 0);
    if (extents) { // two pointers, of which one points to an extent of 8 bytes
      stub.u32(1).u32(0).pointer(2).count(2).pointer(3).pointer(0);
      stub.count(8).raw(new byte[16]).u32(5).raw(new byte[8]);
    }
    return stub;
  }

  static StubWriter remote(
      ByteOrder order, Syntax syntax, boolean extents, long result, List<String> bindings) {
    StubWriter stub = array(that(order, syntax, extents).u64(0x1122L).pointer(9), bindings);
    stub.align(4).raw(new byte[16]).u32(5).u16(5).u16(7).u32(result);
    stub.count(2).pointer(0).pointer(3);
    stub.count(5).length32(5).raw(new byte[5]); // what is behind the pointer
    return stub.align(4).count(2).u32(0).u32(0).u32(0);
  }

  static StubWriter activation(
      ByteOrder order, Syntax syntax, boolean extents, long result, byte[] blob) {
    StubWriter stub = that(order, syntax, extents).pointer(4);
    return stub.count(blob.length).length32(blob.length).raw(blob).u32(result);
  }

  /** The property that names ports. */
  static StubWriter scmReply(List<String> bindings) {
    StubWriter body = new StubWriter(ByteOrder.LITTLE_ENDIAN, Syntax.NDR).u32(0).u32(4).u64(17);
    body.u32(8).raw(new byte[16]).u32(5).u16(5).u16(7);
    return array(body, bindings).align(8);
  }

  /** A blob of this property, behind {@code others} that say nothing. */
  static StubWriter blob(byte[] scmReply, int others) {
    StubWriter blob = new StubWriter(ByteOrder.LITTLE_ENDIAN, Syntax.NDR);
    int count = others + 1;
    int header = 16 + 48 + 4 + 16 * count + 4 + 4 * count;
    header += -header & 7;
    int properties = others * 40 + 16 + scmReply.length;
    blob.ascii("MEOW").u32(4).uuid("000001a3-0000-0000-c000-000000000046");
    blob.uuid("00000339-0000-0000-c000-000000000046").u32(0).u32(header + properties + 16L);
    blob.u32(header + properties).u32(0);
    begin(blob, header - 16);
    int base = blob.position();
    blob.u32(header + properties).length32(header).u32(0).u32(2).length32(count);
    blob.raw(new byte[16]).u32(4).u32(8).u32(0).length32(count);
    for (int at = 0; at < count; at++) {
      String first = at < others ? "00000339" : "000001b6";
      blob.uuid(first + "-0000-0000-c000-000000000046");
    }
    blob.length32(count);
    for (int at = 0; at < count; at++) {
      blob.length32(at < others ? 40 : 16 + scmReply.length);
    }
    while (blob.position() - base < header - 16) {
      blob.u8(0);
    }
    for (int at = 0; at < others; at++) {
      begin(blob, 24).raw(new byte[24]);
    }
    return begin(blob, scmReply.length).raw(scmReply);
  }

  private static StubWriter begin(StubWriter blob, int lengthBytes) {
    return blob.raw(SERIALIZATION).length32(lengthBytes).u32(0xcccc_ccccL);
  }
}
