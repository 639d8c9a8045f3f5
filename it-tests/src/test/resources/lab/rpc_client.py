"""A DCE-RPC client in one network namespace, made of impacket.

Reads one JSON object a line from standard input ({"op": ..., ...}) and answers each with one.
Levels are those of MS-RPCE 2.2.1.1.8: 1 none, 2 connect, 5 integrity, 6 privacy.
"""
import json
import sys

from impacket.dcerpc.v5 import dcomrt, epm, rpcrt, transport
from impacket.uuid import uuidtup_to_bin

TIMEOUT_S = 4 * float(sys.argv[1])
CLSID = uuidtup_to_bin(("8bc3f05e-d86b-11d0-a075-00c04fb68820", "0.0"))[:16]
IUNKNOWN = uuidtup_to_bin(("00000000-0000-0000-c000-000000000046", "0.0"))[:16]


def texts(bindings):
    return [b["aNetworkAddr"].rstrip("\0") for b in bindings if b["wTowerId"] == 7]


class Client:
    def __init__(self):
        self.things, self.next_id = {}, 0

    def keep(self, thing):
        self.next_id += 1
        self.things[self.next_id] = thing
        return self.next_id

    def connect(self, r):
        """Connects; who binds afterwards authenticates at this level."""
        carrier = transport.DCERPCTransportFactory("ncacn_ip_tcp:%s[%d]" % (r["host"], r["port"]))
        carrier.set_connect_timeout(r.get("timeout", TIMEOUT_S))
        level = r["level"]
        if level > rpcrt.RPC_C_AUTHN_LEVEL_NONE:
            carrier.set_credentials(r["user"], r["password"], r.get("domain", ""))
        dce = carrier.get_dce_rpc()
        dce.set_auth_level(level)
        dce.connect()
        return {"id": self.keep(dce)}

    def bind(self, r):
        self.things[r["id"]].bind(uuidtup_to_bin((r["interface"], r["version"])))
        return {}

    def map(self, r):
        """Binds the mapper in NDR and asks it for the port of an interface."""
        text = epm.hept_map(r["host"], uuidtup_to_bin((r["interface"], r["version"])),
                            protocol="ncacn_ip_tcp", dce=self.things[r["id"]])
        return {"port": int(text.rpartition("[")[2].rstrip("]"))}

    def call(self, r):
        dce = self.things[r["id"]]
        dce.call(r["operation"], bytes.fromhex(r["stub"]))
        return {"stub": dce.recv().hex()}

    def close(self, r):
        self.things.pop(r["id"]).disconnect()
        return {}

    def activate(self, r):
        """Has an object made; returns where it is. "by" is the name of the method that asks."""
        host, by = r["host"], r["by"]
        connection = dcomrt.DCOMConnection(
            host, r["user"], r["password"], r.get("domain", ""), authLevel=r["level"])
        dce = connection.get_dce_rpc()
        if by == "RemoteActivation":
            thing = dcomrt.IActivation(dce).RemoteActivation(CLSID, IUNKNOWN)
        elif by == "RemoteCreateInstance":
            thing = connection.CoCreateInstanceEx(CLSID, IUNKNOWN)
        else:
            thing = dcomrt.IRemoteSCMActivator(dce).RemoteGetClassObject(CLSID, IUNKNOWN)
        thing.get_cinstance().set_auth_level(r["level"])  # RemoteActivation does not look at the hint
        return {"id": self.keep(thing), "bindings": texts(thing.get_cinstance().get_string_bindings())}

    def release(self, r):
        """Calls the object: a connection to its port, bind and one request with an object UUID."""
        dcomrt.IRemUnknown(self.things[r["id"]]).RemRelease()
        return {}

    def resolve(self, r):
        """The bindings of an OXID."""
        connection = dcomrt.DCOMConnection(
            r["host"], r["user"], r["password"], r.get("domain", ""), authLevel=r["level"])
        exporter = dcomrt.IObjectExporter(connection.get_dce_rpc())
        method = exporter.ResolveOxid2 if r["second"] else exporter.ResolveOxid
        return {"bindings": texts(method(0x1122334455667788, (7,)))}


def main():
    client = Client()
    for text in sys.stdin:
        request = json.loads(text)
        try:
            answer = getattr(client, request.pop("op"))(request)
        except Exception as e:  # impacket has no base class of its errors
            answer = {"error": type(e).__name__, "text": str(e)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
