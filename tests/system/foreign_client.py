"""A client in another language, on a stock MessagePack library: nothing of ours but the wire.

usage: foreign_client.py PATH-OF-SOCKET | HOST:PORT
Prints a line per check; the last one is `N passed, N failed`.
"""
import socket
import sys

import msgpack

passed = failed = 0


def check(what, good, seen=None):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what}: {seen!r}")


class Client:
    def __init__(self, address):
        if address.startswith("/"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        else:
            host, port = address.rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)))
        self.socket.settimeout(20)
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        self.last = 0

    def send(self, verb, params):
        self.last += 1
        self.socket.sendall(msgpack.packb([0, self.last, verb, [params]]))
        return self.last

    def receive(self):
        while True:
            for message in self.unpacker:
                return message
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("closed")
            self.unpacker.feed(data)

    def call(self, verb, **params):
        number = self.send(verb, params)
        kind, back, error, result = self.receive()
        check(f"{verb}: the envelope", kind == 1 and back == number, (kind, back))
        return error, result


def main(address):
    client = Client(address)
    error, result = client.call("location.put", source="py", location="main")
    check("a location", error is None, error)
    error, result = client.call("sku.put", source="py", sku="tea", title="Tea, grün 茶", barcodes=["4006381333931"])
    check("a SKU", error is None and result, error)
    error, _ = client.call("stock.receive", source="py", id="r1", sku="tea", location="main", quantity=10)
    check("a receipt", error is None, error)

    place = dict(source="py", id="order-1", currency="EUR", ttl_ms=60000,
                 lines=[dict(sku="tea", quantity=4, unit_price=399)])
    error, first = client.call("order.place", **place)
    check("an order is placed", error is None and first["state"] == "placed", (error, first))
    error, again = client.call("order.place", **place)
    check("its repeat is answered alike", error is None and again == first, (error, again))
    error, _ = client.call("order.place", **dict(place, currency="GBP"))
    check("its id for something else", error and error["code"] == "CONFLICT", error)
    error, _ = client.call("order.place", source="py", id="order-2", lines=[dict(sku="tea", quantity=7)])
    check("more than there is", error and error["code"] == "SHORT", error)
    check("the short line is named", error and error["lines"][0]["available"] == 6, error)
    error, stock = client.call("stock.get", sku="4006381333931")
    check("stock by barcode", error is None and stock["available"] == 6, (error, stock))
    error, result = client.call("order.pay", source="py", id="pay-1", order="order-1")
    check("paid", error is None and result["state"] == "paid", (error, result))
    error, result = client.call("order.ship", source="py", id="ship-1", order="order-1",
                                lines=[dict(line=1, quantity=3)])
    check("shipped in part", error is None, error)
    error, order = client.call("order.get", source="py", order="order-1")
    line = order["lines"][0] if order else {}
    check("the order", (line.get("shipped"), line.get("held")) == (3, 1), (error, order))

    numbers = {client.send("stock.get", {"sku": "tea"}) for _ in range(500)}
    seen = {client.receive()[1] for _ in range(500)}
    check("500 calls under way at once", seen == numbers)

    error, _ = client.call("order.frobnicate", source="py", id="x")
    check("an unknown verb", error and error["code"] == "UNKNOWN", error)
    error, _ = client.call("stock.get", sku="tea", colour="green")
    check("an unknown field is named", error and error["code"] == "INVALID" and
          "colour" in error["message"], error)
    error, _ = client.call("stock.get", sku=7)
    check("a wrong type", error and error["code"] == "INVALID" and "sku" in error["message"], error)
    error, _ = client.call("stock.get", sku="coffee")
    check("an unknown SKU", error and error["code"] == "NOT_FOUND", error)

    client.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    try:
        message = client.receive()
        check("no message at all is answered", message[2]["code"] == "MALFORMED", message)
        client.receive()
        check("and the connection ends", False)
    except (ConnectionError, OSError):
        check("and the connection ends", True)
    error, stock = Client(address).call("stock.get", sku="tea")
    check("others are unharmed", error is None and stock["available"] == 6, (error, stock))


main(sys.argv[1])
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
