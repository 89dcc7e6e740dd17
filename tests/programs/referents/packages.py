"""Live objects of the C types of packages: a function for each, whose result is kept.

A type that a release has not yet, or no longer, is left out; what is built is told by the description of the program.
"""
import asyncio
import contextlib
import datetime
import decimal
import io
import os
import tempfile


def some(*makers):
    """What can be made of them in this release."""
    made = []
    for maker in makers:
        with contextlib.suppress(AttributeError, ImportError, TypeError, ValueError, NotImplementedError):
            made.append(maker())
    return made


def numpy():
    import numpy as np

    grid = np.arange(12, dtype="int32").reshape(3, 4)
    record = np.dtype([("a", "i4"), ("b", "f8", (2,)), ("c", "O")])
    both = np.nditer([grid, grid.T.copy()[:3, :1]], flags=["multi_index"])
    kept = [grid, grid[1:, ::2], np.array([{"k": 1}, None, [2]], dtype=object), np.zeros(3, record), record, np.zeros(3, record)[0],
            np.float32(2.5), np.datetime64("2026-01-01"), np.str_("text"), np.bytes_(b"b"), np.dtype("M8[ns]"), grid.flat, both,
            np.broadcast(grid, grid[0]), np.ndindex(3), np.add, np.add.reduce, np.vectorize(len), np.poly1d([1, 2]), np.ma.array([1], mask=[0]),
            np.matrix([[1]]), np.rec.array([(1, "a")], dtype=[("n", int), ("s", object)]), np.char.array(["x"]), np.iinfo("i4"),
            np.random.RandomState(3), np.random.default_rng(3), np.errstate(all="ignore"), grid.data, grid.__array_interface__,
            np.frompyfunc(lambda a: a, 1, 1), np.nested_iters(grid, [[0], [1]])]
    kept += [np.random.Generator(kind(5)) for kind in (np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
             if kind is not None]
    kept += some(lambda: np.array(["short", "x" * 100], dtype=np.dtypes.StringDType()), lambda: np.dtypes.StringDType(na_object=None),
                 lambda: np.memmap(tempfile.TemporaryFile(), dtype="i4", shape=(4,)), lambda: np.random.SeedSequence(3).spawn(2))
    return kept


def pandas():
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame({"ints": range(6), "strs": list("abcdef"), "floats": np.arange(6) / 2, "any": [[1], {}, None, 4, "e", 6.5]})
    frame["when"] = pd.date_range("2026-01-01", periods=6, tz="UTC")
    frame["kind"] = pd.Categorical(list("xyxyxy"))
    frame["maybe"] = pd.array([1, None, 3, 4, 5, 6], dtype="Int64")
    grouped = frame.groupby("kind", observed=True)
    kept = [frame, frame["ints"], frame.iloc, frame.loc, frame[["ints", "floats"]], grouped, grouped["ints"].rolling(2), frame.index,
            pd.MultiIndex.from_product([[1, 2], ["a", "b"]]), pd.Timestamp("2026-01-02", tz="Europe/Paris"), pd.Timedelta("1 day"),
            pd.Period("2026-01"), pd.NaT, pd.NA, pd.Interval(1, 2), pd.interval_range(0, 3), pd.period_range("2026", periods=3, freq="M"),
            pd.timedelta_range(0, periods=3), pd.offsets.MonthEnd(2), pd.offsets.BDay(), pd.tseries.offsets.CustomBusinessDay(holidays=["2026-01-05"]),
            pd.tseries.offsets.DateOffset(months=2), pd.Series([1, 0, 0], dtype="Sparse[int]"), frame.rolling(2), frame["when"].dt,
            frame["strs"].str, pd.Series(["a", None], dtype="string"), frame.ints.expanding(), frame.resample("D", on="when")]
    kept[1].get(3), kept[7].get_indexer([2]), pd.Index(["p", "q"]).get_loc("q"), kept[8].get_loc((1, "b"))
    indexes = [pd.Index(["p", "q"]), pd.Index([1.5, 2.5]), pd.Index([7, 9]), pd.DatetimeIndex(["2026-01-01", "2026-01-03"]), kept[15]]
    for index in indexes:
        with contextlib.suppress(Exception):
            index.get_indexer([index[1]]), index.is_unique, index._engine
    from pandas._libs import hashtable

    tables = [hashtable.Int64HashTable(), hashtable.PyObjectHashTable(), hashtable.StringHashTable(), hashtable.Float64HashTable()]
    tables[1].map_locations(np.array(["a", (1,), None], dtype=object))
    tables[0].map_locations(np.arange(5))
    return kept + indexes + tables


def pyarrow():
    import pyarrow as pa

    table = pa.table({"n": [1, 2, None], "s": ["a", "b", None], "l": [[1], [], None], "d": pa.array(["x", "y", "x"]).dictionary_encode()})
    schema = pa.schema([pa.field("n", pa.int64(), metadata={"k": "v"}), ("s", pa.struct([("q", pa.string())]))])
    sink = pa.BufferOutputStream()
    writer = pa.ipc.new_stream(sink, table.schema)
    writer.write_table(table)
    reader = pa.ipc.open_stream(pa.BufferReader(pa.py_buffer(b""))) if False else None
    kept = [table, schema, sink, writer, reader, table.column("n"), table.column("s").chunk(0), table.to_batches()[0], pa.scalar(5),
            pa.scalar([1, 2]), pa.scalar({"a": 1}), pa.array([1, 2]), pa.array(["x"]), pa.array([[1], [2]]), pa.array([{"a": 1}]),
            pa.array([datetime.date(2026, 1, 1)]), pa.array([decimal.Decimal("1.5")]), pa.py_buffer(b"bytes"), pa.BufferReader(b"bytes"),
            pa.PythonFile(io.BytesIO(b"x"), mode="r"), pa.default_memory_pool(), pa.int32(), pa.list_(pa.int8()), pa.dictionary(pa.int8(), pa.string()),
            pa.timestamp("us", "UTC"), pa.decimal128(9, 2), pa.map_(pa.string(), pa.int8()), pa.union([pa.field("a", pa.int8())], "sparse"),
            schema.metadata, table.schema.field(0), pa.Tensor.from_numpy(__import__("numpy").arange(4)), pa.chunked_array([[1], [2]]),
            pa.KeyValueMetadata({"a": "b"})]
    kept += some(lambda: __import__("pyarrow.compute").compute.field("n") > 3, lambda: __import__("pyarrow.dataset").dataset.dataset(table),
                 lambda: __import__("pyarrow.fs").fs.LocalFileSystem(), lambda: __import__("pyarrow.csv").csv.ReadOptions(),
                 lambda: __import__("pyarrow.parquet").parquet)
    return kept


def lxml():
    from lxml import etree, html, objectify

    tree = etree.ElementTree(etree.XML("<a x='1'><!-- c --><?p i?><b>text</b>tail</a>"))
    root = tree.getroot()
    page = html.fromstring("<div><p class='k'>text</p></div>")
    made = objectify.fromstring("<a><b>1</b><c>x</c><c>2.5</c></a>")
    kept = [tree, root, list(root), root.attrib, root.iter(), root.iterchildren(), etree.XPath("//b"), etree.XPathEvaluator(root), etree.ETXPath("//b"),
            etree.XMLParser(target=None), etree.HTMLParser(), etree.XSLT(etree.XML("<xsl:stylesheet version='1.0' "
            "xmlns:xsl='http://www.w3.org/1999/XSL/Transform'><xsl:template match='/'><r/></xsl:template></xsl:stylesheet>")),
            etree.RelaxNG(etree.XML("<element name='a' xmlns='http://relaxng.org/ns/structure/1.0'><text/></element>")), etree.DTD(io.StringIO("<!ELEMENT a ANY>")),
            etree.QName("{n}x"), etree.iterparse(io.BytesIO(b"<a><b/></a>")), etree.XMLPullParser(events=("start",)), tree.docinfo, etree.TreeBuilder(),
            etree.FunctionNamespace("urn:x"), etree.ElementNamespaceClassLookup(), etree.XMLSchema(etree.XML(
            "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a'/></xs:schema>")), page, made, list(made.iterchildren()),
            made.c, objectify.ObjectPath("a.b"), root.xpath("//b/text()"), etree.Entity("amp"), etree.CDATA("x"), etree.C14NWriterTarget(print),
            root.values(), etree.tostring(root), etree.Resolver(), etree.SAXParserTarget if False else None, etree._ListErrorLog if False else None]
    with contextlib.suppress(Exception):
        etree.XML("<a>")
    parser = etree.XMLParser(recover=True)
    etree.XML("<a><b></a>", parser)
    return kept + [parser, parser.error_log, list(parser.error_log), root.iterancestors(), root[2].iterwalk() if hasattr(root[2], "iterwalk") else None]


def pydantic():
    import typing

    import pydantic
    from pydantic_core import SchemaSerializer, SchemaValidator, Url, MultiHostUrl, core_schema, ArgsKwargs, Some, PydanticUndefined, from_json

    class Item(pydantic.BaseModel):
        name: str
        price: float = pydantic.Field(gt=0)
        tags: typing.List[str] = []
        when: typing.Optional[datetime.datetime] = None

    class Order(pydantic.BaseModel):
        items: typing.List[Item]
        by: typing.Dict[str, Item] = {}
        kind: typing.Union[int, str] = 3
        link: typing.Optional[pydantic.AnyUrl] = None

        @pydantic.field_validator("kind")
        @classmethod
        def checked(cls, value):
            return value

    order = Order(items=[{"name": "a", "price": 1}], link="https://example.org/x", by={"b": {"name": "b", "price": 2}})
    try:
        Order(items=[{"name": [], "price": -1}])
    except pydantic.ValidationError as error:
        failed = error
    called = core_schema.no_info_plain_validator_function(lambda value: [value])
    return [Item, Order, order, failed, Order.__pydantic_validator__, Order.__pydantic_serializer__, pydantic.TypeAdapter(typing.List[Item]),
            SchemaValidator(called), SchemaValidator(core_schema.list_schema(called)), SchemaSerializer(core_schema.any_schema()), Url("https://a.b/c"),
            MultiHostUrl("postgres://a,b/c"), ArgsKwargs(([1],), {"k": [2]}), Some([1]), PydanticUndefined, from_json(b"[1]"),
            SchemaValidator(core_schema.model_fields_schema({"a": core_schema.model_field(core_schema.with_default_schema(called, default=[3]))}))]


def yaml():
    import yaml as package

    kept = [package.CLoader("a: [1, 2]\nb: &x {c: d}\ne: *x"), package.CSafeLoader(io.StringIO("- a\n- b\n")), package.CDumper(io.StringIO())]
    kept[0].get_event(), kept[0].get_event(), kept[1].get_token()
    kept[2].open()
    kept[2].represent({"a": [1]})
    try:
        package.load("a: [", package.CLoader)
    except package.YAMLError as error:
        kept.append(error)
    return kept + [package.compose("a: 1", package.CLoader)]


def aiohttp():
    import aiohttp as package
    import multidict
    from aiohttp import web
    from frozenlist import FrozenList
    from yarl import URL

    pairs = multidict.CIMultiDict([("Content-Type", "text"), ("A", "b"), ("a", "c")])
    proxy = multidict.MultiDictProxy(multidict.MultiDict(x="y", z=["w"]))
    frozen = FrozenList([[1], 2])
    kept = [pairs, proxy, pairs.keys(), pairs.items(), pairs.values(), iter(pairs.items()), iter(pairs.keys()), multidict.CIMultiDictProxy(pairs), multidict.istr("Key"), frozen,
            FrozenList([3]), URL("https://user@example.org/p?q=1"), iter(pairs)]
    frozen.freeze()
    loop = asyncio.new_event_loop()

    async def start():
        from aiohttp.http_parser import HttpRequestParser, HttpResponseParser
        protocol = package.base_protocol.BaseProtocol(loop)
        for kind in (HttpRequestParser, HttpResponseParser):
            parser = kind(protocol, loop, 2 ** 16)
            data = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n" if kind is HttpRequestParser else b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
            kept.extend([parser, parser.feed_data(data)])
        session = package.ClientSession()
        kept.extend([session, web.Application(), package.TCPConnector(), package.FormData({"a": "b"})])

    loop.run_until_complete(start())
    with contextlib.suppress(ImportError):
        from propcache import cached_property, under_cached_property

        class Cached:
            value = cached_property(lambda self: [1])
            other = under_cached_property(lambda self: [2])

        kept.extend([Cached, Cached()])
        kept[-1].value
    with contextlib.suppress(ImportError):
        from aiohttp._websocket import reader_c
        kept.append(reader_c)
    return kept + [loop]


def serializers():
    import httptools
    import msgpack
    import orjson
    import ujson
    import zstandard

    class Watcher:
        def on_header(self, name, value):
            pass

    packer, unpacker = msgpack.Packer(default=lambda value: [value]), msgpack.Unpacker(io.BytesIO(b"\x93\x01\x02\x03"), object_hook=dict, list_hook=tuple)
    packer.pack([1]), next(unpacker)
    watcher = Watcher()
    request, response = httptools.HttpRequestParser(watcher), httptools.HttpResponseParser(watcher)
    request.feed_data(b"GET /a HTTP/1.1\r\nHost: x\r\nAcc"), response.feed_data(b"HTTP/1.1 200 OK\r\nA: b\r\n")
    compressor = zstandard.ZstdCompressor(level=3, dict_data=zstandard.ZstdCompressionDict(b"dictionary" * 40))
    decompressor = zstandard.ZstdDecompressor()
    packed = compressor.compress(b"x" * 1000)
    kept = [packer, unpacker, msgpack.Timestamp(3), msgpack.ExtType(1, b"x"), orjson.Fragment(b"[1]"), orjson.dumps([1]), ujson.dumps({"a": [1]}), watcher, request, response,
            httptools.parse_url(b"https://a.b/c?d=e"), compressor, decompressor, compressor.stream_reader(io.BytesIO(b"abc")), decompressor.stream_reader(io.BytesIO(packed)),
            compressor.compressobj(), decompressor.decompressobj(), compressor.stream_writer(io.BytesIO()), decompressor.stream_writer(io.BytesIO()), compressor.chunker(),
            zstandard.ZstdCompressionParameters(), zstandard.BufferWithSegments(b"abcd" * 4, b"\0" * 8 + b"\4" + b"\0" * 7), zstandard.get_frame_parameters(packed),
            compressor.read_to_iter(io.BytesIO(b"abc" * 9)), decompressor.read_to_iter(io.BytesIO(packed))]
    try:
        orjson.loads("[")
    except ValueError as error:
        kept.append(error)
    return kept


def cryptography():
    from cryptography import x509
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives import ciphers, hashes, hmac, padding, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
    from cryptography.x509.oid import NameOID

    key, curve = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    start = datetime.datetime(2026, 1, 1)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
                   .not_valid_before(start).not_valid_after(start + datetime.timedelta(days=9))
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName("example.org")]), critical=False).sign(key, hashes.SHA256()))
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    certificate.extensions, request.subject, certificate.issuer
    cipher = ciphers.Cipher(ciphers.algorithms.AES(b"k" * 32), ciphers.modes.CBC(b"i" * 16))
    digest, signed = hashes.Hash(hashes.SHA256()), hmac.HMAC(b"key", hashes.SHA256())
    digest.update(b"x"), signed.update(b"y")
    kept = [key, key.public_key(), key.private_numbers(), key.public_key().public_numbers(), curve, curve.public_key(), curve.private_numbers(), ed25519.Ed25519PrivateKey.generate(),
            x25519.X25519PrivateKey.generate(), name, certificate, certificate.extensions, request, cipher.encryptor(), cipher.decryptor(), digest, signed,
            padding.PKCS7(128).padder(), Fernet(Fernet.generate_key()), certificate.public_bytes(serialization.Encoding.PEM)]
    kept += some(lambda: __import__("cryptography.hazmat.primitives.ciphers.aead").hazmat.primitives.ciphers.aead.AESGCM(b"k" * 32),
                 lambda: x509.verification.Store([certificate]), lambda: x509.verification.PolicyBuilder().store(x509.verification.Store([certificate])))
    with contextlib.suppress(ImportError):
        from cryptography.x509 import ocsp
        kept.append(ocsp.OCSPRequestBuilder().add_certificate(certificate, certificate, hashes.SHA1()).build())
    return kept


