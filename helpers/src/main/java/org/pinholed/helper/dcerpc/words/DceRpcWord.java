package org.pinholed.helper.dcerpc.words;

import org.pinholed.helper.HelperWord;

/** What is understood of a flow: PDUs (C706 12.6.4), and the calls that may announce a port. */
public enum DceRpcWord implements HelperWord {
  /** Begins an association, and names interfaces. */
  BIND("bind"),
  /** Which of them the server takes. */
  BIND_ACK("bind_ack"),
  /** The server takes no association. */
  BIND_NAK("bind_nak"),
  /** Names more interfaces. */
  ALTER_CONTEXT("alter_context"),
  /** Which of them the server takes. */
  ALTER_CONTEXT_RESP("alter_context_resp"),
  /** Asks the endpoint mapper where a service is (C706 appendix O). */
  EPT_MAP("ept_map"),
  /** Asks the endpoint mapper for all that there is (C706 appendix O). */
  EPT_LOOKUP("ept_lookup"),
  /** Asks where an object exporter is (MS-DCOM 3.1.2.5.1.1). */
  RESOLVE_OXID("ResolveOxid"),
  /** Asks where an object exporter is (MS-DCOM 3.1.2.5.1.5). */
  RESOLVE_OXID_2("ResolveOxid2"),
  /** Activates an object (MS-DCOM 3.1.2.5.2.3.1). */
  REMOTE_ACTIVATION("RemoteActivation"),
  /** Activates a class object (MS-DCOM 3.1.2.5.2.3.2). */
  REMOTE_GET_CLASS_OBJECT("RemoteGetClassObject"),
  /** Activates an object (MS-DCOM 3.1.2.5.2.3.3). */
  REMOTE_CREATE_INSTANCE("RemoteCreateInstance"),
  /** Another call of an interface that is read; it announces nothing. */
  OTHER_CALL("call"),
  /** The reply to a call of an interface that is read. */
  RESPONSE("response"),
  /** A call of an interface that is read failed. */
  FAULT("fault");

  private final String word;

  DceRpcWord(String word) {
    this.word = word;
  }

  @Override
  public String word() {
    return word;
  }
}
