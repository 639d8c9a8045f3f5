package org.pinholed.kernel.nftables;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.pinholed.kernel.netlink.Ranges;

/**
 * The shape of a named hash set, or of a map if it has a value: key fields, value, timeouts, size.
 *
 * <p>Keys are exact (no intervals: those are copied at every commit), so a transaction costs the
 * same with one element as with sixty thousand. Immutable; may be shared between threads. Nothing
 * happens in the kernel before {@link NftBatch#addSet}.
 */
public final class NftSet {
  private final String name;
  private final byte[] nameBytes;
  private final List<NftField> key;
  private final List<NftField> value;
  private final boolean timeouts;
  private final boolean changedByRules;
  private final boolean foundOnce;
  private final int sizeElements;
  private final String comment;
  private final int keyLengthBytes;
  private final int valueLengthBytes;

  private NftSet(Builder builder) {
    this.name = builder.name;
    this.nameBytes = Nft.nameBytes("set", builder.name);
    this.key = List.copyOf(builder.key);
    this.value = List.copyOf(builder.value);
    this.timeouts = builder.timeouts;
    this.changedByRules = builder.changedByRules;
    this.foundOnce = builder.foundOnce;
    this.sizeElements = builder.sizeElements;
    this.comment = builder.comment;
    this.keyLengthBytes = lengthBytes(key);
    this.valueLengthBytes = lengthBytes(value);
  }

  private static int lengthBytes(List<NftField> fields) {
    int lengthBytes = 0;
    for (NftField field : fields) {
      lengthBytes += fields.size() == 1 ? field.lengthBytes() : field.paddedLengthBytes();
    }
    return lengthBytes;
  }

  /**
   * Starts the description of a set.
   *
   * @param name 1..255 ASCII characters
   * @param key 1..5 fields; more than one is a concatenation
   * @return a builder of a set without timeouts, of any size
   */
  public static Builder named(String name, NftField... key) {
    return new Builder(name, key);
  }

  /**
   * The name.
   *
   * @return as in {@code @name}
   */
  public String name() {
    return name;
  }

  /**
   * The fields of the key.
   *
   * @return 1..5 fields in their order
   */
  public List<NftField> key() {
    return key;
  }

  /**
   * Whether this is a map.
   *
   * @return true if its elements have a value
   */
  public boolean isMap() {
    return !value.isEmpty();
  }

  /**
   * Length of a key as it stands in registers and elements.
   *
   * @return 1..64 bytes; in a concatenation with each field padded to 4
   */
  public int keyLengthBytes() {
    return keyLengthBytes;
  }

  /**
   * How many elements the kernel takes, expired ones that it has not collected yet included.
   *
   * @return 0 if there is no limit
   */
  public int sizeElements() {
    return sizeElements;
  }

  byte[] nameBytes() {
    return nameBytes;
  }

  int valueLengthBytes() {
    return valueLengthBytes;
  }

  int valueType() {
    return type(value);
  }

  int valueByteOrder() {
    return byteOrder(value);
  }

  String comment() {
    return comment;
  }

  boolean isFoundOnce() {
    return foundOnce;
  }

  int flags() {
    return (isMap() ? Nft.NFT_SET_MAP : 0)
        | (timeouts ? Nft.NFT_SET_TIMEOUT : 0)
        | (changedByRules ? Nft.NFT_SET_EVAL : 0);
  }

  int keyType() {
    return type(key);
  }

  int keyByteOrder() {
    return byteOrder(key);
  }

  // Six bits for each field, the first field highest: how nft(8) names a concatenation.
  private static int type(List<NftField> fields) {
    int type = 0;
    for (NftField field : fields) {
      type = type << 6 | field.typeCode();
    }
    return type;
  }

  // Whether nft(8) must be told the expressions that make the key.
  boolean isKeyedByCt() {
    return key.size() > 1 && key.stream().allMatch(NftField::isTypeOfCt);
  }

  private static int byteOrder(List<NftField> fields) {
    return fields.size() == 1 ? fields.get(0).byteOrder() : NftField.MIXED_ENDIAN;
  }

  @Override
  public String toString() {
    return name;
  }

  /** Describes a set; made by {@link NftSet#named}. */
  public static final class Builder {
    private static final int MAX_FIELDS = 5; // 6 bits each in the 32 bits of NFTA_SET_KEY_TYPE

    private final String name;
    private final List<NftField> key;
    private List<NftField> value = List.of();
    private boolean timeouts;
    private boolean changedByRules;
    private boolean foundOnce;
    private int sizeElements;
    private String comment = "";

    private Builder(String name, NftField... key) {
      if (key.length < 1 || key.length > MAX_FIELDS) {
        throw new IllegalArgumentException("key: " + key.length + " fields (expected: 1..5)");
      }
      this.name = name;
      this.key = new ArrayList<>(Arrays.asList(key));
    }

    /**
     * Makes it a map.
     *
     * @param fields the types of the values, 1..5; more than one is a concatenation
     * @return this builder
     */
    public Builder mapsTo(NftField... fields) {
      if (fields.length < 1 || fields.length > MAX_FIELDS) {
        throw new IllegalArgumentException("value: " + fields.length + " fields (expected: 1..5)");
      }
      value = List.of(fields);
      return this;
    }

    /**
     * Lets each element have its own timeout ({@code flags timeout}).
     *
     * @return this builder
     */
    public Builder timeouts() {
      timeouts = true;
      return this;
    }

    /**
     * Lets rules add and delete elements ({@code flags dynamic}).
     *
     * @return this builder
     */
    public Builder changedByRules() {
      changedByRules = true;
      return this;
    }

    /**
     * Lets only one lookup by a rule find each element; for every other one it is as if there were
     * no such element ({@code limit rate 1/day burst 1 packets} on each element). Which lookup is
     * the first is decided under a lock of the element, so it is one also if several processors
     * look at the same time. Only where {@link NftFeatures#foundOnce} says so, and with {@link
     * #changedByRules}.
     *
     * @return this builder
     */
    public Builder foundOnce() {
      foundOnce = true;
      return this;
    }

    /**
     * Limits the number of elements. Expired ones count until they are collected: leave head room.
     *
     * @param elements 1 or more
     * @return this builder
     */
    public Builder size(int elements) {
      Ranges.requireAtLeast("size", elements, 1);
      sizeElements = elements;
      return this;
    }

    /**
     * Says what the set is for, shown by {@code nft list}.
     *
     * @param text up to 128 ASCII characters
     * @return this builder
     */
    public Builder comment(String text) {
      comment = text;
      return this;
    }

    /**
     * Ends the description.
     *
     * @return the set
     */
    public NftSet build() {
      return new NftSet(this);
    }
  }
}
