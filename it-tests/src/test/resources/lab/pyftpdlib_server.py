"""pyftpdlib on port 21, both families. Argument: the folder to serve anonymously, upload/ writable."""
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

authorizer = DummyAuthorizer()
authorizer.add_anonymous(sys.argv[1])
authorizer.override_perm("anonymous", sys.argv[1] + "/upload", "elradfmw", recursive=True)


class Handler(FTPHandler):
    use_sendfile = False


Handler.authorizer = authorizer
FTPServer(("::", 21), Handler).serve_forever()
