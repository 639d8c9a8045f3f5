"""pyftpdlib on port 21, both families. Arguments: the folder to serve anonymously, upload/ writable,
and the address that it names in its 227, empty for its own.

A process for each session: where sessions come and go at the same time, one in twenty stands still
for ever in the event loop that they share, also between two sockets of one machine.
"""
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import MultiprocessFTPServer

authorizer = DummyAuthorizer()
authorizer.add_anonymous(sys.argv[1])
authorizer.override_perm("anonymous", sys.argv[1] + "/upload", "elradfmw", recursive=True)


class Handler(FTPHandler):
    use_sendfile = False


Handler.authorizer = authorizer
Handler.masquerade_address = sys.argv[2] or None
MultiprocessFTPServer(("::", 21), Handler).serve_forever()