def pillow():
    from PIL import Image, ImageDraw, ImageFont, ImageCms, ImagePalette

    image = Image.new("RGB", (20, 10), "red")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    opened = Image.open(io.BytesIO(buffer.getvalue()))
    opened.load()
    decoder, encoder = Image._getdecoder("RGB", "raw", ("RGB",)), Image._getencoder("RGB", "raw", ("RGB",))
    kept = [image, opened, image.load(), ImageDraw.Draw(image), image.convert("P"), ImagePalette.ImagePalette(), decoder, encoder, image.im, image.histogram()]
    return kept + some(lambda: ImageFont.load_default(), lambda: ImageCms.createProfile("sRGB"),
                       lambda: ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("sRGB"), "RGB", "RGB"),
                       lambda: ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")), lambda: __import__("PIL.ImagePath").ImagePath.Path([1, 2, 3, 4]))


def regex():
    import regex as package

    pattern = package.compile(r"(?P<word>\w+)\L<some>*(?P<n>\d)?", some=["a", "b"])
    scanned = pattern.finditer("one two 3")
    return [pattern, pattern.match("abc1"), scanned, next(scanned), pattern.scanner("a b"), pattern.splititer("a b c"), package.compile(r"(?e)(?:foo){e<2}").search("fao")]


def psycopg():
    os.environ.setdefault("PSYCOPG_IMPL", "binary")
    import psycopg as package
    from psycopg import adapt, pq, sql
    from psycopg.types import TypeInfo

    connection = pq.PGconn.connect_start(b"host=127.0.0.1 port=1")
    result = pq.PGresult.__new__(pq.PGresult) if False else connection.make_empty_result(pq.ExecStatus.TUPLES_OK)
    transformer = adapt.Transformer()
    dumpers = [transformer.get_dumper(value, adapt.PyFormat.AUTO) for value in (1, "text", b"b", 2.5, datetime.date(2026, 1, 1), [1], True, decimal.Decimal(2))]
    loaders = [transformer.get_loader(number, which) for number in (23, 25, 17, 701, 1082, 1007, 16, 1700) for which in (pq.Format.TEXT, pq.Format.BINARY)]
    transformer.dump_sequence([1, ["a"]], [adapt.PyFormat.AUTO] * 2)
    return [connection, result, transformer, dumpers, loaders, sql.SQL("select {}").format(sql.Identifier("a")), package.adapters, TypeInfo("a", 1, 2),
            pq.Conninfo.get_defaults(), pq.Escaping()]


