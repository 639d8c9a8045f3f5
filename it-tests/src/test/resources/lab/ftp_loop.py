"""Many FTP sessions, each with one transfer after the other until a file appears.

Arguments: HOST SESSIONS REMOTE BYTES STOP_FILE DATA_TIMEOUT_SECONDS. Prints one line of JSON:
transfers that came whole, transfers that failed, control connections that broke, and the longest
time that a control line waited for its answer.
"""
import ftplib
import json
import os
import socket
import sys
import threading
import time

host, sessions, remote, length, stop_file, data_timeout = sys.argv[1:]
total = {"whole": 0, "failed": 0, "broken": 0, "longestMs": 0, "why": []}
lock = threading.Lock()


def note(name, why=None):
    with lock:
        total[name] += 1
        if why and len(total["why"]) < 20:
            total["why"].append(why)


class Session(ftplib.FTP):
    """Waits long for replies and not so long for data connections."""

    def ask(self, line):
        began = time.monotonic()
        answer = self.sendcmd(line)
        waited = int(1000 * (time.monotonic() - began))
        with lock:
            total["longestMs"] = max(total["longestMs"], waited)
        return answer

    def transfer(self, passive):
        self.ask("TYPE I")
        if passive:
            address = ftplib.parse227(self.ask("PASV"))
            with socket.create_connection(address, float(data_timeout)) as data:
                self.sendcmd("RETR " + remote)
                got = self.drain(data)
        else:
            with socket.socket() as listener:
                listener.settimeout(float(data_timeout))
                own = self.sock.getsockname()[0]
                listener.bind((own, 0))
                listener.listen(1)
                port = listener.getsockname()[1]
                self.ask("PORT %s,%d,%d" % (own.replace(".", ","), port // 256, port % 256))
                self.sendcmd("RETR " + remote)
                with listener.accept()[0] as data:
                    got = self.drain(data)
        self.voidresp()
        return got == int(length)

    @staticmethod
    def drain(data):
        data.settimeout(float(data_timeout))
        got = 0
        while True:
            block = data.recv(65536)
            if not block:
                return got
            got += len(block)


def login():
    ftp = Session()
    ftp.connect(host, 21, timeout=30)
    ftp.login()
    return ftp


def run(ftp, number):
    passive = number % 2 == 0
    while not os.path.exists(stop_file):
        try:
            whole = ftp.transfer(passive)
            note("whole" if whole else "failed", None if whole else "cut short")
        except (ftplib.error_temp, ftplib.error_perm) as e:
            # 425: the server could not connect; 500: an address that only the client's side has
            note("failed", repr(e))
        except (TimeoutError, ConnectionRefusedError) as e:
            note("failed", "%s at %.3f: %r" % ("PASV" if passive else "PORT", time.time(), e))
        except Exception as e:
            note("broken", repr(e))
            return
    try:
        ftp.sendcmd("NOOP")
        ftp.quit()
    except Exception as e:
        note("broken", "end: %r" % e)


# One after the other: the server's queue of new connections is short.
logins = [login() for _ in range(int(sessions))]
threads = [threading.Thread(target=run, args=(ftp, n)) for n, ftp in enumerate(logins)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(total))
