package org.pinholed.helper.dcerpc.call;

import org.jspecify.annotations.Nullable;

/**
 * What is known of the calls of one connection.
 *
 * @param contexts which interfaces they are of
 * @param requests which of them wait for their reply
 * @param fragments what is there of those that come in fragments
 */
public record Association(Contexts contexts, Requests requests, Fragments fragments) {
  /** Makes one of which nothing is known. */
  public Association() {
    this(new Contexts(), new Requests(), new Fragments());
  }

  /**
   * Writes it down for another process, but for calls in fragments.
   *
   * @return hexadecimal numbers with commas between them
   */
  public String snapshot() {
    return snapshot(new Fragments(), 0, 0);
  }

  /**
   * Writes all of it down for another process.
   *
   * @param clientPosition the stream offset of the next byte of the client
   * @param serverPosition the same of the server
   * @return hexadecimal numbers with commas between them
   */
  public String snapshot(long clientPosition, long serverPosition) {
    return snapshot(fragments, clientPosition, serverPosition);
  }

  private String snapshot(Fragments begun, long clientPosition, long serverPosition) {
    SnapshotWriter writer = new SnapshotWriter();
    contexts.write(writer);
    requests.write(writer);
    begun.write(writer, clientPosition, serverPosition);
    return writer.toString();
  }

  /**
   * Reads what {@link #snapshot} wrote.
   *
   * @param snapshot that, or anything else
   * @return null if it is not understood
   */
  public static @Nullable Association restore(String snapshot) {
    SnapshotReader reader = new SnapshotReader(snapshot);
    Association read =
        new Association(Contexts.read(reader), Requests.read(reader), Fragments.read(reader));
    return reader.isWhole() ? read : null;
  }
}