def sqlalchemy():
    import sqlalchemy as package
    from sqlalchemy import orm

    class Base(orm.DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "users"
        id = package.Column(package.Integer, primary_key=True)
        name = package.Column(package.String)

    engine = package.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    session = orm.Session(engine)
    session.add_all([User(name="a"), User(name="b")])
    session.commit()
    connection = engine.connect()
    result = connection.execute(package.select(User.__table__))
    kept = [engine, session, connection, result, session.query(User).all(), connection.execute(package.text("select 1 as one")).fetchall()]
    from sqlalchemy.util import IdentitySet, immutabledict

    return kept + [IdentitySet(kept[:2]), immutabledict({"a": [1]}), package.util.OrderedSet([1, "b"])]


def grpcio():
    import grpc
    from google.protobuf import descriptor_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

    message = struct_pb2.Struct()
    message.update({"a": [1, {"b": "c"}], "d": None})
    file = descriptor_pb2.FileDescriptorProto(name="x.proto", package="p")
    file.message_type.add(name="M").field.add(name="f", number=1)
    channel = grpc.insecure_channel("127.0.0.1:1")
    call = channel.unary_unary("/a/b", request_serializer=bytes, response_deserializer=bytes)
    from concurrent import futures

    server = grpc.server(futures.ThreadPoolExecutor(1))
    return [message, message.fields, message.fields["a"].list_value.values, file, file.message_type, file.DESCRIPTOR, file.DESCRIPTOR.fields_by_name, file.DESCRIPTOR.file,
            file.DESCRIPTOR.file.pool, timestamp_pb2.Timestamp(seconds=1), wrappers_pb2.StringValue(value="s"), channel, call, call.future(b"x", timeout=60), server,
            grpc.ssl_channel_credentials(), grpc.metadata_call_credentials(lambda context, callback: None), list(message.fields.items()), 
            list(file.ListFields())] + some(lambda: __import__("google.protobuf.unknown_fields").protobuf.unknown_fields.UnknownFieldSet(file))


def cffi():
    import cffi as package

    ffi = package.FFI()
    ffi.cdef("typedef struct { int x; char *name; struct { int y; } inner; } item; int puts(const char *); typedef int (*called)(int);")
    item, handle = ffi.new("item *"), ffi.new_handle(["kept"])
    text = ffi.new("char[]", b"text")
    item.name = text
    called = ffi.callback("int(int)", lambda value: value)
    buffer = ffi.buffer(text)
    owned = ffi.gc(ffi.new("int[3]"), lambda pointer: None)
    return [ffi, item, item[0], handle, text, called, buffer, owned, ffi.typeof("item"), ffi.typeof("item").fields, ffi.dlopen(None), ffi.dlopen(None).puts, ffi.from_buffer(bytearray(b"abc")),
            ffi.cast("item *", item), ffi.addressof(item, "x"), iter(ffi.new("int[2]")), ffi.new_allocator(), ffi.typeof("called"), ffi.NULL, ffi.new("item[2]")]


def gevent():
    import greenlet
    import gevent as package
    from gevent import event, lock, local, pool, queue

    waited, group, kept_local = event.Event(), pool.Pool(3), local.local()
    kept_local.value = ["of a greenlet"]

    def working(marker):
        inner = [marker]
        waited.wait()
        return inner

    spawned = [package.spawn(working, number) for number in range(4)] + [group.spawn(working, "pool")]
    spawned[0].link(print)
    single, result = greenlet.greenlet(working), event.AsyncResult()
    started = greenlet.greenlet(lambda value: greenlet.getcurrent().parent.switch(value))
    started.switch([1])
    package.sleep(0.01)
    filled = queue.Queue()
    filled.put([1])
    hub = package.get_hub()
    timer, asynchronous = hub.loop.timer(100), hub.loop.async_()
    timer.start(print, [1])
    return [waited, group, kept_local, spawned, single, result, started, filled, lock.Semaphore(2), lock.RLock(), hub, hub.loop, timer, asynchronous, event.Event(),
            package.Timeout(100).start(), hub.loop.io(0, 1), hub.loop.idle(), hub.threadpool, queue.PriorityQueue(), queue.Channel() if hasattr(queue, "Channel") else None,
            package.iwait(spawned[:2])]


def polars():
    import polars as package

    frame = package.DataFrame({"n": [1, 2, None], "s": ["a", "b", "c"], "l": [[1], [], None], "o": [1.5, 2.5, 3.5]})
    objects = package.Series("any", [[1], {"a": 1}, object()], dtype=package.Object)
    return [frame, frame["n"], frame.lazy().filter(package.col("n") > 1), package.col("n").sum(), objects, frame.group_by("s"), package.lit([1]),
            package.col("n").map_elements(lambda value: value, return_dtype=package.Int64), package.SQLContext(frame=frame), package.when(package.col("n") > 1).then(1), frame.schema]


def uvloop():
    import uvloop as package

    loop = package.new_event_loop()
    kept = [loop]

    async def connected(reader, writer):
        kept.extend([reader, writer])

    async def start():
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address[:2])
        writer.write(b"x")
        transport, protocol = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
        one, other = os.pipe()
        piped, _ = await loop.connect_read_pipe(asyncio.Protocol, open(one, "rb", buffering=0))
        loop.add_reader(other, repr, [1])
        loop.add_signal_handler(10, repr, [2])
        kept.extend([server, server.sockets, reader, writer, transport, protocol, process, piped, loop.call_later(1000, repr, [3]), loop.call_soon(repr, [4]),
                     asyncio.ensure_future(asyncio.sleep(1000)), loop.create_future(), loop.run_in_executor(None, repr)])
        await asyncio.sleep(0.01)

    loop.run_until_complete(start())
    return kept
